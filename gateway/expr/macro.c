#include "gateway/expr/parser.h"

#define TEXT(p, ...) arena_printf((p)->arena, __VA_ARGS__)

struct expr_node *expr_macro_fault(struct expr_parser *p, struct expr_node *call,
                                   const struct expr_node *at, struct str text)
{
    expr_fault_at(p->faults, p->arena, at->offset, at->end, text);
    return call;
}

/* has(e.f) is the selection that tests; has(name) asks whether a variable has a value. */
static struct expr_node *expand_has(struct expr_parser *p, struct expr_node *call)
{
    struct expr_node *n = call->args[0];

    if ((n->kind == EXPR_NODE_SELECT || n->kind == EXPR_NODE_IDENT) && !n->optional &&
        !n->test_only) {
        n->test_only = true;
        n->offset = call->offset;
        n->end = call->end;
        return n;
    }
    return expr_macro_fault(p, call, n,
                            STR("has() asks for a field: has(request.model); for an element or a "
                                "key write `key in map`"));
}

/* proto.hasExt(message, pkg.ext): an extension is a field under its full name. */
static struct expr_node *expand_extension(struct expr_parser *p, struct expr_node *call)
{
    if (!expr_node_is_qualified(call->args[1]))
        return expr_macro_fault(p, call, call->args[1],
                                TEXT(p, "`%.*s` takes a message and the full name of an extension",
                                     STR_ARG(call->name)));
    struct expr_node *n = expr_node_new(p, EXPR_NODE_SELECT, call->offset, call->end);
    if (!n)
        return NULL;
    n->name = expr_node_qualified(p->arena, call->args[1]);
    if (!n->name.p)
        return expr_parse_fail(p, n->offset, n->end, STR_NONE);
    n->operand = call->args[0];
    n->test_only = str_eq(call->name, STR("hasExt"));
    return expr_node_done(p, n);
}

static bool may_be_number(const struct expr_node *n)
{
    if (n->kind == EXPR_NODE_LITERAL)
        return n->constant.kind == EXPR_INT || n->constant.kind == EXPR_UINT ||
               n->constant.kind == EXPR_DOUBLE;
    return n->kind != EXPR_NODE_LIST && n->kind != EXPR_NODE_MAP && n->kind != EXPR_NODE_STRUCT;
}

/* Of three or more numbers: of the list of them. A list may be of anything, so what is plainly no
 * number is found here. */
static struct expr_node *expand_extreme(struct expr_parser *p, struct expr_node *call)
{
    if (call->nargs < 3)
        return call;
    for (uint32_t i = 0; i < call->nargs; i++)
        if (!may_be_number(call->args[i]))
            return expr_macro_fault(p, call, call->args[i],
                                    TEXT(p, "math.%.*s compares numbers", STR_ARG(call->name)));
    struct expr_node *list = expr_node_new(p, EXPR_NODE_LIST, call->offset, call->end);
    struct expr_entry *entries = arena_array(p->arena, call->nargs, sizeof *entries);
    if (!list || !entries)
        return expr_parse_fail(p, call->offset, call->end, STR_NONE);
    for (uint32_t i = 0; i < call->nargs; i++)
        entries[i] = (struct expr_entry){.value = call->args[i], .offset = call->args[i]->offset};
    list->entries = entries;
    list->nentries = call->nargs;
    call->args[0] = expr_node_done(p, list);
    call->nargs = 1;
    return expr_node_done(p, call);
}

/* A call of operand.name() with the span of the macro. */
static struct expr_node *method(struct expr_parser *p, const struct expr_node *at,
                                struct expr_node *operand, const char *name)
{
    struct expr_node *n = operand ? expr_node_new(p, EXPR_NODE_CALL, at->offset, at->end) : NULL;

    if (!n)
        return NULL;
    n->name = str_c(name);
    n->operand = operand;
    return expr_node_done(p, n);
}

static const struct str subject = STR_INIT("@subject");

/* e.optMap(x, f): bound to @subject, so that e is evaluated once, the value of e is given to f as x
 * when there is one. optMap wraps the result, optFlatMap expects f to do so. */
static struct expr_node *expand_optional(struct expr_parser *p, struct expr_node *call)
{
    struct str name;

    if (!expr_macro_name(p, call, call->args[0], &name))
        return call;
    struct expr_node *value = method(p, call, expr_node_ident(p, call, subject), "value");
    struct expr_node *body = value ? expr_node_bind(p, call, name, value, call->args[1]) : NULL;
    if (str_eq(call->name, STR("optMap")))
        body = expr_node_made(p, call, "optional.of", body, NULL);
    struct expr_node *none = expr_node_new(p, EXPR_NODE_CALL, call->offset, call->end);
    if (none)
        none->name = STR("optional.none");
    struct expr_node *parts[] = {method(p, call, expr_node_ident(p, call, subject), "hasValue"),
                                 body, expr_node_done(p, none)};
    if (!parts[0] || !parts[1] || !parts[2])
        return NULL;
    struct expr_node *either = expr_node_call(p, "_?_:_", 3, parts);
    return either ? expr_node_bind(p, call, subject, call->operand, either) : NULL;
}

/* list.sortBy(x, key): sorted by the list of its keys. */
static struct expr_node *expand_sort_by(struct expr_parser *p, struct expr_node *call)
{
    struct expr_node map = *call;

    map.operand = expr_node_ident(p, call, subject);
    struct expr_node *keys = map.operand ? expr_macro_map(p, &map) : NULL;
    if (!keys || keys == &map)
        return keys ? call : NULL;
    struct expr_node *sorted = expr_node_new(p, EXPR_NODE_CALL, call->offset, call->end);
    if (!sorted)
        return NULL;
    sorted->name = STR("@sortByAssociatedKeys");
    sorted->operand = expr_node_ident(p, call, subject);
    sorted->args = arena_alloc(p->arena, sizeof(struct expr_node *));
    if (!sorted->args)
        return expr_parse_fail(p, call->offset, call->end, STR_NONE);
    sorted->args[0] = keys;
    sorted->nargs = 1;
    sorted = expr_node_done(p, sorted);
    return sorted ? expr_node_bind(p, call, subject, call->operand, sorted) : NULL;
}

static const struct macro {
    struct str name, space; /* "bind" and "cel"; space.n == 0: a method, or has() */
    uint8_t least, most;    /* operands */
    bool global;
    struct expr_node *(*expand)(struct expr_parser *, struct expr_node *);
    const char *usage;
} macros[] = {
    {STR_INIT("has"), STR_INIT(""), 1, 1, true, expand_has, "has(message.field)"},
    {STR_INIT("all"), STR_INIT(""), 2, 3, false, expr_macro_all, "list.all(x, condition)"},
    {STR_INIT("exists"), STR_INIT(""), 2, 3, false, expr_macro_exists, "list.exists(x, condition)"},
    {STR_INIT("exists_one"), STR_INIT(""), 2, 3, false, expr_macro_exists_one,
     "list.exists_one(x, condition)"},
    {STR_INIT("existsOne"), STR_INIT(""), 2, 3, false, expr_macro_exists_one,
     "list.existsOne(x, condition)"},
    {STR_INIT("filter"), STR_INIT(""), 2, 2, false, expr_macro_filter, "list.filter(x, condition)"},
    {STR_INIT("map"), STR_INIT(""), 2, 3, false, expr_macro_map, "list.map(x, result)"},
    {STR_INIT("transformList"), STR_INIT(""), 3, 4, false, expr_macro_transform_list,
     "list.transformList(i, x, result)"},
    {STR_INIT("transformMap"), STR_INIT(""), 3, 4, false, expr_macro_transform_map,
     "map.transformMap(key, value, result)"},
    {STR_INIT("transformMapEntry"), STR_INIT(""), 3, 4, false, expr_macro_transform_map_entry,
     "map.transformMapEntry(key, value, {newKey: result})"},
    {STR_INIT("optMap"), STR_INIT(""), 2, 2, false, expand_optional, "optional.optMap(x, result)"},
    {STR_INIT("optFlatMap"), STR_INIT(""), 2, 2, false, expand_optional,
     "optional.optFlatMap(x, optionalResult)"},
    {STR_INIT("sortBy"), STR_INIT(""), 2, 2, false, expand_sort_by, "list.sortBy(x, key)"},
    {STR_INIT("bind"), STR_INIT("cel"), 3, 3, false, expr_macro_bind,
     "cel.bind(name, value, result)"},
    {STR_INIT("greatest"), STR_INIT("math"), 1, 255, false, expand_extreme, "math.greatest(a, b)"},
    {STR_INIT("least"), STR_INIT("math"), 1, 255, false, expand_extreme, "math.least(a, b)"},
    {STR_INIT("hasExt"), STR_INIT("proto"), 2, 2, false, expand_extension,
     "proto.hasExt(message, pkg.extension)"},
    {STR_INIT("getExt"), STR_INIT("proto"), 2, 2, false, expand_extension,
     "proto.getExt(message, pkg.extension)"},
};

static bool is_macro(const struct macro *m, const struct expr_node *call)
{
    const struct expr_node *space = call->operand;

    if (!str_eq(call->name, m->name) || m->global != !space)
        return false;
    return !m->space.n ||
           (space && space->kind == EXPR_NODE_IDENT && str_eq(space->name, m->space));
}

struct expr_node *expr_macro(struct expr_parser *p, struct expr_node *call)
{
    for (size_t i = 0; i < sizeof macros / sizeof *macros; i++) {
        const struct macro *m = &macros[i];
        if (!is_macro(m, call))
            continue;
        if (call->nargs < m->least || call->nargs > m->most)
            return expr_macro_fault(p, call, call,
                                    TEXT(p, "`%.*s` is written %s", STR_ARG(m->name), m->usage));
        return m->expand(p, call);
    }
    return call;
}
