/* The steps of schema_compile, in their order, and what they share. Each step notes faults and goes
 * on, so that all are found; `broken` (bytes that cannot be read, a ceiling) and `nomem` end the
 * compilation after the step. */
#pragma once

#include "transcoder/schema_raw.h"

struct name_entry {
    struct str key;
    void *what;
};

/* Open addressing over full names; sized once. */
struct name_index {
    struct name_entry *slots;
    uint32_t mask;
};

struct noted_fault;

struct compile {
    struct arena *out;    /* the schema */
    struct arena scratch; /* what lives as long as the call */
    struct arena lap;     /* what lives while one type or service is written */
    struct raw_set set;
    struct raw_message *messages; /* in order of the set */
    struct raw_enum *enums;
    struct raw_service *services;
    struct raw_field *extensions;
    struct raw_message **messages_tail;
    struct raw_enum **enums_tail;
    struct raw_service **services_tail;
    struct raw_field **extensions_tail;
    struct name_index files, types; /* raw_file by name; raw_scope by full name */
    struct tc_schema *schema;
    struct noted_fault *noted;
    size_t nfaults;
    uint32_t probes; /* look-ups of names relative to a scope */
    bool broken, nomem;
};

/* Zeroed memory; NULL sets c->nomem. */
void *schema_take(struct compile *c, struct arena *from, size_t count, size_t size);
/* A copy in the schema; an empty or failed copy has n == 0, and p == NULL only when s.p is. */
struct str schema_keep(struct compile *c, struct str s);
/* "scope.name", or "name" when scope is empty, in `to`. */
struct str schema_join(struct compile *c, struct arena *to, struct str scope, struct str name);
/* Notes a fault about `at`; the text begins with what `at` is when the place is a line. */
__attribute__((format(printf, 3, 4))) void schema_fault(struct compile *c,
                                                        const struct raw_node *at,
                                                        const char *format, ...);
/* For "%.*s": cut to what is still readable. */
#define SHOW(s) ((int)((s).n > 200 ? 200 : (s).n)), ((s).n ? (s).p : "")

/* schema_read */
void schema_read(struct compile *c, struct str set);
struct raw_file *raw_file_of(const struct raw_node *n);
struct str raw_scope_name(const struct raw_node *n); /* full name of the scope that holds `n` */
const char *raw_descriptor_name(enum raw_kind kind);

/* schema_slots: one table for what is read of a descriptor and for the paths that SourceCodeInfo
 * speaks in */
bool raw_read_slots(struct compile *c, struct raw_node *node);
struct raw_options_read {
    uint32_t packed, map_entry, message_set, allow_alias;
    struct str features;
};
bool raw_read_options(struct compile *c, const struct raw_node *node, struct str bytes,
                      struct raw_options_read *into);
bool raw_read_features(struct compile *c, struct str bytes, uint32_t values[5]);
/* Children come slot by slot: `step` counts from 0; false after the last. */
struct raw_children {
    char *first;
    uint32_t n, size;
    uint8_t kind; /* enum raw_kind */
};
bool raw_children(const struct raw_node *node, uint32_t step, struct raw_children *into);
struct raw_node *raw_child(const struct raw_node *node, uint32_t number, uint32_t index);
/* The options of a file, service or method when field `number` of its descriptor holds them; else
 * NULL. */
struct raw_options *raw_lined_options(struct raw_node *node, uint32_t number);

/* schema_source */
void schema_source(struct compile *c, struct raw_file *file);

/* schema_link */
void schema_link(struct compile *c);
struct raw_node *schema_resolve(struct compile *c, const struct raw_node *from, struct str name);
/* NULL after a fault that calls it `what`. */
struct raw_message *schema_resolve_message(struct compile *c, const struct raw_node *at,
                                           const char *what, struct str name);

/* schema_check */
void schema_check(struct compile *c);
bool schema_is_name(struct str s);
bool raw_is_map(const struct raw_field *f);
bool raw_is_message(const struct raw_field *f);

/* True, with a fault, when 16 bits cannot index `count`. */
bool schema_too_many(struct compile *c, const struct raw_node *n, size_t count, const char *what);
/* schema_emit; enums go first: defaults are looked up in them */
void schema_emit_enums(struct compile *c);
void schema_emit_messages(struct compile *c);
/* schema_services: files, services, methods and the sorted lists */
void schema_emit_rest(struct compile *c);
/* schema_required: tc_message.reaches_required */
void schema_required(struct compile *c);
/* schema_well_known */
void schema_well_known(struct compile *c);

/* schema_index */
bool name_index_init(struct compile *c, struct name_index *x, size_t names);
/* What was there under `key` already; else NULL, and `what` is there now. */
void *name_index_put(struct compile *c, struct name_index *x, struct str key, void *what);
void *name_index_get(const struct name_index *x, struct str key);
struct name_key {
    struct str name;
    uint32_t index; /* what the table gives for the name */
};
struct name_clash {
    void (*tell)(struct compile *c, void *of, uint32_t first, uint32_t second);
    void *of;
};
struct name_table {
    const uint16_t *slots; /* as tc_message.by_name */
    uint32_t mask;
};
/* `into` may be NULL: then only clashes are told. Of equal names with different indices the first
 * counts, and `clash` is told of the others. False also when too many names share a hash. */
bool schema_name_table(struct compile *c, const struct name_key *keys, size_t n,
                       const struct name_clash *clash, struct name_table *into);
bool schema_number_table(struct compile *c, struct tc_message *m);
bool schema_value_numbers(struct compile *c, const struct raw_enum *raw, struct tc_enum *e);
