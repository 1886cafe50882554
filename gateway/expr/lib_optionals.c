/* Optionals: optional.of(x), x.?field, m[?key], orValue ... or() and orValue() take their operand
 * only when they need it, so the evaluator runs them. */
#include "gateway/expr/function.h"
#include "gateway/expr/values.h"

static struct expr_value of(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    return expr_optional_of(r, args[0]);
}

static struct expr_value none(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)args, (void)n;
    return expr_optional_none();
}

static struct expr_value of_non_zero(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    return expr_is_zero(&args[0]) ? expr_optional_none() : expr_optional_of(r, args[0]);
}

static struct expr_value has_value(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_bool(args[0].optional != NULL);
}

static struct expr_value value(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    if (!args[0].optional)
        return expr_fail(r, EXPR_FAIL_NO_SUCH_KEY, "optional.none() dereference");
    return *args[0].optional;
}

static struct expr_value optional_index(struct expr_run *r, const struct expr_value *args,
                                        uint32_t n)
{
    (void)n;
    return expr_optional_index(r, &args[0], &args[1]);
}

static struct expr_value unwrap(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value error;
    uint32_t size, count = 0;
    const struct expr_value *items = expr_list_items(r, &args[0], &size, &error);
    struct expr_value *out = items ? expr_alloc_array(r, size, sizeof *out) : NULL;
    (void)n;
    if (!out)
        return items ? expr_no_memory() : error;
    if (!expr_spend(r, size))
        return expr_no_steps();
    for (uint32_t i = 0; i < size; i++) {
        if (items[i].kind != EXPR_OPTIONAL)
            return items[i].kind == EXPR_ERROR ? items[i] : expr_no_overload(r, "optional.unwrap");
        if (items[i].optional)
            out[count++] = *items[i].optional;
    }
    return expr_list_of(r, out, count);
}

#define INDEX(index, list, map)                                                                \
    {index "(" list ", int) -> optional<A>", optional_index, EXPR_COST_ONE, 0},                \
        {index "(" list ", uint) -> optional<A>", optional_index, EXPR_COST_ONE, EXPR_LATE},   \
        {index "(" list ", double) -> optional<A>", optional_index, EXPR_COST_ONE, EXPR_LATE}, \
    {                                                                                          \
        index "(" map ", A) -> optional<B>", optional_index, EXPR_COST_ONE, 0                  \
    }

static const struct expr_function rows[] = {
    {"optional/of(A) -> optional<A>", of, EXPR_COST_ONE, 0},
    {"optional/none() -> optional<A>", none, EXPR_COST_ONE, 0},
    {"optional/ofNonZeroValue(A) -> optional<A>", of_non_zero, EXPR_COST_ONE, 0},
    {"optional<A>.hasValue() -> bool", has_value, EXPR_COST_ONE, 0},
    {"optional<A>.value() -> A", value, EXPR_COST_ONE, 0},
    {"optional<A>.or(optional<A>) -> optional<A>", NULL, EXPR_COST_ONE, 0},
    {"optional<A>.orValue(A) -> A", NULL, EXPR_COST_ONE, 0},
    {"optional/unwrap(list<optional<A>>) -> list<A>", unwrap, EXPR_COST_ITEMS, 0},
    {"list<optional<A>>.unwrapOpt() -> list<A>", unwrap, EXPR_COST_ITEMS, 0},
    INDEX("_[?_]", "list<A>", "map<A, B>"),
    INDEX("_[?_]", "optional<list<A>>", "optional<map<A, B>>"),
    INDEX("_[_]", "optional<list<A>>", "optional<map<A, B>>"),
};

const struct expr_library expr_lib_optionals = {"optionals", rows, sizeof rows / sizeof *rows};
