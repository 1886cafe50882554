#include "gateway/expr/literal.h"
#include "gateway/expr/parser.h"

#define TEXT(p, ...) arena_printf((p)->arena, __VA_ARGS__)

/* What stands between brackets while it is read. */
struct items {
    struct expr_entry *list;
    uint32_t n, room;
};

static struct expr_entry *add_item(struct expr_parser *p, struct items *items)
{
    if (items->n == items->room) {
        uint32_t room = items->room ? 2 * items->room : 4;
        struct expr_entry *more = arena_array(p->arena, room, sizeof *more);
        if (!more) {
            expr_parse_fail(p, p->token.offset, p->token.end, STR_NONE);
            return NULL;
        }
        if (items->n)
            memcpy(more, items->list, items->n * sizeof *more);
        items->list = more;
        items->room = room;
    }
    struct expr_entry *added = &items->list[items->n++];
    *added = (struct expr_entry){.offset = p->token.offset};
    return added;
}

/* The name of a field: keywords are none, reserved words are. */
static bool take_field(struct expr_parser *p, struct str *name)
{
    bool word = p->token.kind == EXPR_TOKEN_NAME && !expr_is_keyword(p->token.text);

    if (!word && p->token.kind != EXPR_TOKEN_QUOTED) {
        expr_parse_unexpected(p, "the name of a field");
        return false;
    }
    *name = p->token.text;
    expr_parse_advance(p);
    return !p->failed;
}

static bool read_argument(struct expr_parser *p, struct expr_entry *e)
{
    e->value = expr_parse_expression(p);
    return e->value;
}

static bool read_element(struct expr_parser *p, struct expr_entry *e)
{
    e->optional = expr_parse_take(p, '?');
    e->value = expr_parse_expression(p);
    return e->value;
}

static bool read_map_entry(struct expr_parser *p, struct expr_entry *e)
{
    e->optional = expr_parse_take(p, '?');
    e->key = expr_parse_expression(p);
    if (!e->key || !expr_parse_expect(p, ':', "`:` and the value of this key"))
        return false;
    e->value = expr_parse_expression(p);
    return e->value;
}

static bool read_field(struct expr_parser *p, struct expr_entry *e)
{
    e->optional = expr_parse_take(p, '?');
    e->offset = p->token.offset;
    if (!take_field(p, &e->field) || !expr_parse_expect(p, ':', "`:` and the value of this field"))
        return false;
    e->value = expr_parse_expression(p);
    return e->value;
}

/* Items up to `close`; a comma behind the last one is fine, but not in a call. */
static bool read_items(struct expr_parser *p, int close, struct items *items,
                       bool (*read)(struct expr_parser *, struct expr_entry *))
{
    static const char *const expected[] = {
        [')'] = "`,` or `)`", [']'] = "`,` or `]`", ['}'] = "`,` or `}`"};

    while (!expr_parse_take(p, close)) {
        struct expr_entry *e = add_item(p, items);
        if (!e || !read(p, e))
            return false;
        if (expr_parse_take(p, close))
            return true;
        if (!expr_parse_expect(p, ',', expected[close]))
            return false;
        if (close == ')' && p->token.kind == ')') {
            expr_parse_unexpected(p, "an operand");
            return false;
        }
    }
    return !p->failed;
}

static struct expr_node *with_entries(struct expr_parser *p, struct expr_node *n, int close,
                                      bool (*read)(struct expr_parser *, struct expr_entry *))
{
    struct items items = {NULL, 0, 0};

    expr_parse_advance(p);
    if (!n || !read_items(p, close, &items, read))
        return NULL;
    n->entries = items.list;
    n->nentries = items.n;
    n->end = p->end;
    return expr_node_done(p, n);
}

/* name(args) or operand.name(args), the bracket being next; macros are expanded. */
static struct expr_node *read_call(struct expr_parser *p, struct expr_node *operand,
                                   struct str name, uint32_t offset)
{
    struct items items = {NULL, 0, 0};
    struct expr_node *n = expr_node_new(p, EXPR_NODE_CALL, offset, offset);

    expr_parse_advance(p);
    if (!n || !read_items(p, ')', &items, read_argument))
        return NULL;
    n->name = name;
    n->operand = operand;
    n->args = arena_array(p->arena, items.n, sizeof(struct expr_node *));
    if (!n->args)
        return expr_parse_fail(p, offset, offset, STR_NONE);
    for (uint32_t i = 0; i < items.n; i++)
        n->args[i] = items.list[i].value;
    n->nargs = items.n;
    n->end = p->end;
    n = expr_node_done(p, n);
    return n ? expr_macro(p, n) : NULL;
}

static struct expr_node *read_literal(struct expr_parser *p, const struct expr_token *minus)
{
    struct expr_token t = p->token;
    struct expr_literal_fault f;
    struct expr_node *n = expr_node_new(p, EXPR_NODE_LITERAL, minus ? minus->offset : t.offset,
                                        t.end);

    if (!n)
        return NULL;
    if (!expr_literal(p->arena, &t, minus, &n->constant, &f)) {
        struct str wrong = str_of(t.text.p + (f.offset - t.offset), f.end - f.offset);
        expr_fault_at(p->faults, p->arena, f.offset, f.end,
                      f.out_of_memory ? STR_NONE : TEXT(p, "`%.*s` %s", STR_ARG(wrong), f.text));
        n->constant = (struct expr_value){.kind = EXPR_NULL};
    }
    expr_parse_advance(p);
    return expr_node_done(p, n);
}

static struct expr_node *read_word(struct expr_parser *p, uint32_t offset, bool root)
{
    struct str word = p->token.text;

    if (!root && (str_eq(word, STR("true")) || str_eq(word, STR("false")))) {
        struct expr_node *n = expr_node_new(p, EXPR_NODE_LITERAL, offset, p->token.end);
        if (n)
            n->constant = expr_bool(word.n == 4);
        expr_parse_advance(p);
        return expr_node_done(p, n);
    }
    if (!root && str_eq(word, STR("null"))) {
        struct expr_node *n = expr_node_new(p, EXPR_NODE_LITERAL, offset, p->token.end);
        if (n)
            n->constant = (struct expr_value){.kind = EXPR_NULL};
        expr_parse_advance(p);
        return expr_node_done(p, n);
    }
    if (expr_is_keyword(word))
        return expr_parse_unexpected(p, "a value");
    if (expr_is_reserved(word))
        return expr_parse_fail(p, p->token.offset, p->token.end,
                               TEXT(p, "`%.*s` is a reserved word, no name", STR_ARG(word)));
    struct expr_node *n = expr_node_new(p, EXPR_NODE_IDENT, offset, p->token.end);
    if (n)
        n->name = root ? TEXT(p, ".%.*s", STR_ARG(word)) : word;
    if (n && !n->name.p)
        return expr_parse_fail(p, offset, offset, STR_NONE);
    expr_parse_advance(p);
    if (n && p->token.kind == '(')
        return read_call(p, NULL, n->name, offset);
    return expr_node_done(p, n);
}

static struct expr_node *read_primary(struct expr_parser *p, const struct expr_token *minus)
{
    uint32_t offset = p->token.offset, end = p->token.end;

    switch (p->token.kind) {
    case '(': {
        expr_parse_advance(p);
        struct expr_node *n = expr_parse_expression(p);
        return n && expr_parse_expect(p, ')', "an operator or `)`") ? n : NULL;
    }
    case '[':
        return with_entries(p, expr_node_new(p, EXPR_NODE_LIST, offset, end), ']', read_element);
    case '{':
        return with_entries(p, expr_node_new(p, EXPR_NODE_MAP, offset, end), '}', read_map_entry);
    case '.':
        expr_parse_advance(p);
        if (p->token.kind == EXPR_TOKEN_NAME)
            return read_word(p, offset, true);
        return expr_parse_unexpected(p, "a name");
    case EXPR_TOKEN_NAME: return read_word(p, offset, false);
    case EXPR_TOKEN_INT:
    case EXPR_TOKEN_UINT:
    case EXPR_TOKEN_DOUBLE:
    case EXPR_TOKEN_STRING:
    case EXPR_TOKEN_BYTES: return read_literal(p, minus);
    default: return expr_parse_unexpected(p, "a value");
    }
}

/* ".field", ".?field" and ".method(...)", the dot being taken. */
static struct expr_node *read_selection(struct expr_parser *p, struct expr_node *operand)
{
    bool optional = expr_parse_take(p, '?');
    struct expr_node *n = expr_node_new(p, EXPR_NODE_SELECT, operand->offset, p->token.end);
    bool quoted = p->token.kind == EXPR_TOKEN_QUOTED;

    if (!n || !take_field(p, &n->name))
        return NULL;
    if (p->token.kind == '(' && !optional && !quoted)
        return read_call(p, operand, n->name, operand->offset);
    n->operand = operand;
    n->optional = optional;
    return expr_node_done(p, n);
}

/* "[index]" and "[?index]", the bracket being taken. */
static struct expr_node *read_index(struct expr_parser *p, struct expr_node *operand)
{
    bool optional = expr_parse_take(p, '?');
    struct expr_node *both[] = {operand, expr_parse_expression(p)};

    if (!both[1] || !expr_parse_expect(p, ']', "an operator or `]`"))
        return NULL;
    struct expr_node *n = expr_node_call(p, optional ? "_[?_]" : "_[_]", 2, both);
    if (n)
        n->end = p->end;
    return n;
}

/* "pkg.Message{", the bracket being next. */
static struct expr_node *read_struct(struct expr_parser *p, const struct expr_node *name)
{
    struct expr_node *n = expr_node_new(p, EXPR_NODE_STRUCT, name->offset, name->end);

    if (!n)
        return NULL;
    n->name = expr_node_qualified(p->arena, name);
    if (!n->name.p)
        return expr_parse_fail(p, n->offset, n->end, STR_NONE);
    return with_entries(p, n, '}', read_field);
}

struct expr_node *expr_parse_member(struct expr_parser *p, const struct expr_token *minus)
{
    bool bracket = p->token.kind == '(';
    struct expr_node *n = p->failed ? NULL : read_primary(p, minus);

    while (n && !p->failed) {
        if (p->token.kind == '{' && !bracket && expr_node_is_qualified(n)) {
            n = read_struct(p, n);
            bracket = true;
        } else if (expr_parse_take(p, '.'))
            n = read_selection(p, n);
        else if (expr_parse_take(p, '['))
            n = read_index(p, n);
        else
            return n;
    }
    return NULL;
}
