#include "gateway/expr/code.h"

static const struct expr_insn *jump(const struct expr_insn *i)
{
    return i + i->x;
}

const struct expr_insn *expr_op_jump(struct expr_frame *f, const struct expr_insn *i)
{
    (void)f;
    return jump(i);
}

static bool is(const struct expr_value *v, bool b)
{
    return v->kind == EXPR_BOOL && v->b == b;
}

/* The left operand decides when it is false (of ||: true); else the right one follows at + 1. */
const struct expr_insn *expr_op_and_left(struct expr_frame *f, const struct expr_insn *i)
{
    return is(&f->stack[i->at], false) ? jump(i) : i + 1;
}

const struct expr_insn *expr_op_or_left(struct expr_frame *f, const struct expr_insn *i)
{
    return is(&f->stack[i->at], true) ? jump(i) : i + 1;
}

/* cel-spec "Logical Operators": the deciding value in either place wins over an error in the other,
 * of two errors the first stays. */
void expr_combine(struct expr_run *r, struct expr_value *a, const struct expr_value *b,
                  bool deciding)
{
    if (is(a, deciding) || is(b, deciding)) {
        *a = expr_bool(deciding);
        return;
    }
    if (a->kind == EXPR_BOOL && b->kind == EXPR_BOOL)
        return;
    if (a->kind == EXPR_BOOL)
        *a = *b;
    if (a->kind != EXPR_ERROR)
        *a = expr_no_overload(r, deciding ? "_||_" : "_&&_");
}

const struct expr_insn *expr_op_and(struct expr_frame *f, const struct expr_insn *i)
{
    expr_combine(expr_at(f, i), &f->stack[i->at], &f->stack[i->at + 1], false);
    return i + 1;
}

const struct expr_insn *expr_op_or(struct expr_frame *f, const struct expr_insn *i)
{
    expr_combine(expr_at(f, i), &f->stack[i->at], &f->stack[i->at + 1], true);
    return i + 1;
}

/* The condition of ?: is at `at`: true goes on, false jumps to the other branch, anything else is
 * an error and goes the way of the jump that ends the first branch, right before the other one. */
const struct expr_insn *expr_op_choose(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_value *v = &f->stack[i->at];
    if (v->kind == EXPR_BOOL)
        return v->b ? i + 1 : jump(i);
    if (v->kind != EXPR_ERROR)
        *v = expr_no_overload(expr_at(f, i), "_?_:_");
    return (i + i->x - 1)->op(f, i + i->x - 1);
}

const struct expr_insn *expr_op_not_strictly_false(struct expr_frame *f, const struct expr_insn *i)
{
    f->stack[i->at] = expr_bool(!is(&f->stack[i->at], false));
    return i + 1;
}

/* True when the operand is needed: an empty optional. */
static bool needs_other(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_value *v = &f->stack[i->at];
    if (v->kind != EXPR_OPTIONAL && v->kind != EXPR_ERROR)
        *v = expr_no_overload(expr_at(f, i), "or");
    return v->kind == EXPR_OPTIONAL && !v->optional;
}

const struct expr_insn *expr_op_optional_or(struct expr_frame *f, const struct expr_insn *i)
{
    return needs_other(f, i) ? i + 1 : jump(i);
}

const struct expr_insn *expr_op_optional_or_value(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_value *v = &f->stack[i->at];
    if (needs_other(f, i))
        return i + 1;
    if (v->kind == EXPR_OPTIONAL)
        *v = *v->optional;
    return jump(i);
}
