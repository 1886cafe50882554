#include "gateway/policy/route_bind.h"

/* Where `part` stands in the target; an empty part may stand nowhere. */
static size_t offset_of(const struct request *r, struct str part)
{
    size_t offset = (uintptr_t)part.p - (uintptr_t)r->target.p;

    return offset <= r->target.n ? offset : TC_NO_OFFSET;
}

/* Notes where in the target the value of `v` stands. */
static void point_at(struct tc_error *e, const struct request *r, const struct route_variable *v)
{
    struct str rest = str_skip(r->path, 1);

    for (uint16_t i = 0; i < v->first && rest.p; i++)
        str_cut(&rest, '/');
    e->in_target = true;
    e->offset = offset_of(r, rest.p ? rest : str_skip(r->path, r->path.n));
}

enum tc_status route_bind(const struct route *route, const struct str *values,
                          const struct request *request, struct tc_binding *b)
{
    for (uint16_t i = 0; i < route->nvariables; i++) {
        const struct route_variable *v = &route->variables[i];
        enum tc_status st = tc_bind_path(b, &v->path, values[i]);
        if (st == TC_INVALID)
            point_at(b->error, request, v);
        if (st != TC_OK)
            return st;
    }
    struct tc_query_options options = {
        .body_field = route->body,
        .ignore_unknown = route->policy->ignore_unknown_query,
        .no_fields = route->whole_body, /* google.api.http: nothing is left for the query */
        .offset = offset_of(request, request->query),
    };
    return tc_bind_query(b, request->query, &options);
}
