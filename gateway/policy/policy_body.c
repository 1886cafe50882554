#include "gateway/policy/policy_rule.h"
#include "transcoder/form.h"
#include "transcoder/http_body.h"

/* The bodies of a rule: which fields they are, and which forms they take. */

static const struct tc_field *top_level_field(const struct rule *r, const struct tc_message *m,
                                              const char *part, const char *name)
{
    struct str text = str_c(name);
    const struct tc_field *f = tc_field_by_name(m, text);

    if (!f && str_find(text, '.') < text.n)
        WRONG(r, part, "\"%s\" is a path; only a field of %.*s itself can be the body", name,
              STR_ARG(m->full_name));
    else if (!f)
        WRONG(r, part, "%.*s has no field \"%s\"%.*s", STR_ARG(m->full_name), name,
              STR_ARG(policy_suggest_field(r->c, m, text)));
    return f;
}

static void check_body_field(const struct rule *r, const struct route *route)
{
    for (uint16_t i = 0; i < route->nvariables; i++) {
        const struct tc_field_path *p = &route->variables[i].path;
        const struct tc_field *first = p->n ? p->fields[0] : NULL;
        if (p->n == 1 && first == route->body)
            WRONG(r, "body", "\"%s\" is bound by the path already", r->http->body);
        else if (first && first != route->body && first->oneof >= 0 &&
                 first->oneof == route->body->oneof)
            WRONG(r, "body",
                  "\"%s\" and \"%.*s\", which the path sets, are members of one oneof; only one "
                  "of them can be given",
                  r->http->body, STR_ARG(first->name));
    }
}

/* ---- google.api.HttpBody ---- */

static bool is_http_body(const struct tc_message *whole, const struct tc_field *f)
{
    const struct tc_message *m = f ? f->message : whole;
    return m && m->wkt == TC_WKT_HTTP_BODY && !(f && f->flags & TC_REPEATED);
}

/* The bytes are the body: the path cannot be them too. */
static void check_raw(const struct rule *r, const struct route *route)
{
    uint16_t depth = route->body ? 1 : 0;

    for (uint16_t i = 0; i < route->nvariables; i++) {
        const struct tc_field_path *p = &route->variables[i].path;
        if (p->n > depth && (!depth || p->fields[0] == route->body) &&
            p->fields[depth]->number != TC_HTTP_BODY_CONTENT_TYPE)
            WRONG(r, r->kind,
                  "a google.api.HttpBody is the body: the path can bind its content_type, not its "
                  "%.*s",
                  STR_ARG(p->fields[depth]->name));
    }
}

/* The message that the body is has a place for files. */
static bool takes_form(const struct tc_method *m, const struct route *route)
{
    const struct tc_field *f = route->body;

    if (!f)
        return route->whole_body && tc_form_takes_files(m->input);
    return f->message && !(f->flags & TC_REPEATED) && f->message->wkt == TC_WKT_NONE &&
           tc_form_takes_files(f->message);
}

/* The update_mask of a PATCH, as protobuf APIs name it (google.aip.dev/134). */
static const struct tc_field *update_mask(const struct route *route)
{
    const struct tc_method *m = route->policy->method;
    const struct tc_field *mask = tc_field_by_name(m->input, STR("update_mask"));
    bool patches = route->policy->fill_update_mask && str_eq(route->verb, STR("PATCH")) &&
                   route->body && tc_bind_may_enter(route->body) && !route->raw_body &&
                   !m->client_streaming;

    return patches && mask && mask != route->body && mask->type == TC_MESSAGE &&
                   !(mask->flags & TC_REPEATED) && mask->message->wkt == TC_WKT_FIELD_MASK
               ? mask
               : NULL;
}

void policy_body_derive(struct route *route)
{
    const struct tc_method *m = route->policy->method;

    route->raw_body = (route->whole_body || route->body) && is_http_body(m->input, route->body);
    route->raw_answer = is_http_body(m->output, route->response_body);
    route->mask = update_mask(route);
    route->takes_form = !m->client_streaming && !route->raw_body && takes_form(m, route);
}

void policy_body_read(const struct rule *r, struct route *route)
{
    const char *body = r->http->body;

    if (body[0] && (str_eq(r->verb, STR("GET")) || str_eq(r->verb, STR("HEAD"))))
        WRONG(r, "body",
              "a %.*s request has no body; remove it, the fields are query parameters then, or use "
              "post",
              STR_ARG(r->verb));
    if (!body[0] && r->method->client_streaming)
        WRONG(r, "body",
              "is missing; the messages of a client stream come in the body: write body: \"*\"");
    route->whole_body = str_eq(str_c(body), STR("*"));
    if (body[0] && !route->whole_body)
        route->body = top_level_field(r, r->method->input, "body", body);
    if (route->body)
        check_body_field(r, route);
    if (r->http->response_body[0])
        route->response_body = top_level_field(r, r->method->output, "response_body",
                                               r->http->response_body);
    policy_body_derive(route);
    if (route->raw_body)
        check_raw(r, route);
}
