#include "gateway/expr/regex_weight.h"

/* Instructions of one: `.` and [^...] are all lengths of UTF-8; \pL and the like are tables. */
enum { ONE = 1, ANY = 10, UNICODE_CLASS = 400, NEST_MAX = 64 };
#define WEIGHT_MAX (UINT64_C(1) << 40)

/* Of the group that is open: what stands before its last atom, and that atom, which a repetition
 * multiplies. */
struct group {
    uint64_t sum, last;
};

struct scan {
    struct str rest;
    struct group groups[NEST_MAX];
    uint32_t n; /* of open groups, the outermost one included */
};

static char take(struct scan *s)
{
    char c = s->rest.p[0];
    s->rest = str_skip(s->rest, 1);
    return c;
}

static uint64_t capped(uint64_t weight)
{
    return weight < WEIGHT_MAX ? weight : WEIGHT_MAX;
}

static void atom(struct scan *s, uint64_t weight)
{
    struct group *g = &s->groups[s->n - 1];
    g->sum = capped(g->sum + g->last);
    g->last = weight;
}

static uint64_t escape(struct scan *s)
{
    char c = s->rest.n ? take(s) : '\0';
    if (c == 'p' || c == 'P') {
        bool braces = s->rest.n && s->rest.p[0] == '{';
        size_t end = braces ? str_find(s->rest, '}') : 0;
        s->rest = str_skip(s->rest, end + 1);
        return UNICODE_CLASS;
    }
    return c == 'D' || c == 'W' || c == 'S' || c == 'C' ? ANY : ONE;
}

/* Behind '[' up to its ']'. */
static uint64_t class(struct scan *s)
{
    uint64_t weight = ONE;
    bool first = true;
    if (s->rest.n && s->rest.p[0] == '^') {
        take(s);
        weight = ANY;
    }
    for (; s->rest.n && (first || s->rest.p[0] != ']'); first = false) {
        char c = take(s);
        weight += c == '\\' ? escape(s) : (unsigned char)c >= 0xc0 ? ANY : 0;
        if (c == '-' || c == '[')
            weight++;
    }
    if (s->rest.n)
        take(s);
    return weight;
}

static uint64_t number(struct scan *s)
{
    uint64_t v = 0;
    while (s->rest.n && s->rest.p[0] >= '0' && s->rest.p[0] <= '9')
        v = capped(v * 10 + (uint64_t)(take(s) - '0'));
    return v;
}

/* Behind '{': "3}", "3,}", "3,5}"; anything else is text. */
static void repetition(struct scan *s)
{
    struct group *g = &s->groups[s->n - 1];
    uint64_t times = number(s);
    if (s->rest.n && s->rest.p[0] == ',') {
        take(s);
        uint64_t most = number(s);
        times = most > times ? most : times + 1;
    }
    if (s->rest.n && s->rest.p[0] == '}')
        take(s);
    if (times > 1)
        g->last = g->last && times > WEIGHT_MAX / g->last ? WEIGHT_MAX : g->last * times;
}

static void close_group(struct scan *s)
{
    if (s->n == 1)
        return;
    struct group g = s->groups[--s->n];
    atom(s, capped(g.sum + g.last + ONE));
}

uint64_t expr_regex_weight(struct str pattern)
{
    struct scan s = {.rest = pattern, .n = 1};
    bool folded = false;
    while (s.rest.n) {
        char c = take(&s);
        switch (c) {
        case '\\': atom(&s, escape(&s)); break;
        case '[': atom(&s, class(&s)); break;
        case '.': atom(&s, ANY); break;
        case '{': repetition(&s); break;
        case ')': close_group(&s); break;
        case '(':
            if (s.n == NEST_MAX)
                return WEIGHT_MAX;
            s.groups[s.n++] = (struct group){0, 0};
            folded = folded || (s.rest.n > 1 && s.rest.p[0] == '?' && s.rest.p[1] == 'i');
            break;
        default: atom(&s, ONE); break;
        }
    }
    while (s.n > 1)
        close_group(&s);
    uint64_t weight = capped(s.groups[0].sum + s.groups[0].last);
    return folded ? 2 * weight : weight;
}
