/* The sets extension: lists as sets, without regard to order and repetition. */
#include "gateway/expr/function.h"
#include "gateway/expr/values.h"

struct set {
    const struct expr_value *items;
    uint32_t n;
};

static bool open_sets(struct expr_run *r, const struct expr_value *args, struct set s[2],
                      struct expr_value *error)
{
    for (int i = 0; i < 2; i++) {
        s[i].items = expr_list_items(r, &args[i], &s[i].n, error);
        if (!s[i].items)
            return false;
    }
    if (expr_spend(r, (uint64_t)s[0].n * s[1].n))
        return true;
    *error = expr_no_steps();
    return false;
}

/* How many of `of` are in `s`; *error: a comparison failed, and the answer means nothing. */
static uint32_t members(struct expr_run *r, const struct set *s, const struct set *of,
                        struct expr_value *error)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < of->n; i++) {
        bool same = false;
        for (uint32_t k = 0; k < s->n && !same; k++)
            if (!expr_equal(r, &s->items[k], &of->items[i], &same, error))
                return 0;
        found += same;
    }
    return found;
}

static struct expr_value contains(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value error = expr_null();
    struct set s[2];
    (void)n;
    if (!open_sets(r, args, s, &error))
        return error;
    bool all = members(r, &s[0], &s[1], &error) == s[1].n;
    return error.kind == EXPR_ERROR ? error : expr_bool(all);
}

static struct expr_value equivalent(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value error = expr_null();
    struct set s[2];
    (void)n;
    if (!open_sets(r, args, s, &error))
        return error;
    bool all = members(r, &s[0], &s[1], &error) == s[1].n &&
               members(r, &s[1], &s[0], &error) == s[0].n;
    return error.kind == EXPR_ERROR ? error : expr_bool(all);
}

static struct expr_value intersects(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value error = expr_null();
    struct set s[2];
    (void)n;
    if (!open_sets(r, args, s, &error))
        return error;
    bool any = members(r, &s[0], &s[1], &error) > 0;
    return error.kind == EXPR_ERROR ? error : expr_bool(any);
}

static const struct expr_function rows[] = {
    {"sets/contains(list<A>, list<A>) -> bool", contains, EXPR_COST_ITEMS, 0},
    {"sets/equivalent(list<A>, list<A>) -> bool", equivalent, EXPR_COST_ITEMS, 0},
    {"sets/intersects(list<A>, list<A>) -> bool", intersects, EXPR_COST_ITEMS, 0},
};

const struct expr_library expr_lib_sets = {"sets", rows, sizeof rows / sizeof *rows};
