#include "gateway/expr/parser.h"

struct expr_node *expr_node_new(struct expr_parser *p, enum expr_node_kind kind, uint32_t offset,
                                uint32_t end)
{
    if (p->nodes++ == EXPR_NODES_MAX)
        return expr_parse_fail(p, offset, end,
                               arena_printf(p->arena,
                                            "more than %d names, literals and operators; divide "
                                            "the expression",
                                            EXPR_NODES_MAX));
    struct expr_node *n = p->failed ? NULL : arena_alloc(p->arena, sizeof *n);

    if (!n)
        return expr_parse_fail(p, offset, end, STR_NONE);
    n->kind = (uint8_t)kind;
    n->offset = offset;
    n->end = end;
    return n;
}

static void raise(uint16_t *height, const struct expr_node *part)
{
    if (part && part->height > *height)
        *height = part->height;
}

struct expr_node *expr_node_done(struct expr_parser *p, struct expr_node *n)
{
    uint16_t height = 0;

    if (!n || p->failed)
        return NULL;
    raise(&height, n->operand);
    for (uint32_t i = 0; i < n->nargs; i++)
        raise(&height, n->args[i]);
    for (uint32_t i = 0; i < n->nentries; i++) {
        raise(&height, n->entries[i].key);
        raise(&height, n->entries[i].value);
    }
    if (n->fold) {
        raise(&height, n->fold->range);
        raise(&height, n->fold->init);
        raise(&height, n->fold->condition);
        raise(&height, n->fold->step);
        raise(&height, n->fold->result);
    }
    n->height = (uint16_t)(height + 1);
    if (n->height <= EXPR_DEPTH_MAX)
        return n;
    return expr_parse_fail(p, n->end - 1, n->end,
                           arena_printf(p->arena,
                                        "nested deeper than %d, operators in a row counted one by "
                                        "one; divide the expression",
                                        EXPR_DEPTH_MAX));
}

struct expr_node *expr_node_call(struct expr_parser *p, const char *function, uint32_t nargs,
                                 struct expr_node *const *args)
{
    struct expr_node *n = expr_node_new(p, EXPR_NODE_CALL, args[0]->offset, args[nargs - 1]->end);

    if (!n)
        return NULL;
    n->name = str_c(function);
    n->args = arena_array(p->arena, nargs, sizeof(struct expr_node *));
    if (!n->args)
        return expr_parse_fail(p, n->offset, n->end, STR_NONE);
    memcpy(n->args, args, nargs * sizeof(struct expr_node *));
    n->nargs = nargs;
    return expr_node_done(p, n);
}

struct expr_node *expr_node_made(struct expr_parser *p, const struct expr_node *at,
                                 const char *function, struct expr_node *a, struct expr_node *b)
{
    struct expr_node *both[] = {a, b};

    if (!a || p->failed)
        return NULL;
    struct expr_node *n = expr_node_call(p, function, b ? 2 : 1, both);
    if (n) {
        n->offset = at->offset;
        n->end = at->end;
    }
    return n;
}

struct expr_node *expr_node_ident(struct expr_parser *p, const struct expr_node *at,
                                  struct str name)
{
    struct expr_node *n = expr_node_new(p, EXPR_NODE_IDENT, at->offset, at->end);

    if (n)
        n->name = name;
    return expr_node_done(p, n);
}

struct expr_node *expr_node_literal(struct expr_parser *p, const struct expr_node *at,
                                    struct expr_value v)
{
    struct expr_node *n = expr_node_new(p, EXPR_NODE_LITERAL, at->offset, at->end);

    if (n)
        n->constant = v;
    return expr_node_done(p, n);
}

struct expr_node *expr_node_list(struct expr_parser *p, const struct expr_node *at,
                                 struct expr_node *of)
{
    struct expr_node *n = expr_node_new(p, EXPR_NODE_LIST, at->offset, at->end);

    if (!n || !of)
        return expr_node_done(p, n);
    n->entries = arena_alloc(p->arena, sizeof *n->entries);
    if (!n->entries)
        return expr_parse_fail(p, n->offset, n->end, STR_NONE);
    n->entries[0] = (struct expr_entry){.value = of, .offset = of->offset};
    n->nentries = 1;
    return expr_node_done(p, n);
}

bool expr_node_is_qualified(const struct expr_node *n)
{
    while (n->kind == EXPR_NODE_SELECT && !n->optional && !n->test_only)
        n = n->operand;
    return n->kind == EXPR_NODE_IDENT;
}

struct str expr_node_qualified(struct arena *a, const struct expr_node *n)
{
    const struct expr_node *at = n;
    size_t length = 0;

    for (; at->kind == EXPR_NODE_SELECT && !at->optional; at = at->operand)
        length += at->name.n + 1;
    if (at->kind != EXPR_NODE_IDENT)
        return STR_NONE;
    if (at == n)
        return n->name;
    length += at->name.n;
    char *text = arena_alloc(a, length);
    if (!text)
        return STR_NONE;
    char *end = text + length;
    for (at = n; at->kind == EXPR_NODE_SELECT; at = at->operand) {
        end -= at->name.n;
        memcpy(end, at->name.p, at->name.n);
        *--end = '.';
    }
    memcpy(text, at->name.p, at->name.n);
    return str_of(text, length);
}
