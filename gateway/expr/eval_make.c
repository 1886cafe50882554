#include "gateway/expr/code.h"

/* What "?" says about an operand: an empty optional is left out, another gives its value. */
enum taken { TAKEN, LEFT_OUT, FAILED };

static enum taken take(struct expr_frame *f, const struct expr_insn *i, bool optional,
                       struct expr_value *v)
{
    if (optional && v->kind == EXPR_OPTIONAL) {
        if (!v->optional)
            return LEFT_OUT;
        *v = *v->optional;
    } else if (optional && v->kind != EXPR_ERROR) {
        *v = expr_no_overload(expr_at(f, i), "an element with ?, which must be an optional,");
    }
    return v->kind == EXPR_ERROR ? FAILED : TAKEN;
}

static const struct expr_insn *done(struct expr_frame *f, const struct expr_insn *i,
                                    struct expr_value v)
{
    f->stack[i->at] = v;
    return i + 1;
}

const struct expr_insn *expr_op_list(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_run *r = expr_at(f, i);
    struct expr_value *from = &f->stack[i->at];
    struct expr_value *items = expr_alloc_array(r, i->n, sizeof *items);
    uint32_t n = 0;

    if (!items)
        return done(f, i, expr_no_memory());
    for (uint32_t k = 0; k < i->n; k++) {
        enum taken t = take(f, i, i->optional && i->optional[k], &from[k]);
        if (t == FAILED)
            return done(f, i, from[k]);
        if (t == TAKEN)
            items[n++] = from[k];
    }
    return done(f, i, expr_list_of(r, items, n));
}

/* Keys and values by turns. */
const struct expr_insn *expr_op_map(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_run *r = expr_at(f, i);
    struct expr_value *from = &f->stack[i->at];
    struct expr_pair *pairs = expr_alloc_array(r, i->n, sizeof *pairs);
    uint32_t n = 0;

    if (!pairs)
        return done(f, i, expr_no_memory());
    for (uint32_t k = 0; k < i->n; k++, from += 2) {
        if (from->kind == EXPR_ERROR)
            return done(f, i, *from);
        if (!expr_is_key(from))
            return done(f, i, expr_fail(r, EXPR_FAIL_NO_OVERLOAD, "unsupported key type"));
        enum taken t = take(f, i, i->optional && i->optional[k], from + 1);
        if (t == FAILED)
            return done(f, i, from[1]);
        if (t == TAKEN)
            pairs[n++] = (struct expr_pair){from[0], from[1]};
    }
    return done(f, i, expr_map_of(r, pairs, n, EXPR_REPEATED_FAILS));
}

const struct expr_insn *expr_op_message(struct expr_frame *f, const struct expr_insn *i)
{
    const struct expr_struct_shape *s = i->shape;
    struct expr_run *r = expr_at(f, i);
    struct expr_value *from = &f->stack[i->at];
    const struct tc_field **fields = expr_alloc_array(r, i->n, sizeof *fields);
    uint32_t n = 0;

    if (!fields)
        return done(f, i, expr_no_memory());
    for (uint32_t k = 0; k < i->n; k++) {
        enum taken t = take(f, i, s->optional && s->optional[k], &from[k]);
        if (t == FAILED)
            return done(f, i, from[k]);
        if (t == LEFT_OUT)
            continue;
        fields[n] = s->fields[k];
        from[n++] = from[k];
    }
    return done(f, i, expr_make_message(r, s->message, fields, from, n));
}
