#include "gateway/core/query.h"
#include "gateway/policy/route.h"
#include "gateway/policy/stages.h"

/* What is answered is logged as well, and an encoded '?' brings a credential into the path. */
static struct str shown_path(struct exchange *x)
{
    const struct plan *plan = x->snapshot->plan;
    return plan->nproviders
               ? query_conceal(x->request.path, plan->concealed, plan->nconcealed, &x->arena)
               : x->request.path;
}

enum stage_result route_stage(struct exchange *x)
{
    const struct request *r = &x->request;
    struct route_match match;
    switch (router_match(x->snapshot->router, r->method, r->path, &x->arena, &match)) {
    case ROUTE_FOUND:
        x->route = match.route;
        x->policy = match.route->policy;
        x->values = match.values;
        return STAGE_NEXT;
    case ROUTE_NO_PATH:
        exchange_fail(x, TC_CODE_NOT_FOUND, 0, "no RPC is served at %.*s", STR_ARG(shown_path(x)));
        break;
    case ROUTE_NO_METHOD:
        headers_add(&x->answer.headers, &x->arena, STR("allow"), match.allow);
        exchange_fail(x, TC_CODE_UNIMPLEMENTED, 405, "%.*s does not take %.*s, only %.*s",
                      STR_ARG(shown_path(x)), STR_ARG(r->method), STR_ARG(match.allow));
        break;
    case ROUTE_BAD_PATH:
        x->error.in_target = true;
        tc_fail(&x->error, TC_INVALID, router_bad_at(r->path) + (size_t)(r->path.p - r->target.p),
                "",
                "the path is not valid: it must begin with '/', what is percent-encoded in it must "
                "be UTF-8 without NUL, and \".\" and \"..\" are no segments");
        exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 0, "%s", x->error.text);
        break;
    case ROUTE_NOMEM:
        exchange_fail(x, TC_CODE_UNAVAILABLE, 503, "the gateway is out of memory for this call");
        break;
    }
    return STAGE_END;
}
