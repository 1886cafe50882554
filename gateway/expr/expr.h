/* The one language of all policies: a subset of CEL (the Common Expression Language), type-checked
 * against the schema when it is loaded, run without allocation while a call passes by.
 *
 *     struct expr_env_spec spec = {.schema = schema, .container = STR("demo.v1"), .arena = &arena};
 *     struct expr_env *env = expr_env_new(&spec);
 *     uint32_t request = expr_declare(env, STR("request"), expr_type_message(&arena,
 * method->input), 0); uint32_t scopes = expr_declare(env, STR("caller.scopes"), list_of_string,
 * EXPR_MAY_BE_ABSENT); const struct expr_program *p = expr_compile(env, STR("'infer' in
 * caller.scopes && request.n < 5"), &expr_type_bool, &faults);      // NULL: faults says why
 *
 * and for each call, with a scratch that is reset first:
 *
 *     struct expr_value slots[expr_env_slots(env)], taps[expr_env_taps(env, NULL)];
 *     ... slots[scopes] = ...;                             // those in p->slots must be set, or
 * ABSENT expr_collect(env, request, message_bytes, taps, &scratch);      // one walk for all
 * programs of env struct expr_value v = expr_eval(p, slots, taps, &scratch);      // of p->type, or
 * EXPR_ERROR
 *
 * A library: no I/O, no clock (`now` is a slot), no globals, no heap while it runs (RE2's lazily
 * built tables, bounded by EXPR_REGEX_MEMORY each, are the one exception). An environment and its
 * programs live in the arena and are immutable once compiled: any thread may evaluate, each with a
 * scratch of its own.
 *
 * Meaning: cel-spec, with these choices: types are always checked (no unchecked mode); regular
 * expressions are constants or bounded; time zones are UTC and fixed offsets; errors absorb as
 * cel-spec says
 * (`false && error` is false in either order). */
#pragma once

#include "gateway/expr/type.h"
#include "gateway/expr/value.h"

struct expr_env;

enum {
    EXPR_SOURCE_MAX = 16 << 10, /* bytes of one expression */
    EXPR_NODES_MAX = 2000,      /* names, literals, operators and calls of one expression, macros
                                   expanded */
    EXPR_DEPTH_MAX = 200,       /* nesting of one expression; deeper is refused in linear time */
    EXPR_ITEMS_DEFAULT = 10000, /* elements a fold may walk; more is EXPR_FAIL_BUDGET at run time */
    EXPR_COST_DEFAULT = 1000000, /* steps an evaluation may take; a program that could need more is
                                    refused */
    EXPR_REGEX_MEMORY = 1 << 20,
    EXPR_REGEX_WEIGHT_MAX = 4000, /* instructions of the regular expressions of one expression */
};

struct expr_env_spec {
    const struct tc_schema *schema; /* messages and enums that names resolve to */
    struct str container; /* package whose names need no prefix; innermost first, as cel-spec says
                           */
    struct arena *arena;
    uint32_t max_items;  /* 0: EXPR_ITEMS_DEFAULT */
    uint64_t max_cost;   /* 0: EXPR_COST_DEFAULT */
    bool refuse_failing; /* a constant part that always fails (1 / 0, a date that is none) is a
                            fault */
    bool refuse_dyn;     /* an expression that meets a dyn value is a fault that names the place */
};

enum { EXPR_MAY_BE_ABSENT = 1 << 0 };

/* What is wrong with an expression. Offsets are bytes of the source; `text` is one sentence that
 * says what is wrong and what would be right ("undeclared name `modle`; did you mean `model`?"). */
struct expr_fault {
    struct expr_fault *next;
    uint32_t offset, end;
    struct str text;
};
struct expr_faults {
    struct expr_fault *first, **tail; /* in order of place */
    uint32_t count;
    bool out_of_memory;
};

/* A tap: a field of a message slot that the programs of an environment read. All of them are noted
 * in one walk over the message (expr_collect), whatever the number of programs: nothing is parsed
 * twice, nothing else is decoded. request.parameters.kind is {slot of request, path of two}. */
struct expr_tap {
    uint32_t slot;
    const struct tc_field *const *path; /* depth 0: the message as a whole */
    uint32_t depth;
    bool test; /* has(...) asks for it */
};

struct expr_program {
    struct str source;
    const struct expr_type *type;
    uint64_t cost; /* steps in the worst case, within max_items; at most max_cost. A string of
                      unknown size counts as 1 KiB, a list that a function goes through as 64
                      elements: longer ones spend more when it runs, which ends at max_cost too */
    const uint32_t *slots; /* the slots it reads, ascending; taps count as reading their slot. The
                              caller sets them: of a message slot, whose value comes by taps,
                              anything but ABSENT says that there is a message */
    uint32_t nslots;
    const uint32_t *taps; /* indices into the environment's */
    uint32_t ntaps;
    bool constant; /* reads nothing */
    const struct expr_code *code;
};

/* NULL: out of memory. */
struct expr_env *expr_env_new(const struct expr_env_spec *spec);
/* Gives back what its regular expressions hold outside the arena; its programs are gone with it.
 * NULL is fine. */
void expr_env_release(struct expr_env *env);
/* A variable; `name` may be qualified ("caller.tier": the longest declared name wins over selecting
 * a field of a shorter one). Returns its slot, counted from 0 in order of declaration; UINT32_MAX:
 * out of memory. */
uint32_t expr_declare(struct expr_env *env, struct str name, const struct expr_type *type,
                      uint32_t flags);
uint32_t expr_env_slots(const struct expr_env *env);
/* The taps of all programs compiled so far; final once the last one is. `*taps` may be NULL. */
uint32_t expr_env_taps(const struct expr_env *env, const struct expr_tap **taps);

/* Parses, checks and compiles. `want` (or NULL: any): the type that the place needs. A dyn fits
 * each, and a wrapper that of its value: there the value's kind is the caller's to look at. NULL:
 * faults->count > 0, or out of memory. Never takes more than 1 ms for EXPR_SOURCE_MAX bytes,
 * whatever they are, but for the time that RE2 takes for patterns of EXPR_REGEX_WEIGHT_MAX. */
const struct expr_program *expr_compile(struct expr_env *env, struct str source,
                                        const struct expr_type *want, struct expr_faults *faults);

/* Memory for one evaluation at a time: anything a value needs beyond its input. Conditions take
 * some hundred bytes, lists 32 bytes an element, maps 72; 64 KiB serve most. */
struct expr_scratch {
    char *p;
    size_t n, used;
};
/* Sets the values of the taps of `slot` from the message's wire bytes, which must stay. Malformed
 * bytes make the taps they hide EXPR_ERROR. Taps of a slot without a message in this call:
 * expr_collect_absent. */
void expr_collect(const struct expr_env *env, uint32_t slot, struct str message,
                  struct expr_value *taps, struct expr_scratch *scratch);
void expr_collect_absent(const struct expr_env *env, uint32_t slot, struct expr_value *taps);
struct expr_value expr_eval(const struct expr_program *p, const struct expr_value *slots,
                            const struct expr_value *taps, struct expr_scratch *scratch);

/* "1:14: undeclared name ...\n  <line>\n  <caret>" for a message of several lines. p == NULL: out
 * of memory. */
struct str expr_fault_text(struct arena *a, struct str source, const struct expr_fault *f);
/* A value as `explain` and logs show it: CEL literals, long ones cut at `max` bytes. */
struct str expr_value_text(struct arena *a, const struct expr_value *v, size_t max);
