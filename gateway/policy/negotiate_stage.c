#include "gateway/core/clock.h"
#include "gateway/core/metadata.h"
#include "gateway/policy/stages.h"

/* "application/json; charset=utf-8" -> "application/json" */
static struct str media_type(struct str value)
{
    return str_trim(str_cut(&value, ';'));
}

static bool is_json(struct str type, bool stream)
{
    if (str_eq_nocase(type, STR("application/json")))
        return true;
    if (stream && (str_eq_nocase(type, STR("application/x-ndjson")) ||
                   str_eq_nocase(type, STR("application/ndjson")) ||
                   str_eq_nocase(type, STR("application/jsonl"))))
        return true;
    size_t slash = str_find(type, '/');
    return slash < type.n && type.n > 5 &&
           str_eq_nocase(str_skip(type, type.n - 5), STR("+json"));
}

static bool content_type_ok(struct exchange *x)
{
    struct str type = headers_get(&x->request.headers, STR("content-type"));
    if (!x->request.has_body || !type.p)
        return true;
    if (is_json(media_type(type), x->policy->method->client_streaming))
        return true;
    exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 415,
                  "content-type %.*s is not understood; send application/json%s", STR_ARG(type),
                  x->policy->method->client_streaming ? " or application/x-ndjson" : "");
    return false;
}

/* True when a member of an Accept value is `type` and is not ruled out by q=0. */
static bool accept_names(struct str accept, struct str type)
{
    while (accept.p) {
        struct str params = str_cut(&accept, ',');
        struct str range = str_trim(str_cut(&params, ';'));
        if (!str_eq_nocase(range, type))
            continue;
        bool refused = false;
        while (params.p) {
            struct str p = str_trim(str_cut(&params, ';'));
            refused |= str_eq(p, STR("q=0")) || str_starts(p, STR("q=0.0"));
        }
        return !refused;
    }
    return false;
}

/* The first framing that a header names; an array for everybody else. */
static void choose_framing(struct exchange *x)
{
    static const enum tc_framing offered[] = {TC_FRAMING_SSE, TC_FRAMING_NDJSON};
    x->framing = TC_FRAMING_ARRAY;
    for (uint32_t i = 0; i < x->request.headers.n; i++) {
        const struct header *h = &x->request.headers.items[i];
        if (!str_eq(h->name, STR("accept")))
            continue;
        for (size_t f = 0; f < sizeof offered / sizeof *offered; f++)
            if (accept_names(h->value, tc_framing_content_type(offered[f]))) {
                x->framing = offered[f];
                return;
            }
    }
}

static bool deadline_ok(struct exchange *x)
{
    uint64_t limit = (uint64_t)x->policy->timeout_ms * 1000000;
    struct str asked = headers_get(&x->request.headers, STR("grpc-timeout"));
    if (asked.p) {
        uint64_t ns;
        if (!metadata_timeout_parse(asked, &ns)) {
            exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 0,
                          "grpc-timeout must be 1 to 8 digits and one of H, M, S, m, u, n: 1500m");
            return false;
        }
        if (!limit || ns < limit)
            limit = ns ? ns : 1;
    }
    x->deadline = limit ? x->began + limit : 0;
    return true;
}

static bool length_ok(struct exchange *x)
{
    if (x->policy->method->client_streaming || x->request.length <= x->policy->max_request)
        return true;
    exchange_fail(x, TC_CODE_RESOURCE_EXHAUSTED, 413,
                  "the request body has %llu bytes; this call may have %llu",
                  (unsigned long long)x->request.length,
                  (unsigned long long)x->policy->max_request);
    return false;
}

enum stage_result negotiate_stage(struct exchange *x)
{
    choose_framing(x);
    return content_type_ok(x) && deadline_ok(x) && length_ok(x) ? STAGE_NEXT : STAGE_END;
}
