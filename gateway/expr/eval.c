#include "gateway/expr/code.h"
#include "gateway/expr/regex.h"

struct expr_value expr_execute(struct expr_frame *f, const struct expr_insn *insns)
{
    for (const struct expr_insn *i = insns; i; i = i->op(f, i)) {
        if (f->run.steps == 0)
            return expr_no_steps();
        f->run.steps--;
    }
    return f->stack[0];
}

struct expr_value expr_eval(const struct expr_program *p, const struct expr_value *slots,
                            const struct expr_value *taps, struct expr_scratch *scratch)
{
    const struct expr_code *code = p->code;
    struct expr_frame f = {
        .run = {.scratch = scratch,
                .schema = code->schema,
                .steps = code->max_cost,
                .max_items = code->max_items},
        .slots = slots,
        .taps = taps,
    };
    f.stack = expr_alloc_array(&f.run, code->depth, sizeof *f.stack);
    return f.stack ? expr_execute(&f, code->insns) : expr_no_memory();
}

const struct expr_insn *expr_op_end(struct expr_frame *f, const struct expr_insn *i)
{
    (void)f, (void)i;
    return NULL;
}

const struct expr_insn *expr_op_constant(struct expr_frame *f, const struct expr_insn *i)
{
    f->stack[i->at] = *i->constant;
    return i + 1;
}

static struct expr_value no_attribute(struct expr_frame *f, const struct expr_insn *i)
{
    return expr_fail(expr_at(f, i), EXPR_FAIL_NO_ATTRIBUTE, "no such attribute: %.*s",
                     STR_ARG(*i->name));
}

const struct expr_insn *expr_op_slot(struct expr_frame *f, const struct expr_insn *i)
{
    const struct expr_value *v = &f->slots[i->x];
    if (v->kind == EXPR_MESSAGE) /* a request that is a Struct, a wrapper...: others come by taps */
        f->stack[i->at] = expr_settle(expr_at(f, i), *v);
    else
        f->stack[i->at] = v->kind == EXPR_ABSENT ? no_attribute(f, i) : *v;
    return i + 1;
}

const struct expr_insn *expr_op_tap(struct expr_frame *f, const struct expr_insn *i)
{
    const struct expr_value *v = &f->taps[i->x];
    f->stack[i->at] = v->kind == EXPR_ABSENT ? no_attribute(f, i) : *v;
    return i + 1;
}

const struct expr_insn *expr_op_has_slot(struct expr_frame *f, const struct expr_insn *i)
{
    f->stack[i->at] = expr_bool(f->slots[i->x].kind != EXPR_ABSENT);
    return i + 1;
}

const struct expr_insn *expr_op_copy(struct expr_frame *f, const struct expr_insn *i)
{
    f->stack[i->at] = f->stack[i->x];
    return i + 1;
}

/* An error goes on as it is; a message that is none (null of a wrapper) has no fields. */
static bool is_message(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_value *v = &f->stack[i->at];
    if (v->kind != EXPR_MESSAGE && v->kind != EXPR_ERROR)
        *v = expr_no_overload(expr_at(f, i), "selection of a field");
    return v->kind == EXPR_MESSAGE;
}

const struct expr_insn *expr_op_field(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_value *v = &f->stack[i->at];
    if (is_message(f, i))
        *v = expr_field(expr_at(f, i), v, i->field);
    return i + 1;
}

const struct expr_insn *expr_op_has_field(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_value *v = &f->stack[i->at];
    if (is_message(f, i))
        *v = expr_has_field(expr_at(f, i), v, i->field);
    return i + 1;
}

const struct expr_insn *expr_op_select(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_value *v = &f->stack[i->at];
    if (v->kind != EXPR_ERROR)
        *v = expr_select(expr_at(f, i), v, *i->name);
    return i + 1;
}

const struct expr_insn *expr_op_has(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_value *v = &f->stack[i->at];
    if (v->kind != EXPR_ERROR)
        *v = expr_has(expr_at(f, i), v, *i->name);
    return i + 1;
}

const struct expr_insn *expr_op_optional_select(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_value *v = &f->stack[i->at];
    if (v->kind != EXPR_ERROR)
        *v = expr_optional_select(expr_at(f, i), v, *i->name);
    return i + 1;
}

/* The first operand that is an error becomes the result. */
static bool any_error(struct expr_value *args, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        if (args[k].kind == EXPR_ERROR) {
            args[0] = args[k];
            return true;
        }
    }
    return false;
}

const struct expr_insn *expr_op_call(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_value *args = &f->stack[i->at];
    if (!any_error(args, i->n))
        args[0] = i->run(expr_at(f, i), args, i->n);
    return i + 1;
}

/* Equality with a constant, the commonest of conditions: nothing is copied for it. */
const struct expr_insn *expr_op_equal_constant(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_value *v = &f->stack[i->at], error;
    const struct expr_value *c = i->constant;
    bool same;

    if (v->kind == EXPR_STRING && c->kind == EXPR_STRING) {
        same = str_eq(v->s, c->s);
    } else if (!expr_equal(expr_at(f, i), v, c, &same, &error)) {
        *v = error;
        return i + 1;
    }
    v->kind = EXPR_BOOL;
    v->b = same == (i->n == 0);
    return i + 1;
}

static bool takes(const struct expr_overload *o, const struct expr_value *args, uint32_t n)
{
    if (o->nparams != n || !o->function->run)
        return false;
    for (uint32_t k = 0; k < n; k++) {
        uint8_t kind = o->params[k]->kind;
        if (kind != args[k].kind && kind != EXPR_PARAM && kind != EXPR_DYN)
            return false;
    }
    return true;
}

static struct expr_value no_overload(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_run *r = expr_at(f, i);
    struct expr_value type = expr_type_of(r, &f->stack[i->at]);
    struct expr_value second = expr_type_of(r, &f->stack[i->at + (i->n > 1)]);
    if (type.kind == EXPR_ERROR || second.kind == EXPR_ERROR)
        return expr_no_memory();
    return expr_fail(r, EXPR_FAIL_NO_OVERLOAD, "no such overload: %.*s of %.*s%s%.*s",
                     STR_ARG(i->overloads[0]->name), STR_ARG(expr_type_name(type.type)),
                     i->n > 1 ? " and " : "",
                     STR_ARG(i->n > 1 ? expr_type_name(second.type) : STR("")));
}

const struct expr_insn *expr_op_dispatch(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_value *args = &f->stack[i->at];
    if (any_error(args, i->n))
        return i + 1;
    for (uint32_t k = 0; k < i->x; k++) {
        if (takes(i->overloads[k], args, i->n)) {
            args[0] = i->overloads[k]->function->run(expr_at(f, i), args, i->n);
            return i + 1;
        }
    }
    args[0] = no_overload(f, i);
    return i + 1;
}

const struct expr_insn *expr_op_matches(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_value *v = &f->stack[i->at];
    struct expr_run *r = expr_at(f, i);
    if (v->kind == EXPR_ERROR)
        return i + 1;
    if (v->kind != EXPR_STRING)
        *v = expr_no_overload(r, "matches");
    else if (!expr_spend_bytes(r, v->s.n))
        *v = expr_no_steps();
    else
        *v = expr_bool(expr_regex_match(i->regex, v->s));
    return i + 1;
}
