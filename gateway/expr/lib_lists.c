/* The lists extension, and what the parser's macros on lists and maps need. */
#include "gateway/expr/function.h"
#include "gateway/expr/strings.h"

static struct expr_value bad_argument(struct expr_run *r, const char *what)
{
    return expr_fail(r, EXPR_FAIL_BAD_VALUE, "invalid argument: %s", what);
}

/* The elements of a list and steps for all of them. NULL: *error. */
static const struct expr_value *open_list(struct expr_run *r, const struct expr_value *list,
                                          uint32_t *n, struct expr_value *error)
{
    if (!expr_spend(r, expr_list_size(list))) {
        *error = expr_no_steps();
        return NULL;
    }
    return expr_list_items(r, list, n, error);
}

static struct expr_value slice(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value error;
    uint32_t size;
    int64_t from = args[1].i, to = args[2].i;
    (void)n;
    if (from < 0 || to < 0 || from > to || to > expr_list_size(&args[0]))
        return bad_argument(r, "slice(from, to) needs 0 <= from <= to <= size");
    const struct expr_value *items = open_list(r, &args[0], &size, &error);
    return items ? expr_list_of(r, items + from, (uint32_t)(to - from)) : error;
}

/* Where flatten puts elements, or only counts them (out == NULL). */
struct flat {
    struct expr_value *out, error;
    uint32_t n;
};

static bool flatten_into(struct expr_run *r, const struct expr_value *list, int64_t depth,
                         struct flat *flat)
{
    uint32_t n;
    const struct expr_value *items = open_list(r, list, &n, &flat->error);
    bool ok = items && r->depth < EXPR_VALUE_DEPTH_MAX;
    if (items && !ok)
        flat->error = expr_no_steps();
    r->depth++;
    for (uint32_t i = 0; ok && i < n; i++) {
        if (items[i].kind == EXPR_LIST && depth > 0) {
            ok = flatten_into(r, &items[i], depth - 1, flat);
            continue;
        }
        if (flat->out)
            flat->out[flat->n] = items[i];
        flat->n++;
    }
    r->depth--;
    return ok;
}

static struct expr_value flatten(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct flat count = {.out = NULL}, flat = {.out = NULL};
    int64_t depth = n > 1 ? args[1].i : 1;
    if (depth < 0)
        return bad_argument(r, "flatten(depth) needs 0 or more");
    if (!flatten_into(r, &args[0], depth, &count))
        return count.error;
    flat.out = expr_alloc_array(r, count.n, sizeof *flat.out);
    if (!flat.out)
        return expr_no_memory();
    if (!flatten_into(r, &args[0], depth, &flat))
        return flat.error;
    return expr_list_of(r, flat.out, flat.n);
}

static struct expr_value distinct(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value error;
    uint32_t size, count = 0;
    const struct expr_value *items = open_list(r, &args[0], &size, &error);
    struct expr_value *out = items ? expr_alloc_array(r, size, sizeof *out) : NULL;
    (void)n;
    if (!out)
        return items ? expr_no_memory() : error;
    for (uint32_t i = 0; i < size; i++) {
        bool seen = false;
        if (!expr_spend(r, count))
            return expr_no_steps();
        for (uint32_t k = 0; k < count && !seen; k++)
            if (!expr_equal(r, &out[k], &items[i], &seen, &error))
                return error;
        if (!seen)
            out[count++] = items[i];
    }
    return expr_list_of(r, out, count);
}

static struct expr_value range(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    if (args[0].i < 0 || args[0].i > r->max_items)
        return bad_argument(r, "lists.range(n) needs 0 <= n, within the bound of lists");
    uint32_t size = (uint32_t)args[0].i;
    if (!expr_spend(r, size))
        return expr_no_steps();
    struct expr_value *items = expr_alloc_array(r, size, sizeof *items);
    if (!items)
        return expr_no_memory();
    for (uint32_t i = 0; i < size; i++)
        items[i] = expr_int(i);
    return expr_list_of(r, items, size);
}

static struct expr_value reverse(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value error;
    uint32_t size;
    const struct expr_value *items = open_list(r, &args[0], &size, &error);
    struct expr_value *out = items ? expr_alloc_array(r, size, sizeof *out) : NULL;
    (void)n;
    if (!out)
        return items ? expr_no_memory() : error;
    for (uint32_t i = 0; i < size; i++)
        out[size - 1 - i] = items[i];
    return expr_list_of(r, out, size);
}

static bool key_precedes(void *context, uint32_t a, uint32_t b)
{
    const struct expr_value *keys = context;
    enum expr_order o = EXPR_SAME;
    return expr_compare(&keys[a], &keys[b], &o) && o == EXPR_LESS;
}

/* All of one kind that has an order. */
static bool sortable(const struct expr_value *keys, uint32_t n)
{
    enum expr_order o;
    for (uint32_t i = 0; i < n; i++)
        if (keys[i].kind != keys[0].kind || !expr_compare(&keys[i], &keys[0], &o))
            return false;
    return true;
}

static uint64_t sort_steps(uint32_t n)
{
    return (uint64_t)n * (n > 1 ? 32 - (unsigned)__builtin_clz(n) : 1);
}

static struct expr_value sort_by(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value error;
    uint32_t size, nkeys;
    const struct expr_value *items = open_list(r, &args[0], &size, &error);
    const struct expr_value *keys = items ? open_list(r, &args[n - 1], &nkeys, &error) : NULL;
    if (!keys)
        return error;
    if (nkeys != size || !sortable(keys, size))
        return bad_argument(r, "only elements of one type that has an order can be sorted");
    if (!expr_spend(r, sort_steps(size)))
        return expr_no_steps();
    struct expr_value *out = expr_alloc_array(r, size, sizeof *out);
    uint32_t *order = expr_alloc_array(r, 2 * (size_t)size, sizeof *order);
    if (!out || !order)
        return expr_no_memory();
    for (uint32_t i = 0; i < size; i++)
        order[i] = i;
    expr_sort(order, order + size, size, key_precedes, (void *)(uintptr_t)keys);
    for (uint32_t i = 0; i < size; i++)
        out[i] = items[order[i]];
    return expr_list_of(r, out, size);
}

static struct expr_value first(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    if (expr_list_size(&args[0]) == 0)
        return expr_optional_none();
    return expr_optional_of(r, expr_list_at(r, &args[0], 0));
}

static struct expr_value last(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    uint32_t size = expr_list_size(&args[0]);
    (void)n;
    return size == 0 ? expr_optional_none()
                     : expr_optional_of(r, expr_list_at(r, &args[0], size - 1));
}

/* One map and the pairs of another, or one pair. */
static struct expr_value map_insert(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    uint32_t size = expr_map_size(&args[0]), more = n == 2 ? expr_map_size(&args[1]) : 1;
    if (!expr_spend(r, (uint64_t)size + more))
        return expr_no_steps();
    struct expr_pair *pairs = expr_alloc_array(r, (size_t)size + more, sizeof *pairs);
    if (!pairs)
        return expr_no_memory();
    for (uint32_t i = 0; i < size; i++)
        args[0].map->at(args[0].map, r, i, &pairs[i].key, &pairs[i].value);
    if (n == 3)
        pairs[size] = (struct expr_pair){args[1], args[2]};
    for (uint32_t i = 0; n == 2 && i < more; i++)
        args[1].map->at(args[1].map, r, i, &pairs[size + i].key, &pairs[size + i].value);
    return expr_map_of(r, pairs, size + more, EXPR_REPEATED_FAILS);
}

static const struct expr_function rows[] = {
    {"list<A>.slice(int, int) -> list<A>", slice, EXPR_COST_ITEMS, 0},
    {"list<A>.flatten() -> list<dyn>", flatten, EXPR_COST_ITEMS, 0},
    {"list<A>.flatten(int) -> list<dyn>", flatten, EXPR_COST_ITEMS, 0},
    {"list<A>.distinct() -> list<A>", distinct, EXPR_COST_ITEMS, 0},
    {"lists/range(int) -> list<int>", range, EXPR_COST_ITEMS, 0},
    {"list<A>.reverse() -> list<A>", reverse, EXPR_COST_ITEMS, 0},
    {"list<A>.sort() -> list<A>", sort_by, EXPR_COST_ITEMS, 0},
    {"list<A>.@sortByAssociatedKeys(list<B>) -> list<A>", sort_by, EXPR_COST_ITEMS, 0},
    {"list<A>.first() -> optional<A>", first, EXPR_COST_ONE, 0},
    {"list<A>.last() -> optional<A>", last, EXPR_COST_ONE, 0},
    {"cel/@mapInsert(map<A, B>, A, B) -> map<A, B>", map_insert, EXPR_COST_ITEMS, 0},
    {"cel/@mapInsert(map<A, B>, map<A, B>) -> map<A, B>", map_insert, EXPR_COST_ITEMS, 0},
};

const struct expr_library expr_lib_lists = {"lists", rows, sizeof rows / sizeof *rows};
