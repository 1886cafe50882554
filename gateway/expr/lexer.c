#include "gateway/expr/lexer.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(char c)
{
    return is_name_start(c) || is_digit(c);
}

/* The character `ahead` of the place, NUL behind the end. A NUL in the source is no token either.
 */
static char peek(const struct expr_lexer *lx, size_t ahead)
{
    return lx->at + ahead < lx->source.n ? lx->source.p[lx->at + ahead] : '\0';
}

static void skip_while(struct expr_lexer *lx, bool (*is)(char))
{
    while (lx->at < lx->source.n && is(lx->source.p[lx->at]))
        lx->at++;
}

static void skip_blank(struct expr_lexer *lx)
{
    for (; lx->at < lx->source.n; lx->at++) {
        char c = peek(lx, 0);
        if (c == '/' && peek(lx, 1) == '/')
            lx->at += (uint32_t)str_find(str_skip(lx->source, lx->at), '\n');
        else if (c != ' ' && c != '\t' && c != '\n' && c != '\f' && c != '\r')
            return;
    }
    if (lx->at > lx->source.n) /* a comment without an end of line */
        lx->at = (uint32_t)lx->source.n;
}

static struct expr_token token(const struct expr_lexer *lx, uint32_t from, int kind)
{
    return (struct expr_token){.kind = (uint8_t)kind,
                               .offset = from,
                               .end = lx->at,
                               .text = str_of(lx->source.p + from, lx->at - from)};
}

static struct expr_token bad(const struct expr_lexer *lx, uint32_t from, const char *fault)
{
    struct expr_token t = token(lx, from, EXPR_TOKEN_BAD);
    t.fault = fault;
    return t;
}

static bool skip_exponent(struct expr_lexer *lx)
{
    bool sign = peek(lx, 1) == '+' || peek(lx, 1) == '-';

    if ((peek(lx, 0) != 'e' && peek(lx, 0) != 'E') || !is_digit(peek(lx, 1 + sign)))
        return false;
    lx->at += 1 + sign;
    skip_while(lx, is_digit);
    return true;
}

static struct expr_token lex_number(struct expr_lexer *lx)
{
    uint32_t from = lx->at;
    int kind = EXPR_TOKEN_INT;

    if (peek(lx, 0) == '0' && peek(lx, 1) == 'x' && is_hex(peek(lx, 2))) {
        lx->at += 2;
        skip_while(lx, is_hex);
    } else {
        skip_while(lx, is_digit);
        if (peek(lx, 0) == '.' && is_digit(peek(lx, 1))) {
            kind = EXPR_TOKEN_DOUBLE;
            lx->at++;
            skip_while(lx, is_digit);
        }
        if (skip_exponent(lx))
            kind = EXPR_TOKEN_DOUBLE;
    }
    if (kind == EXPR_TOKEN_INT && (peek(lx, 0) == 'u' || peek(lx, 0) == 'U')) {
        kind = EXPR_TOKEN_UINT;
        lx->at++;
    }
    if (!is_name(peek(lx, 0)))
        return token(lx, from, kind);
    skip_while(lx, is_name);
    return bad(lx, from, "is no number; write 12, 0x1f, 12u or 1.5e3");
}

/* Bytes of the delimiter that stands here: 1, 3 or 0. */
static uint32_t quotes(const struct expr_lexer *lx, uint32_t ahead)
{
    char c = peek(lx, ahead);

    if (c != '"' && c != '\'')
        return 0;
    return peek(lx, ahead + 1) == c && peek(lx, ahead + 2) == c ? 3 : 1;
}

/* From behind the opening delimiter to behind the closing one. */
static bool skip_text(struct expr_lexer *lx, uint32_t n, bool raw)
{
    char quote = lx->source.p[lx->at - 1];

    for (; lx->at < lx->source.n; lx->at++) {
        char c = peek(lx, 0);
        if (c == '\\' && !raw && lx->at + 1 < lx->source.n) {
            lx->at++;
            continue;
        }
        if (n == 1 && (c == '\n' || c == '\r'))
            return false;
        if (c == quote && (n == 1 || (peek(lx, 1) == c && peek(lx, 2) == c))) {
            lx->at += n;
            return true;
        }
    }
    return false;
}

/* Bytes of a prefix of a string that starts here: r, b, br. UINT32_MAX: no string starts here. */
static uint32_t string_prefix(const struct expr_lexer *lx)
{
    bool bytes = peek(lx, 0) == 'b' || peek(lx, 0) == 'B';
    bool raw = peek(lx, bytes) == 'r' || peek(lx, bytes) == 'R';
    uint32_t n = (uint32_t)bytes + raw;

    return quotes(lx, n) ? n : UINT32_MAX;
}

static struct expr_token lex_string(struct expr_lexer *lx, uint32_t prefix)
{
    uint32_t from = lx->at, n = quotes(lx, prefix);
    bool bytes = prefix && (peek(lx, 0) == 'b' || peek(lx, 0) == 'B');
    bool raw = prefix > (uint32_t)bytes;

    lx->at += prefix + n;
    if (skip_text(lx, n, raw))
        return token(lx, from, bytes ? EXPR_TOKEN_BYTES : EXPR_TOKEN_STRING);
    return bad(lx, from,
               n == 3 ? "is a string without its end; three quotes, as at its start, close it"
                      : "is a string without its end on this line; close it with the quote that "
                        "opens it, or use three quotes for several lines");
}

static struct expr_token lex_quoted(struct expr_lexer *lx)
{
    uint32_t from = lx->at++;

    while (is_name(peek(lx, 0)) || peek(lx, 0) == '.' || peek(lx, 0) == '-' || peek(lx, 0) == '/' ||
           peek(lx, 0) == ' ')
        lx->at++;
    if (peek(lx, 0) != '`' || lx->at == from + 1)
        return bad(lx, from,
                   "is no quoted name; letters, digits, '_', '.', '-', '/' and spaces may stand "
                   "between two backticks");
    lx->at++;
    struct expr_token t = token(lx, from, EXPR_TOKEN_QUOTED);
    t.text = str_of(t.text.p + 1, t.text.n - 2);
    return t;
}

static struct expr_token lex_mark(struct expr_lexer *lx)
{
    static const struct {
        char text[3];
        uint8_t kind;
    } twos[] = {
        {"&&", EXPR_TOKEN_AND},     {"||", EXPR_TOKEN_OR},      {"==", EXPR_TOKEN_EQUAL},
        {"!=", EXPR_TOKEN_UNEQUAL}, {"<=", EXPR_TOKEN_AT_MOST}, {">=", EXPR_TOKEN_AT_LEAST},
    };
    uint32_t from = lx->at;
    char c = peek(lx, 0);

    for (size_t i = 0; i < sizeof twos / sizeof *twos; i++)
        if (c == twos[i].text[0] && peek(lx, 1) == twos[i].text[1]) {
            lx->at += 2;
            return token(lx, from, twos[i].kind);
        }
    lx->at++;
    if (c && strchr("()[]{}.,:?!-+*%/<>", c))
        return token(lx, from, c);
    while (lx->at < lx->source.n && ((unsigned char)peek(lx, 0) & 0xc0) == 0x80)
        lx->at++; /* one character, not a part of it */
    if (c == '=')
        return bad(lx, from, "assigns nothing here; compare with ==");
    if (c == '&' || c == '|')
        return bad(lx, from, "is no operator; write && or ||");
    return bad(lx, from, "is no part of the language");
}

struct expr_token expr_lex(struct expr_lexer *lx)
{
    skip_blank(lx);
    uint32_t from = lx->at;
    if (from >= lx->source.n)
        return token(lx, from, EXPR_TOKEN_END);
    char c = peek(lx, 0);
    uint32_t prefix = string_prefix(lx);
    if (prefix != UINT32_MAX)
        return lex_string(lx, prefix);
    if (is_digit(c) || (c == '.' && is_digit(peek(lx, 1))))
        return lex_number(lx);
    if (c == '`')
        return lex_quoted(lx);
    if (!is_name_start(c))
        return lex_mark(lx);
    skip_while(lx, is_name);
    return token(lx, from, EXPR_TOKEN_NAME);
}

bool expr_is_keyword(struct str word)
{
    static const struct str words[] = {STR_INIT("true"), STR_INIT("false"), STR_INIT("null"),
                                       STR_INIT("in")};
    return str_is_one_of(word, words, sizeof words / sizeof *words);
}

bool expr_is_reserved(struct str word)
{
    static const struct str words[] = {
        STR_INIT("as"),        STR_INIT("break"),  STR_INIT("const"),    STR_INIT("continue"),
        STR_INIT("else"),      STR_INIT("for"),    STR_INIT("function"), STR_INIT("if"),
        STR_INIT("import"),    STR_INIT("let"),    STR_INIT("loop"),     STR_INIT("package"),
        STR_INIT("namespace"), STR_INIT("return"), STR_INIT("var"),      STR_INIT("void"),
        STR_INIT("while"),
    };
    return str_is_one_of(word, words, sizeof words / sizeof *words);
}
