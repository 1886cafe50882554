#include "gateway/expr/parser.h"

#include "transcoder/utf8.h"

#define TEXT(p, ...) arena_printf((p)->arena, __VA_ARGS__)

struct expr_node *expr_parse_fail(struct expr_parser *p, uint32_t offset, uint32_t end,
                                  struct str text)
{
    if (!p->failed)
        expr_fault_at(p->faults, p->arena, offset, end, text);
    p->failed = true;
    return NULL;
}

struct expr_node *expr_parse_unexpected(struct expr_parser *p, const char *what)
{
    const struct expr_token *t = &p->token;
    struct str text;

    if (t->kind == EXPR_TOKEN_END)
        text = TEXT(p, "the expression ends too early; expected %s", what);
    else
        text = TEXT(p, "unexpected `%.*s`; expected %s", STR_ARG(t->text), what);
    return expr_parse_fail(p, t->offset, t->end, text);
}

void expr_parse_advance(struct expr_parser *p)
{
    p->end = p->token.end;
    p->token = expr_lex(&p->lexer);
    if (p->token.kind == EXPR_TOKEN_BAD)
        expr_parse_fail(p, p->token.offset, p->token.end,
                        TEXT(p, "`%.*s` %s", STR_ARG(p->token.text), p->token.fault));
}

bool expr_parse_take(struct expr_parser *p, int kind)
{
    if (p->failed || p->token.kind != kind)
        return false;
    expr_parse_advance(p);
    return true;
}

bool expr_parse_expect(struct expr_parser *p, int kind, const char *what)
{
    if (expr_parse_take(p, kind))
        return true;
    expr_parse_unexpected(p, what);
    return false;
}

/* Relations and arithmetic: all associate to the left. */
static const struct {
    uint8_t token;   /* 0: the word "in" */
    uint8_t binding; /* higher binds stronger */
    const char *function;
} operators[] = {
    {EXPR_TOKEN_EQUAL, 1, "_==_"},
    {EXPR_TOKEN_UNEQUAL, 1, "_!=_"},
    {'<', 1, "_<_"},
    {EXPR_TOKEN_AT_MOST, 1, "_<=_"},
    {'>', 1, "_>_"},
    {EXPR_TOKEN_AT_LEAST, 1, "_>=_"},
    {EXPR_TOKEN_NAME, 1, "@in"},
    {'+', 2, "_+_"},
    {'-', 2, "_-_"},
    {'*', 3, "_*_"},
    {'/', 3, "_/_"},
    {'%', 3, "_%_"},
};
enum { NOPERATORS = sizeof operators / sizeof *operators, BINDINGS = 3 };

/* Index of the operator that comes next, or NOPERATORS. */
static size_t next_operator(const struct expr_parser *p)
{
    size_t i = 0;

    while (i < NOPERATORS && operators[i].token != p->token.kind)
        i++;
    if (p->token.kind == EXPR_TOKEN_NAME && !str_eq(p->token.text, STR("in")))
        return NOPERATORS;
    return i;
}

static struct expr_node *parse_binary(struct expr_parser *p, uint8_t binding)
{
    struct expr_node *left = binding > BINDINGS ? expr_parse_unary(p)
                                                : parse_binary(p, binding + 1);

    if (binding > BINDINGS)
        return left;
    for (size_t i;
         left && (i = next_operator(p)) < NOPERATORS && operators[i].binding == binding;) {
        expr_parse_advance(p);
        struct expr_node *both[] = {left, parse_binary(p, binding + 1)};
        left = both[1] ? expr_node_call(p, operators[i].function, 2, both) : NULL;
    }
    return left;
}

/* A run of && or || becomes a balanced tree: long runs stay flat, and these operators do not care
 * about order. */
struct terms {
    struct expr_node **list;
    uint32_t n, room;
};

static bool add_term(struct expr_parser *p, struct terms *t, struct expr_node *n)
{
    if (t->n == t->room) {
        uint32_t room = t->room ? 2 * t->room : 4;
        struct expr_node **more = arena_array(p->arena, room, sizeof(struct expr_node *));
        if (!more) {
            expr_parse_fail(p, 0, 0, STR_NONE);
            return false;
        }
        if (t->n)
            memcpy(more, t->list, t->n * sizeof *more);
        t->list = more;
        t->room = room;
    }
    t->list[t->n++] = n;
    return true;
}

static struct expr_node *balance(struct expr_parser *p, const char *function,
                                 struct expr_node **list, uint32_t n)
{
    if (n == 1)
        return list[0];
    struct expr_node *both[] = {balance(p, function, list, n / 2),
                                balance(p, function, list + n / 2, n - n / 2)};
    return both[0] && both[1] ? expr_node_call(p, function, 2, both) : NULL;
}

static struct expr_node *parse_run(struct expr_parser *p, int token)
{
    struct terms terms = {NULL, 0, 0};

    do {
        struct expr_node *n = token == EXPR_TOKEN_OR ? parse_run(p, EXPR_TOKEN_AND)
                                                     : parse_binary(p, 1);
        if (!n || !add_term(p, &terms, n))
            return NULL;
    } while (expr_parse_take(p, token));
    return balance(p, token == EXPR_TOKEN_OR ? "_||_" : "_&&_", terms.list, terms.n);
}

static struct expr_node *parse_conditional(struct expr_parser *p)
{
    struct expr_node *parts[3] = {parse_run(p, EXPR_TOKEN_OR)};

    if (!parts[0] || !expr_parse_take(p, '?'))
        return parts[0];
    parts[1] = parse_run(p, EXPR_TOKEN_OR);
    if (!parts[1] || !expr_parse_expect(p, ':', "`:` and the value of the other case"))
        return NULL;
    parts[2] = expr_parse_expression(p);
    return parts[2] ? expr_node_call(p, "_?_:_", 3, parts) : NULL;
}

struct expr_node *expr_parse_expression(struct expr_parser *p)
{
    if (p->failed)
        return NULL;
    if (p->depth == EXPR_DEPTH_MAX)
        return expr_parse_fail(
            p, p->token.offset, p->token.end,
            TEXT(p, "nested deeper than %d; divide the expression", EXPR_DEPTH_MAX));
    p->depth++;
    struct expr_node *n = parse_conditional(p);
    p->depth--;
    return n;
}

/* Pairs of ! and of - cancel out. A minus before a number belongs to it: -9223372036854775808 is
 * an int. */
struct expr_node *expr_parse_unary(struct expr_parser *p)
{
    struct expr_token first = p->token;
    uint32_t n = 0;

    if (first.kind != '!' && first.kind != '-')
        return expr_parse_member(p, NULL);
    while (expr_parse_take(p, first.kind))
        n++;
    bool number = p->token.kind == EXPR_TOKEN_INT || p->token.kind == EXPR_TOKEN_UINT ||
                  p->token.kind == EXPR_TOKEN_DOUBLE;
    if (first.kind == '-' && n == 1 && number)
        return expr_parse_member(p, &first);
    struct expr_node *operand = expr_parse_member(p, NULL);
    if (!operand || n % 2 == 0)
        return operand;
    struct expr_node *call = expr_node_call(p, first.kind == '!' ? "!_" : "-_", 1, &operand);
    if (call)
        call->offset = first.offset;
    return call;
}

static bool check_utf8(struct expr_parser *p, struct str s)
{
    for (size_t i = 0; i < s.n;) {
        int n = tc_utf8_step(s.p + i, s.n - i);
        if (n < 0) {
            expr_parse_fail(p, (uint32_t)i, (uint32_t)i + 1, STR("the text is not UTF-8 here"));
            return false;
        }
        i += (size_t)n;
    }
    return true;
}

struct expr_node *expr_parse(struct arena *a, struct str source, struct expr_faults *faults)
{
    struct expr_parser p = {.arena = a, .faults = faults, .lexer = {.source = source}};
    uint32_t before = faults->count;

    if (source.n > EXPR_SOURCE_MAX)
        return expr_parse_fail(&p, EXPR_SOURCE_MAX, EXPR_SOURCE_MAX,
                               TEXT(&p, "an expression has at most %d bytes; this one has %zu",
                                    EXPR_SOURCE_MAX, source.n));
    if (!check_utf8(&p, source))
        return NULL;
    expr_parse_advance(&p);
    struct expr_node *root = expr_parse_expression(&p);
    if (root && !p.failed && p.token.kind != EXPR_TOKEN_END)
        root = expr_parse_unexpected(&p, "an operator or the end of the expression");
    return p.failed || faults->count > before || faults->out_of_memory ? NULL : root;
}
