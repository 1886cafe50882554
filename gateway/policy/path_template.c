#include "gateway/policy/route.h"
#include "transcoder/percent.h"
#include "transcoder/percent_check.h"

/*   template := "/" [ segment { "/" segment } ] [ ":" verb ]
 *   segment  := "*" | "**" | literal | "{" field { "." field } [ "=" segment { "/" segment } ] "}"
 *
 * google.api.http leaves `literal` open. Here a colon is part of a literal, but the first one in
 * the last segment, outside of braces, starts the verb; a verb may hold further colons. */

/* Keeps depth of the trie and indices small; a path of 8 KiB has no use for more. */
enum { SEGMENTS_MAX = 256, SHOWN = 16 };

struct parser {
    struct str text;
    size_t at, end; /* next byte; where the segments end and the verb or nothing follows */
    struct arena *arena;
    struct path_template *out;
    struct str *why;
    bool in_variable, rest_seen;
};

/* printf-like sentence behind "byte 7, "…": ". Always false, so that it can end a function. */
#define REFUSE(parser, at, ...) refuse(parser, at, arena_printf((parser)->arena, __VA_ARGS__))

static bool refuse(struct parser *p, size_t at, struct str sentence)
{
    struct str rest = str_skip(p->text, at);

    if (rest.n == 0)
        *p->why = arena_printf(p->arena, "byte %zu (the end): %.*s", at, STR_ARG(sentence));
    else
        *p->why = arena_printf(p->arena, "byte %zu (\"%.*s%s\"): %.*s", at,
                               (int)(rest.n > SHOWN ? SHOWN : rest.n), rest.p,
                               rest.n > SHOWN ? "..." : "", STR_ARG(sentence));
    if (!sentence.p)
        *p->why = STR_NONE;
    return false;
}

/* The byte at the cursor; 0 at the end of the segments. */
static char peek(const struct parser *p)
{
    return p->at < p->end ? p->text.p[p->at] : '\0';
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(char c)
{
    return is_name_start(c) || (c >= '0' && c <= '9');
}

/* Where the segments end: at the first colon of the last segment that is outside of braces. */
static size_t find_verb(struct str text)
{
    size_t colon = text.n;
    bool braces = false;

    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '{' || c == '}')
            braces = c == '{';
        else if (c == '/' && !braces)
            colon = text.n;
        else if (c == ':' && !braces && colon == text.n)
            colon = i;
    }
    return colon;
}

/* What RFC 3986 leaves out of path characters. Beyond ASCII anything goes: it is compared after
 * decoding. */
static bool may_stand_in_literal(char c)
{
    return (unsigned char)c > ' ' && c != 0x7f && !strchr("?#[]\\\"<>^`|*{}", c);
}

/* Checks and decodes the literal text[from, to). */
static bool decode_literal(struct parser *p, size_t from, size_t to, struct str *out)
{
    for (size_t i = from; i < to; i++) {
        char c = p->text.p[i];
        int byte = c == '%' ? tc_percent_byte(str_of(p->text.p + i, to - i)) : -1;
        if (c == '%' && byte <= 0)
            return REFUSE(
                p, i,
                byte < 0
                    ? "\"%%\" must be followed by two hex digits; write %%25 for the sign itself"
                    : "%%00 can never be matched, no request may contain it");
        if (c == '*')
            return REFUSE(
                p, i,
                "\"*\" and \"**\" stand alone in a segment; write %%2A for a literal asterisk");
        if (!may_stand_in_literal(c))
            return REFUSE(p, i, "this byte cannot stand in a literal; write it as %%%02X",
                          (unsigned char)c);
    }
    struct str raw = str_of(p->text.p + from, to - from);
    if (!tc_percent_valid(raw))
        return REFUSE(p, from, "the literal is not UTF-8 after percent-decoding");
    return tc_percent_decode(raw, TC_DECODE_SEGMENT, p->arena, out);
}

/* google/api/http.proto: "**" must be the last part of the path except the verb. */
static bool refuse_behind_rest(struct parser *p, size_t at)
{
    return REFUSE(p, at,
                  "\"**\" takes the rest of the path, so it must be the last segment; only a "
                  "\":verb\" may follow it. Write \"*\" for one segment");
}

static bool add_segment(struct parser *p, size_t at, enum path_segment_kind kind,
                        struct str literal)
{
    if (p->rest_seen)
        return refuse_behind_rest(p, at);
    if (p->out->nsegments == SEGMENTS_MAX)
        return REFUSE(p, at, "a template has at most %d segments", SEGMENTS_MAX);
    p->rest_seen |= kind == SEGMENT_REST;
    p->out->segments[p->out->nsegments++] = (struct path_segment){kind, literal};
    return true;
}

/* "*", "**" or a literal, up to the next '/' (or '}' inside a variable). */
static bool parse_plain(struct parser *p)
{
    size_t from = p->at;
    struct str literal;

    while (p->at < p->end && !strchr("/{}", p->text.p[p->at]))
        p->at++;
    struct str raw = str_of(p->text.p + from, p->at - from);
    if (raw.n == 0)
        return REFUSE(
            p, from,
            "a segment is missing here; empty segments (\"//\", a slash at the end) match nothing");
    if (peek(p) == '{')
        return REFUSE(p, p->at,
                      p->in_variable ? "variables do not nest"
                                     : "a variable starts a segment of its own, behind \"/\"");
    if (str_eq(raw, STR("*")))
        return add_segment(p, from, SEGMENT_ONE, STR_NONE);
    if (str_eq(raw, STR("**")))
        return add_segment(p, from, SEGMENT_REST, STR_NONE);
    if (!decode_literal(p, from, p->at, &literal))
        return false;
    if (str_eq(literal, STR(".")) || str_eq(literal, STR("..")))
        return REFUSE(p, from,
                      "\".\" and \"..\" can never be matched, no request may contain them");
    return add_segment(p, from, SEGMENT_LITERAL, literal);
}

/* a.b.c */
static bool parse_field_path(struct parser *p, struct str *path)
{
    size_t from = p->at;

    for (;;) {
        if (!is_name_start(peek(p)))
            return REFUSE(p, p->at, "a field name is expected here, as in {model} or {model.name}");
        while (is_name(peek(p)))
            p->at++;
        if (peek(p) != '.')
            break;
        p->at++;
    }
    *path = str_of(p->text.p + from, p->at - from);
    for (uint32_t i = 0; i < p->out->nvariables; i++)
        if (str_eq(p->out->variables[i].path, *path))
            return REFUSE(p, from, "variable \"%.*s\" stands twice in the template",
                          STR_ARG(*path));
    return true;
}

static bool parse_variable_segments(struct parser *p)
{
    for (;;) {
        if (peek(p) == '{')
            return REFUSE(p, p->at, "variables do not nest");
        if (!parse_plain(p))
            return false;
        if (peek(p) != '/')
            return true;
        p->at++;
    }
}

static bool parse_variable(struct parser *p)
{
    struct path_variable_text *v = &p->out->variables[p->out->nvariables];
    size_t open = p->at++;

    if (p->rest_seen)
        return refuse_behind_rest(p, open);
    v->first = p->out->nsegments;
    if (!parse_field_path(p, &v->path))
        return false;
    p->in_variable = true;
    if (peek(p) == '=') {
        p->at++;
        if (!parse_variable_segments(p))
            return false;
    } else if (!add_segment(p, open, SEGMENT_ONE, STR_NONE)) {
        return false;
    }
    if (peek(p) != '}')
        return REFUSE(p, p->at, "\"}\" is expected here: the \"{\" at byte %zu is still open",
                      open);
    p->at++;
    p->in_variable = false;
    v->last = p->out->nsegments;
    p->out->nvariables++;
    return true;
}

static bool parse_segments(struct parser *p)
{
    for (;;) {
        p->at++; /* the '/' */
        if (peek(p) == '{' ? !parse_variable(p) : !parse_plain(p))
            return false;
        if (p->at == p->end)
            return true;
        if (peek(p) != '/')
            return REFUSE(p, p->at, "\"/\", \":\" or the end of the template is expected here");
    }
}

static bool parse_verb(struct parser *p)
{
    size_t from = p->end + 1;

    if (p->end == p->text.n)
        return true;
    if (from == p->text.n)
        return REFUSE(p, from, "a verb is expected behind \":\"");
    return decode_literal(p, from, p->text.n, &p->out->verb);
}

static bool allocate(struct parser *p)
{
    size_t slashes = 0, braces = 0;

    for (size_t i = 0; i < p->text.n; i++) {
        slashes += p->text.p[i] == '/';
        braces += p->text.p[i] == '{';
    }
    p->out->segments = arena_array(p->arena, slashes + 1, sizeof *p->out->segments);
    p->out->variables = arena_array(p->arena, braces + 1, sizeof *p->out->variables);
    return p->out->segments && p->out->variables;
}

bool path_template_parse(struct str text, struct arena *arena, struct path_template *out,
                         struct str *why)
{
    struct parser p = {
        .text = text, .end = find_verb(text), .arena = arena, .out = out, .why = why};

    *out = (struct path_template){.verb = STR("")};
    *why = STR_NONE;
    if (text.n == 0 || text.p[0] != '/')
        return REFUSE(&p, 0, "a template starts with \"/\", as in \"/v1/models/{name}\"");
    if (text.n == 1) /* the root */
        return true;
    return allocate(&p) && parse_segments(&p) && parse_verb(&p);
}

void path_template_span(const struct path_template *t, uint32_t i, struct route_variable *out)
{
    const struct path_variable_text *v = &t->variables[i];

    out->first = (uint16_t)v->first;
    out->last = (uint16_t)v->last;
    out->open_end = false;
    for (uint32_t s = v->first; s < v->last; s++)
        out->open_end |= t->segments[s].kind == SEGMENT_REST;
    out->multi = out->open_end || v->last - v->first > 1;
}
