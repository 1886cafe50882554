#include "gateway/expr/code.h"

/* A list that an accumulator grows: nobody else has it before its fold is over. Told from others by
 * its size function; read like an array. */
struct growing {
    struct expr_array array;
    struct expr_value *items;
    uint32_t room;
};

static uint32_t growing_size(const struct expr_list *list)
{
    return ((const struct expr_array *)list)->n;
}

/* Anything but a list or a map is an error that jumps past the fold, as its value. */
const struct expr_insn *expr_op_fold_start(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_value *v = &f->stack[i->at];
    if (v->kind == EXPR_LIST || v->kind == EXPR_MAP) {
        v[EXPR_FOLD_POSITION] = expr_int(0);
        return i + 1;
    }
    if (v->kind != EXPR_ERROR)
        *v = expr_no_overload(expr_at(f, i), "a walk, which needs a list or a map,");
    return i + i->x;
}

/* The next position, or false at the end. With `n` an accumulator that is an error ends the fold.
 */
static bool advance(struct expr_frame *f, const struct expr_insn *i, uint32_t *position)
{
    struct expr_value *v = &f->stack[i->at];
    uint32_t size = v->kind == EXPR_LIST ? expr_list_size(v) : expr_map_size(v);
    *position = (uint32_t)v[EXPR_FOLD_POSITION].i;
    if (*position >= size || (i->n && v[EXPR_FOLD_ACCU].kind == EXPR_ERROR))
        return false;
    if (*position >= f->run.max_items) {
        v[EXPR_FOLD_ACCU] = expr_fail(expr_at(f, i), EXPR_FAIL_BUDGET,
                                      "more than %u elements to walk", f->run.max_items);
        return false;
    }
    v[EXPR_FOLD_POSITION].i++;
    return true;
}

/* One variable: the element, or the key of a map. */
const struct expr_insn *expr_op_fold_next(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_value *v = &f->stack[i->at], value;
    uint32_t k;
    if (!advance(f, i, &k))
        return i + i->x;
    if (v->kind == EXPR_LIST)
        v[EXPR_FOLD_VAR] = expr_list_at(expr_at(f, i), v, k);
    else
        v->map->at(v->map, expr_at(f, i), k, &v[EXPR_FOLD_VAR], &value);
    return i + 1;
}

/* Two: index and element, or key and value. */
const struct expr_insn *expr_op_fold_next2(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_value *v = &f->stack[i->at];
    uint32_t k;
    if (!advance(f, i, &k))
        return i + i->x;
    if (v->kind == EXPR_MAP) {
        v->map->at(v->map, expr_at(f, i), k, &v[EXPR_FOLD_VAR], &v[EXPR_FOLD_VAR2]);
        return i + 1;
    }
    v[EXPR_FOLD_VAR] = expr_int(k);
    v[EXPR_FOLD_VAR2] = expr_list_at(expr_at(f, i), v, k);
    return i + 1;
}

/* Back to the next element. */
const struct expr_insn *expr_op_fold_again(struct expr_frame *f, const struct expr_insn *i)
{
    (void)f;
    return i - i->x;
}

/* The condition at `at`: false ends the fold. */
const struct expr_insn *expr_op_fold_while(struct expr_frame *f, const struct expr_insn *i)
{
    const struct expr_value *v = &f->stack[i->at];
    return v->kind == EXPR_BOOL && v->b ? i + 1 : i + i->x;
}

/* The accumulator at `at` has been decided: it is the bool `n`. */
const struct expr_insn *expr_op_fold_until(struct expr_frame *f, const struct expr_insn *i)
{
    const struct expr_value *v = &f->stack[i->at];
    return v->kind == EXPR_BOOL && v->b == (i->n != 0) ? i + i->x : i + 1;
}

/* accu && value at place x, accu || value: as expr_op_and and expr_op_or. */
const struct expr_insn *expr_op_fold_and(struct expr_frame *f, const struct expr_insn *i)
{
    expr_combine(expr_at(f, i), &f->stack[i->at], &f->stack[i->x], false);
    return i + 1;
}

const struct expr_insn *expr_op_fold_or(struct expr_frame *f, const struct expr_insn *i)
{
    expr_combine(expr_at(f, i), &f->stack[i->at], &f->stack[i->x], true);
    return i + 1;
}

/* The condition of a step at `at`; an error becomes the accumulator, at place `n`. */
const struct expr_insn *expr_op_fold_choose(struct expr_frame *f, const struct expr_insn *i)
{
    const struct expr_value *v = &f->stack[i->at];
    if (v->kind == EXPR_BOOL)
        return v->b ? i + 1 : i + i->x;
    f->stack[i->n] = v->kind == EXPR_ERROR ? *v : expr_no_overload(expr_at(f, i), "_?_:_");
    return i + i->x;
}

/* Room for one more. The last thing in scratch grows where it is. */
static bool grow(struct expr_run *r, struct growing *g)
{
    uint32_t room = g->room ? 2 * g->room : 4;
    struct expr_scratch *s = r->scratch;
    size_t more = (room - g->room) * sizeof *g->items;

    if (g->room && (char *)(g->items + g->room) == s->p + s->used && s->n - s->used >= more) {
        s->used += more;
        g->room = room;
        return true;
    }
    struct expr_value *items = expr_alloc_array(r, room, sizeof *items);
    if (!items)
        return false;
    if (g->array.n)
        memcpy(items, g->items, g->array.n * sizeof *items);
    g->array.items = g->items = items;
    g->room = room;
    return true;
}

/* A list of its own for the accumulator, with what the given one holds. */
static struct growing *own(struct expr_run *r, struct expr_value *accu, struct expr_value *error)
{
    uint32_t n;
    if (accu->list->size == growing_size)
        return (struct growing *)(uintptr_t)accu->list;
    const struct expr_value *items = expr_list_items(r, accu, &n, error);
    struct growing *g = items ? expr_alloc(r, sizeof *g) : NULL;
    if (!g) {
        *error = items ? expr_no_memory() : *error;
        return NULL;
    }
    *g = (struct growing){.room = 0};
    *accu = expr_array_init(&g->array, NULL, 0);
    g->array.list.size = growing_size;
    for (uint32_t k = 0; k < n; k++) {
        if (g->array.n == g->room && !grow(r, g)) {
            *error = expr_no_memory();
            return NULL;
        }
        g->items[g->array.n++] = items[k];
    }
    return g;
}

/* accu = accu + [value at `at`]; the accumulator is at place x. */
const struct expr_insn *expr_op_append(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_value *accu = &f->stack[i->x], error;
    const struct expr_value *v = &f->stack[i->at];
    struct expr_run *r = expr_at(f, i);

    if (accu->kind == EXPR_ERROR)
        return i + 1;
    if (v->kind == EXPR_ERROR || accu->kind != EXPR_LIST) {
        *accu = v->kind == EXPR_ERROR ? *v : expr_no_overload(r, "_+_");
        return i + 1;
    }
    struct growing *g = own(r, accu, &error);
    if (!g)
        *accu = error;
    else if (g->array.n == g->room && !grow(r, g))
        *accu = expr_no_memory();
    else
        g->items[g->array.n++] = *v;
    return i + 1;
}

/* accu = accu with the key at `at` and the value behind it. */
const struct expr_insn *expr_op_insert(struct expr_frame *f, const struct expr_insn *i)
{
    struct expr_value *accu = &f->stack[i->x];
    const struct expr_value *key = &f->stack[i->at], *value = key + 1;
    struct expr_run *r = expr_at(f, i);

    if (accu->kind == EXPR_ERROR)
        return i + 1;
    if (key->kind == EXPR_ERROR || value->kind == EXPR_ERROR)
        *accu = key->kind == EXPR_ERROR ? *key : *value;
    else if (accu->kind != EXPR_MAP || !expr_is_key(key))
        *accu = expr_fail(r, EXPR_FAIL_NO_OVERLOAD, "unsupported key type");
    else
        *accu = expr_map_insert(r, accu, key, value);
    return i + 1;
}
