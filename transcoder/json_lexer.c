#include "transcoder/json_lexer.h"

#include <stdarg.h>
#include <stdio.h>

/*   VALUE --'{'--> FIRST_KEY --'"'--> COLON --':'--> VALUE          AFTER_MEMBER --','--> KEY
 * --'"'--> COLON VALUE --'['--> FIRST_ITEM --a value begins--> (as VALUE)        AFTER_ITEM
 * --','--> VALUE A scalar, '}' and ']' lead to `after`: AFTER_MEMBER or AFTER_ITEM by the container
 * that is open then, DONE without one. NUMBER and LITERAL are tokens that a piece has cut. */
enum state {
    VALUE,
    FIRST_KEY,
    KEY,
    COLON,
    FIRST_ITEM,
    AFTER_ITEM,
    AFTER_MEMBER,
    DONE,
    NUMBER,
    LITERAL,
    BAD,
    STATES,
};

/* What a step returns when it has consumed something but no token is complete. */
enum { GO_ON = -1 };

bool tc_lex_init(struct tc_lexer *l, struct arena *arena, uint32_t max_depth)
{
    memset(l, 0, sizeof *l);
    l->arena = arena;
    l->max_depth = max_depth < TC_LEX_DEPTH_MAX ? max_depth : TC_LEX_DEPTH_MAX;
    l->arrays = arena_array(arena, l->max_depth / 64 + 1, sizeof *l->arrays);
    tc_lex_reset(l, 0);
    return l->arrays;
}

void tc_lex_reset(struct tc_lexer *l, size_t base)
{
    l->in = (struct tc_lex_source){"", "", "", base};
    l->in.p = l->in.end = l->in.piece;
    l->token = base;
    l->depth = 0;
    l->state = VALUE;
    l->after = DONE;
    l->escape = l->need = 0;
    l->nhold = 0;
    l->status = TC_OK;
}

void tc_lex_feed(struct tc_lexer *l, struct str piece)
{
    l->in.base = tc_lex_offset(l);
    l->in.piece = l->in.p = piece.n ? piece.p : "";
    l->in.end = l->in.p + piece.n;
}

enum tc_json_token tc_lex_fail(struct tc_lexer *l, enum tc_status status, size_t bad,
                               const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(l->why, sizeof l->why, format, args);
    va_end(args);
    l->status = status;
    l->bad = bad;
    l->state = BAD;
    return TC_JSON_BAD;
}

enum tc_json_token tc_lex_unexpected(struct tc_lexer *l, const char *expected)
{
    unsigned c = (unsigned char)*l->in.p;
    size_t at = tc_lex_offset(l);

    if (c > ' ' && c < 0x7f)
        return tc_lex_fail(l, TC_INVALID, at, "expected %s, found '%c'", expected, (int)c);
    if (c == 0xef && at == 0)
        return tc_lex_fail(l, TC_INVALID, at, "JSON must not start with a byte order mark");
    return tc_lex_fail(l, TC_INVALID, at, "expected %s, found byte 0x%02x", expected, c);
}

const char *tc_json_token_name(enum tc_json_token t)
{
    static const char *const names[] = {
        [TC_JSON_NULL] = "null",       [TC_JSON_FALSE] = "false",
        [TC_JSON_TRUE] = "true",       [TC_JSON_NUMBER] = "a number",
        [TC_JSON_STRING] = "a string", [TC_JSON_OBJECT] = "an object",
        [TC_JSON_ARRAY] = "an array",
    };

    return t < TC_JSON_VALUES ? names[t] : "the end";
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline void skip_space(struct tc_lexer *l)
{
    if (l->in.p<l->in.end && * l->in.p> ' ')
        return;
    while (l->in.p < l->in.end && is_space(*l->in.p))
        l->in.p++;
}

bool tc_lex_trailing(struct tc_lexer *l)
{
    skip_space(l);
    if (l->in.p == l->in.end)
        return true;
    (void)tc_lex_unexpected(l, "nothing but white space behind the value");
    return false;
}

bool tc_lex_begun(const struct tc_lexer *l)
{
    return l->depth || l->state != VALUE || l->after != DONE;
}

static bool top_is_array(const struct tc_lexer *l)
{
    return l->arrays[l->depth / 64] >> (l->depth % 64) & 1;
}

static void set_after(struct tc_lexer *l)
{
    l->after = (uint8_t)(!l->depth ? DONE : top_is_array(l) ? AFTER_ITEM : AFTER_MEMBER);
}

/* Enters a container whose kind is `bit`; false beyond the depth limit. */
static bool enter(struct tc_lexer *l, uint64_t bit)
{
    uint64_t *word;

    if (l->depth == l->max_depth) {
        (void)tc_lex_fail(l, TC_INVALID, l->token, "nested deeper than %u levels", l->max_depth);
        return false;
    }
    l->depth++;
    word = &l->arrays[l->depth / 64];
    *word = (*word & ~(UINT64_C(1) << (l->depth % 64))) | bit << (l->depth % 64);
    set_after(l);
    return true;
}

static int leave(struct tc_lexer *l, enum tc_json_token t)
{
    l->token = tc_lex_offset(l);
    l->in.p++;
    l->depth--;
    set_after(l);
    l->state = l->after;
    return (int)t;
}

void tc_lex_redirect(struct tc_lexer *l, struct str text, size_t base, struct tc_lex_source *saved)
{
    *saved = l->in;
    l->in = (struct tc_lex_source){text.p, text.p, text.p + text.n, base};
    (void)enter(l, 0); /* cannot fail: that object has been read before at this depth */
    l->state = FIRST_KEY;
}

void tc_lex_return(struct tc_lexer *l, const struct tc_lex_source *saved)
{
    l->in = *saved;
}

/* ---- numbers ---- */

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes that a number may hold: together they end where the token ends, well-formed or not. */
static bool number_byte(char c)
{
    return digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static const char *digits(const char *p, const char *end)
{
    while (p < end && digit(*p))
        p++;
    return p;
}

/* RFC 8259 section 6. Returns the end of the longest prefix that is on its way to a number; *whole
 * says that it is one. */
static const char *scan_number(const char *p, const char *end, bool *whole)
{
    const char *from;

    *whole = false;
    if (p < end && *p == '-')
        p++;
    from = p;
    p = p < end && *p == '0' ? p + 1 : digits(p, end);
    if (p == from)
        return p;
    if (p < end && *p == '.') {
        from = ++p;
        p = digits(p, end);
        if (p == from)
            return p;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        from = p;
        p = digits(p, end);
        if (p == from)
            return p;
    }
    *whole = true;
    return p;
}

static enum tc_json_token number_too_long(struct tc_lexer *l)
{
    return tc_lex_fail(l, TC_INVALID, l->token, "a number longer than %d digits",
                       TC_LEX_NUMBER_MAX);
}

/* Keeps the bytes from l->in.p to `end`, which belong to a number. */
static bool hold_number(struct tc_lexer *l, const char *end)
{
    size_t n = (size_t)(end - l->in.p);

    if (!l->hold)
        l->hold = arena_alloc(l->arena, TC_LEX_NUMBER_MAX);
    if (!l->hold) {
        (void)tc_lex_fail(l, TC_NOMEM, l->token, "out of memory");
        return false;
    }
    if (n > TC_LEX_NUMBER_MAX - l->nhold) {
        (void)number_too_long(l);
        return false;
    }
    memcpy(l->hold + l->nhold, l->in.p, n);
    l->nhold += n;
    l->in.p = end;
    return true;
}

/* `text` is all of a token; `stop` is where its grammar ends. */
static int number_token(struct tc_lexer *l, struct str text, const char *stop, bool whole)
{
    if (text.n > TC_LEX_NUMBER_MAX)
        return (int)number_too_long(l);
    if (!whole || stop != text.p + text.n)
        return (int)tc_lex_fail(l, TC_INVALID, l->token + (size_t)(stop - text.p),
                                "a number must be written as JSON writes it: -12.5e3");
    l->number = text;
    l->state = l->after;
    return TC_JSON_NUMBER;
}

static int held_number(struct tc_lexer *l)
{
    struct str text = str_of(l->hold, l->nhold);
    bool whole;
    const char *stop = scan_number(text.p, text.p + text.n, &whole);

    l->nhold = 0;
    return number_token(l, text, stop, whole);
}

static int cut_number(struct tc_lexer *l)
{
    const char *p = l->in.p;

    while (p < l->in.end && number_byte(*p))
        p++;
    l->state = NUMBER;
    if (!hold_number(l, p))
        return TC_JSON_BAD;
    return p == l->in.end ? (int)TC_JSON_MORE : held_number(l);
}

static int on_number(struct tc_lexer *l)
{
    bool whole;
    const char *p = scan_number(l->in.p, l->in.end, &whole), *end = p;
    struct str text;

    if (p == l->in.end)
        return cut_number(l);
    while (end < l->in.end && number_byte(*end))
        end++;
    if (end == l->in.end)
        return cut_number(l);
    text = str_of(l->in.p, (size_t)(end - l->in.p));
    l->in.p = end;
    return number_token(l, text, p, whole);
}

/* ---- literals ---- */

static int on_literal(struct tc_lexer *l)
{
    while (*l->literal) {
        if (l->in.p == l->in.end) {
            l->state = LITERAL;
            return TC_JSON_MORE;
        }
        if (*l->in.p != *l->literal)
            return (int)tc_lex_unexpected(l, "true, false or null");
        l->in.p++;
        l->literal++;
    }
    l->state = l->after;
    return (int)l->word;
}

static int begin_literal(struct tc_lexer *l, const char *text, enum tc_json_token word)
{
    l->literal = text;
    l->word = (uint8_t)word;
    return on_literal(l);
}

/* ---- steps: one per state, called with at least one byte that is not white space ---- */

static int begin_string(struct tc_lexer *l, enum tc_json_token t, uint8_t then)
{
    l->token = tc_lex_offset(l);
    l->in.p++;
    l->state = then;
    l->escape = l->need = 0;
    l->high = 0;
    return (int)t;
}

static int begin_container(struct tc_lexer *l, enum tc_json_token t, uint8_t then)
{
    if (!enter(l, t == TC_JSON_ARRAY))
        return TC_JSON_BAD;
    l->in.p++;
    l->state = then;
    return (int)t;
}

static int on_value(struct tc_lexer *l)
{
    l->token = tc_lex_offset(l);
    switch (*l->in.p) {
    case '"': return begin_string(l, TC_JSON_STRING, l->after);
    case '{': return begin_container(l, TC_JSON_OBJECT, FIRST_KEY);
    case '[': return begin_container(l, TC_JSON_ARRAY, FIRST_ITEM);
    case 't': return begin_literal(l, "true", TC_JSON_TRUE);
    case 'f': return begin_literal(l, "false", TC_JSON_FALSE);
    case 'n': return begin_literal(l, "null", TC_JSON_NULL);
    default: break;
    }
    if (digit(*l->in.p) || *l->in.p == '-')
        return on_number(l);
    return (int)tc_lex_unexpected(l, "a value");
}

/* Takes the ',' or ':' in front of a value. */
static int begin_value(struct tc_lexer *l)
{
    l->in.p++;
    l->state = VALUE;
    skip_space(l);
    return l->in.p < l->in.end ? on_value(l) : (int)TC_JSON_MORE;
}

static int on_key(struct tc_lexer *l)
{
    if (*l->in.p == '"')
        return begin_string(l, TC_JSON_KEY, COLON);
    return (int)tc_lex_unexpected(l, "a name in double quotes");
}

static int on_first_key(struct tc_lexer *l)
{
    if (*l->in.p == '}')
        return leave(l, TC_JSON_OBJECT_END);
    if (*l->in.p == '"')
        return on_key(l);
    return (int)tc_lex_unexpected(l, "a name in double quotes or '}'");
}

static int on_colon(struct tc_lexer *l)
{
    if (*l->in.p != ':')
        return (int)tc_lex_unexpected(l, "':'");
    return begin_value(l);
}

static int on_first_item(struct tc_lexer *l)
{
    return *l->in.p == ']' ? leave(l, TC_JSON_ARRAY_END) : on_value(l);
}

static int on_after_item(struct tc_lexer *l)
{
    if (*l->in.p == ']')
        return leave(l, TC_JSON_ARRAY_END);
    if (*l->in.p != ',')
        return (int)tc_lex_unexpected(l, "',' or ']'");
    return begin_value(l);
}

static int on_after_member(struct tc_lexer *l)
{
    if (*l->in.p == '}')
        return leave(l, TC_JSON_OBJECT_END);
    if (*l->in.p != ',')
        return (int)tc_lex_unexpected(l, "',' or '}'");
    l->in.p++;
    l->state = KEY;
    return GO_ON;
}

typedef int (*step_fn)(struct tc_lexer *l);

static const step_fn steps[] = {
    [VALUE] = on_value,
    [FIRST_KEY] = on_first_key,
    [KEY] = on_key,
    [COLON] = on_colon,
    [FIRST_ITEM] = on_first_item,
    [AFTER_ITEM] = on_after_item,
    [AFTER_MEMBER] = on_after_member,
};

/* States in which white space means something, or nothing is read at all. */
static enum tc_json_token next_special(struct tc_lexer *l)
{
    if (l->state == DONE)
        return TC_JSON_DONE;
    if (l->state == BAD)
        return TC_JSON_BAD;
    if (l->in.p == l->in.end)
        return TC_JSON_MORE;
    return (enum tc_json_token)(l->state == NUMBER ? cut_number(l) : on_literal(l));
}

enum tc_json_token tc_lex_next(struct tc_lexer *l)
{
    int t = GO_ON;

    if (l->state >= DONE)
        return next_special(l);
    while (t == GO_ON) {
        skip_space(l);
        if (l->in.p == l->in.end)
            return TC_JSON_MORE;
        t = steps[l->state](l);
    }
    return (enum tc_json_token)t;
}

enum tc_json_token tc_lex_end(struct tc_lexer *l)
{
    if (l->state == NUMBER && l->depth == 0)
        return (enum tc_json_token)held_number(l);
    return l->state == DONE ? TC_JSON_DONE : l->state == BAD ? TC_JSON_BAD : TC_JSON_MORE;
}
