#include "gateway/policy/route.h"

#include "gateway/policy/route_walk.h"
#include "transcoder/percent.h"
#include "transcoder/percent_check.h"

/* "." or "..", in any mixture of escapes. */
static bool is_dot_segment(struct str segment)
{
    size_t dots = 0;

    if (segment.n == 0 || segment.n > STR("%2e%2e").n)
        return false;
    for (; segment.n; dots++) {
        bool escaped = segment.p[0] == '%';
        if ((escaped ? tc_percent_byte(segment) : segment.p[0]) != '.')
            return false;
        segment = str_skip(segment, escaped ? 3 : 1);
    }
    return dots <= 2;
}

/* Escapes, UTF-8 and dot segments of the whole path, before anything is looked up. */
static bool path_is_good(struct str path)
{
    if (path.n == 0 || path.p[0] != '/' || !tc_percent_valid(path))
        return false;
    for (struct str rest = path; rest.p;)
        if (is_dot_segment(str_cut(&rest, '/')))
            return false;
    return true;
}

size_t router_bad_at(struct str path)
{
    struct str rest = path;

    while (rest.p) {
        struct str segment = str_cut(&rest, '/');
        if (!tc_percent_valid(segment) || is_dot_segment(segment))
            return (size_t)(segment.p - path.p);
    }
    return 0;
}

/* `path` is the whole one up to the verb. */
static const struct route *match_in(struct walk *w, const struct router *r, struct str verb,
                                    struct str path)
{
    const struct node *root = node_child(&r->verbs, verb, str_hash(verb));

    if (!root)
        return NULL;
    if (!route_walk_split(w, r, str_skip(path, 1))) {
        w->no_memory = true;
        return NULL;
    }
    return route_walk_trie(w, root);
}

/* Tries the trie of each verb that the path ends with, the longest first: the colon may also belong
 * to the value. */
static const struct route *match_verbs(struct walk *w, const struct router *r, struct str path)
{
    size_t longest = 3 * r->verb_max + 1; /* an escape spells one byte with three */
    const struct route *found = NULL;
    size_t i = path.n;

    while (i > 0 && path.n - i < longest && path.p[i - 1] != '/')
        i--;
    for (; i + 1 < path.n && !found && !w->no_memory; i++) {
        struct str verb = str_skip(path, i + 1);
        if (path.p[i] != ':')
            continue;
        if (tc_percent_decode(verb, TC_DECODE_SEGMENT, w->arena, &verb))
            found = match_in(w, r, verb, str_of(path.p, i));
        else
            w->no_memory = true;
    }
    return found;
}

/* The first `n` segments of `path` are taken off its front. */
static struct str skip_segments(struct str path, uint32_t n)
{
    while (n-- > 0 && path.p)
        str_cut(&path, '/');
    return path;
}

/* The part of the path that a variable stands for, as it was sent. */
static struct str variable_text(const struct walk *w, const struct route_variable *v)
{
    uint32_t end = v->open_end ? w->n : v->last;

    if (v->first >= end)
        return STR("");
    struct str text = skip_segments(w->path, v->first);
    if (v->open_end)
        return text;
    struct str rest = skip_segments(text, end - v->first);
    return rest.p ? str_of(text.p, (size_t)(rest.p - text.p) - 1) : text;
}

static bool take_values(const struct walk *w, const struct route *route, const struct str **out)
{
    struct str *values = route->nvariables
                             ? arena_array(w->arena, route->nvariables, sizeof *values)
                             : NULL;

    *out = values;
    if (route->nvariables && !values)
        return false;
    for (uint16_t i = 0; i < route->nvariables; i++) {
        const struct route_variable *v = &route->variables[i];
        enum tc_decode_mode mode = v->multi ? TC_DECODE_MULTI_SEGMENT : TC_DECODE_SEGMENT;
        if (!tc_percent_decode(variable_text(w, v), mode, w->arena, &values[i]))
            return false;
    }
    return true;
}

/* "GET, HEAD, POST": HEAD can be used wherever GET can. */
static enum route_result refuse_method(const struct walk *w, struct str *allow)
{
    *allow = STR("");
    for (const struct allowed *a = w->allowed; a; a = a->next) {
        bool head = str_eq(a->verb, STR("GET"));
        for (const struct allowed *b = w->allowed; b && head; b = b->next)
            head = !str_eq(b->verb, STR("HEAD"));
        *allow = arena_printf(w->arena, "%.*s%s%.*s%s", STR_ARG(*allow), allow->n ? ", " : "",
                              STR_ARG(a->verb), head ? ", HEAD" : "");
        if (!allow->p)
            return ROUTE_NOMEM;
    }
    return ROUTE_NO_METHOD;
}

enum route_result router_match(const struct router *r, struct str method, struct str path,
                               struct arena *arena, struct route_match *out)
{
    struct walk w;

    *out = (struct route_match){.route = NULL};
    if (!path_is_good(path))
        return ROUTE_BAD_PATH;
    w.arena = arena;
    w.method = method;
    w.allowed = NULL;
    w.no_memory = false;

    const struct route *found = r->verb_max ? match_verbs(&w, r, path) : NULL;
    if (!found && !w.no_memory)
        found = match_in(&w, r, STR(""), path);
    if (w.no_memory)
        return ROUTE_NOMEM;
    if (!found)
        return w.allowed ? refuse_method(&w, &out->allow) : ROUTE_NO_PATH;
    out->route = found;
    return take_values(&w, found, &out->values) ? ROUTE_FOUND : ROUTE_NOMEM;
}
