#include "gateway/policy/policy_rule.h"
#include "transcoder/enum_name.h"
#include "transcoder/value_text.h"

enum { PATTERN_VALUE_MAX = 4096 };

/* google.api.http -> routes. One rule gives one route; its additional bindings give one each and do
 * not nest. */

void policy_rule_wrong(const struct rule *r, const char *part, struct str sentence)
{
    struct str path = TEXT(r->c, "%.*s%s%s", STR_ARG(r->at), r->at.n && part[0] ? "." : "", part);

    FAULT(r->c, &r->origin, path, "%.*s (rpc %.*s)", STR_ARG(sentence),
          STR_ARG(r->method->full_name));
}

/* ---- the path ---- */

/* Names the part of the path that does not lead anywhere. */
static void unknown_variable(const struct rule *r, struct str path, size_t known)
{
    const struct tc_message *m = r->method->input;
    struct str rest = path, part = str_cut(&rest, '.');

    for (size_t i = 0; i < known; i++) {
        m = tc_field_by_name(m, part)->message;
        part = str_cut(&rest, '.');
    }
    const struct tc_field *f = m ? tc_field_by_name(m, part) : NULL;
    if (f && (!rest.p || (f->message && !(f->flags & TC_REPEATED))))
        r->c->no_memory = true; /* nothing is wrong with the path */
    else if (f)
        WRONG(r, r->kind,
              "variable {%.*s}: \"%.*s\" of %.*s is no singular message, it has no field \"%.*s\"",
              STR_ARG(path), STR_ARG(part), STR_ARG(m->full_name), STR_ARG(rest));
    else if (m)
        WRONG(r, r->kind, "variable {%.*s}: %.*s has no field \"%.*s\"%.*s", STR_ARG(path),
              STR_ARG(m->full_name), STR_ARG(part), STR_ARG(policy_suggest_field(r->c, m, part)));
}

static bool has_text_form(const struct tc_field *f)
{
    if (!f->message)
        return true;
    return f->type == TC_MESSAGE &&
           (f->message->wkt == TC_WKT_WRAPPER || f->message->wkt == TC_WKT_TIMESTAMP ||
            f->message->wkt == TC_WKT_DURATION || f->message->wkt == TC_WKT_FIELD_MASK);
}

static bool check_leaf(const struct rule *r, struct str text, const struct tc_field_path *path)
{
    const struct tc_field *leaf = path->fields[path->n - 1];

    for (uint16_t i = 0; i + 1 < path->n; i++)
        if (path->fields[i]->message->wkt != TC_WKT_NONE &&
            path->fields[i]->message->wkt != TC_WKT_HTTP_BODY)
            WRONG(r, r->kind,
                  "variable {%.*s}: %.*s is written as one JSON value, its fields cannot be bound",
                  STR_ARG(text), STR_ARG(path->fields[i]->message->full_name));
    if (leaf->flags & TC_REPEATED)
        WRONG(r, r->kind, "variable {%.*s}: the field is %s; a path gives one value", STR_ARG(text),
              leaf->flags & TC_MAP ? "a map" : "repeated");
    else if (!has_text_form(leaf))
        WRONG(r, r->kind,
              "variable {%.*s}: a %.*s cannot be written in a path; bind one of its fields",
              STR_ARG(text), STR_ARG(leaf->message->full_name));
    else
        return true;
    return false;
}

/* ---- patterns that no value of the field fits */

static bool takes_slash(const struct tc_field *f)
{
    if (!f->message)
        return f->type == TC_STRING || f->type == TC_BYTES;
    return f->message->wkt == TC_WKT_FIELD_MASK ||
           (f->message->wkt == TC_WKT_WRAPPER && takes_slash(&f->message->fields[0]));
}

static bool takes_text(const struct rule *r, const struct tc_field *f, struct str text, char *why)
{
    struct buf out;

    buf_init(&out, PATTERN_VALUE_MAX);
    if (f->type == TC_ENUM)
        text = tc_enum_full_name(f->enumeration, text, method_policy_enum_names(r->policy));
    enum tc_status st = tc_value_text(&out, f, text, TC_TEXT_PARAMETER, why);
    buf_release(&out);
    return st != TC_INVALID;
}

/* Of a field that holds no slash the pattern leaves one segment, or the `**` that stands for one.
 */
static void check_pattern(const struct rule *r, const struct path_template *t, uint32_t variable,
                          const struct tc_field *leaf)
{
    const struct path_variable_text *v = &t->variables[variable];
    const struct path_segment *one = NULL;
    char why[TC_ERROR_TEXT_MAX];
    uint32_t n = 0;

    for (uint32_t i = v->first; i < v->last; i++) {
        if (t->segments[i].kind == SEGMENT_REST)
            continue;
        one = &t->segments[i];
        n++;
    }
    if (n == 0 || takes_slash(leaf))
        return;
    if (n > 1)
        WRONG(
            r, r->kind,
            "variable {%.*s}: its pattern has %u segments, but no value of this field has a slash",
            STR_ARG(v->path), n);
    else if (one->kind == SEGMENT_LITERAL && !takes_text(r, leaf, one->literal, why))
        WRONG(r, r->kind, "variable {%.*s}: no value of this field fits its pattern: %s",
              STR_ARG(v->path), why);
}

/* Two variables may not speak of the same value, of a message and its part, or of two members of a
 * oneof. */
static void check_pair(const struct rule *r, const struct path_template *t, uint32_t a, uint32_t b,
                       const struct tc_field_path *pa, const struct tc_field_path *pb)
{
    uint16_t same = 0;

    while (same < pa->n && same < pb->n && pa->fields[same] == pb->fields[same])
        same++;
    if (same == pa->n || same == pb->n)
        WRONG(r, r->kind, "variables {%.*s} and {%.*s} bind the same field",
              STR_ARG(t->variables[a].path), STR_ARG(t->variables[b].path));
    else if (pa->fields[same]->oneof >= 0 && pa->fields[same]->oneof == pb->fields[same]->oneof)
        WRONG(r, r->kind, "variables {%.*s} and {%.*s} set two members of one oneof",
              STR_ARG(t->variables[a].path), STR_ARG(t->variables[b].path));
}

static void resolve_variables(const struct rule *r, const struct path_template *t,
                              struct route *route)
{
    struct route_variable *out = policy_array(r->c, t->nvariables, sizeof *out);
    size_t known;

    for (uint32_t i = 0; out && i < t->nvariables; i++) {
        struct str text = t->variables[i].path;
        path_template_span(t, i, &out[i]);
        if (!tc_field_path_resolve(r->method->input, text, r->c->arena, &out[i].path, &known)) {
            unknown_variable(r, text, known);
            out[i].path = (struct tc_field_path){NULL, 0};
            continue;
        }
        if (check_leaf(r, text, &out[i].path))
            check_pattern(r, t, i, out[i].path.fields[out[i].path.n - 1]);
        for (uint32_t j = 0; j < i; j++)
            if (out[j].path.n)
                check_pair(r, t, j, i, &out[j].path, &out[i].path);
    }
    route->variables = out;
    route->nvariables = out ? (uint16_t)t->nvariables : 0;
}

static bool read_template(const struct rule *r, struct route *route)
{
    struct path_template t;
    struct str why;
    bool ok = path_template_parse(route->pattern, r->c->arena, &t, &why);

    if (ok)
        resolve_variables(r, &t, route);
    else if (why.p)
        WRONG(r, r->kind, "\"%.*s\": %.*s", STR_ARG(route->pattern), STR_ARG(why));
    else
        r->c->no_memory = true;
    return ok;
}

/* ---- the rule ---- */

static bool read_custom(struct rule *r)
{
    const Google__Api__CustomHttpPattern *custom = r->http->custom;
    struct str kind = str_c(custom->kind);

    r->kind = "custom.path";
    r->template = custom->path;
    r->verb = kind;
    for (size_t i = 0; i < kind.n; i++) {
        char ch = kind.p[i];
        bool letter = (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z');
        if (!letter && ch != '-' && ch != '_' && !(ch >= '0' && ch <= '9') &&
            !str_eq(kind, STR("*")))
            kind.n = 0;
    }
    if (str_eq(kind, STR("CONNECT"))) {
        WRONG(r, "custom.kind", "CONNECT asks for a proxy, which this is not; it reaches no RPC");
        return false;
    }
    if (kind.n)
        return true;
    WRONG(r, "custom.kind", "\"%s\" is no HTTP method; write one, as in \"HEAD\", or \"*\" for all",
          custom->kind);
    return false;
}

static bool read_pattern(struct rule *r)
{
    const Google__Api__HttpRule *http = r->http;

#define PATTERN(name, text, method) r->kind = (name), r->template = (text), r->verb = STR(method)
    switch (http->pattern_case) {
    case GOOGLE__API__HTTP_RULE__PATTERN_GET: PATTERN("get", http->get, "GET"); break;
    case GOOGLE__API__HTTP_RULE__PATTERN_PUT: PATTERN("put", http->put, "PUT"); break;
    case GOOGLE__API__HTTP_RULE__PATTERN_POST: PATTERN("post", http->post, "POST"); break;
    case GOOGLE__API__HTTP_RULE__PATTERN_DELETE: PATTERN("delete", http->delete_, "DELETE"); break;
    case GOOGLE__API__HTTP_RULE__PATTERN_PATCH: PATTERN("patch", http->patch, "PATCH"); break;
    case GOOGLE__API__HTTP_RULE__PATTERN_CUSTOM: return read_custom(r);
    default:
        WRONG(r, "", "the http rule names no path; write one, as in get: \"/v1/models/{name}\"");
        return false;
    }
#undef PATTERN
    return true;
}

static struct route *route_new(struct compile *c)
{
    if (c->nroutes == c->route_room) {
        uint32_t room = c->route_room ? 2 * c->route_room : 64;
        struct route *more = policy_array(c, room, sizeof *more);
        if (!more)
            return NULL;
        if (c->nroutes)
            memcpy(more, c->routes, c->nroutes * sizeof *more);
        c->routes = more;
        c->route_room = room;
    }
    return &c->routes[c->nroutes++];
}

static struct str place_of(struct compile *c, const struct origin *o, struct str at)
{
    struct origin whole = *o;
    if (o->prefix.p && at.n)
        whole.prefix = TEXT(c, "%.*s.%.*s", STR_ARG(o->prefix), STR_ARG(at));
    return policy_origin_place(c, &whole, STR(""));
}

static void read_binding(struct rule *r)
{
    struct route route = {.policy = r->policy};

    if (!read_pattern(r))
        return;
    route.verb = r->verb;
    route.pattern = str_c(r->template);
    route.place = place_of(r->c, &r->origin, r->at);
    bool ok = read_template(r, &route);
    policy_body_read(r, &route);
    struct route *slot = ok ? route_new(r->c) : NULL;
    if (slot)
        *slot = route;
}

static void read_additional(struct rule *r)
{
    const Google__Api__HttpRule *whole = r->http;

    for (size_t i = 0; i < whole->n_additional_bindings; i++) {
        r->http = whole->additional_bindings[i];
        r->at = TEXT(r->c, "additional_bindings[%zu]", i);
        if (r->http->n_additional_bindings)
            WRONG(r, "additional_bindings",
                  "additional bindings do not nest; move them up one level");
        if (r->http->selector[0])
            WRONG(r, "selector",
                  "belongs to the whole rule, not to one of its bindings; remove it");
        read_binding(r);
    }
}

static void read_rule(struct compile *c, const struct method_policy *p,
                      const Google__Api__HttpRule *http, const struct origin *origin)
{
    struct rule r = {
        .c = c, .policy = p, .method = p->method, .origin = *origin, .at = STR(""), .http = http};

    read_binding(&r);
    read_additional(&r);
}

/* RPCs without a rule: POST /pkg.Service/Method, all fields in the body. */
static void add_default(struct compile *c, const struct method_policy *p)
{
    struct origin at = policy_method_origin(c, p->method, 0);
    struct route *route = route_new(c);

    if (!route)
        return;
    *route = (struct route){.policy = p,
                            .verb = STR("POST"),
                            .pattern = p->method->path,
                            .whole_body = true,
                            .place = at.place};
    policy_body_derive(route);
}

/* The configuration's rule for the method; NULL: none. A second one is a mistake, not a further
 * binding. */
static const Google__Api__HttpRule *config_rule(struct compile *c, const struct tc_method *m,
                                                struct origin *at)
{
    const Postern__V1__Config *config = c->in->config;
    const Google__Api__HttpRule *found = NULL;

    for (size_t i = 0; config && i < config->n_http; i++) {
        if (!str_eq(str_c(config->http[i]->selector), m->full_name))
            continue;
        struct origin here = {.prefix = TEXT(c, "http[%zu]", i)};
        c->http_used[i] = true;
        if (found)
            FAULT(c, &here, STR("selector"),
                  "%.*s has a rule at %.*s already; add this one to its additional_bindings",
                  STR_ARG(m->full_name), STR_ARG(at->prefix));
        else
            *at = here;
        found = found ? found : config->http[i];
    }
    return found;
}

void policy_http_routes(struct compile *c, const struct method_policy *p)
{
    struct origin at = policy_method_origin(c, p->method, OPTION_HTTP), config_at;
    size_t before = c->faults->count;
    const Google__Api__HttpRule *own = policy_options_http(c, &p->method->options, &at);
    const Google__Api__HttpRule *replaced = config_rule(c, p->method, &config_at);

    if (own && own->selector[0] && !str_eq(str_c(own->selector), p->method->full_name))
        FAULT(c, &at, STR("selector"), "stays empty beside an rpc, or is its name %.*s",
              STR_ARG(p->method->full_name));
    if (replaced)
        read_rule(c, p, replaced, &config_at);
    else if (own)
        read_rule(c, p, own, &at);
    else if (c->faults->count == before)
        add_default(c, p);
}

void policy_http_check_selectors(struct compile *c)
{
    const Postern__V1__Config *config = c->in->config;

    for (size_t i = 0; config && c->http_used && i < config->n_http; i++) {
        if (c->http_used[i])
            continue;
        struct origin at = {.prefix = TEXT(c, "http[%zu]", i)};
        struct tc_suggestion s = tc_suggest_for(str_c(config->http[i]->selector));
        for (uint32_t m = 0; m < c->npolicies; m++)
            tc_suggest(&s, c->policies[m].method->full_name);
        FAULT(c, &at, STR("selector"), "\"%s\" names no rpc; write it as pkg.Service.Method%.*s",
              config->http[i]->selector, STR_ARG(policy_suggest_text(c, &s)));
    }
}
