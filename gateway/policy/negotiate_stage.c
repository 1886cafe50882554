#include "gateway/core/clock.h"
#include "gateway/policy/stages.h"
#include "transcoder/mime.h"

static bool is_json(struct str type, bool stream)
{
    if (str_eq_nocase(type, STR("application/json")))
        return true;
    if (stream && (str_eq_nocase(type, STR("application/x-ndjson")) ||
                   str_eq_nocase(type, STR("application/ndjson")) ||
                   str_eq_nocase(type, STR("application/jsonl"))))
        return true;
    size_t slash = str_find(type, '/');
    return slash < type.n && type.n > 5 && str_eq_nocase(str_skip(type, type.n - 5), STR("+json"));
}

static void refuse_type(struct exchange *x, struct str type)
{
    const char *other = x->route->takes_form                  ? " or multipart/form-data"
                        : x->policy->method->client_streaming ? " or application/x-ndjson"
                                                              : "";
    exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 415,
                  "content-type %.*s is not understood; send application/json%s", STR_ARG(type),
                  other);
}

/* Each of them, were there several, is one more coding (RFC 9110 8.4). */
static bool coding_ok(struct exchange *x)
{
    for (uint32_t i = 0; i < x->request.headers.n; i++) {
        const struct header *h = &x->request.headers.items[i];
        if (!str_eq(h->name, STR("content-encoding")) || str_eq_nocase(h->value, STR("identity")))
            continue;
        exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 415,
                      "content-encoding %.*s is not understood; send the body as it is",
                      STR_ARG(h->value));
        return false;
    }
    return true;
}

static bool type_is_single(struct exchange *x)
{
    if (!headers_repeat(&x->request.headers, STR("content-type")))
        return true;
    tc_fail(&x->error, TC_INVALID, TC_NO_OFFSET, "headers[\"content-type\"]",
            "content-type is given twice");
    exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 0, "%s", x->error.text);
    return false;
}

static bool content_type_ok(struct exchange *x)
{
    struct str type = headers_get(&x->request.headers, STR("content-type"));
    struct str rest = type;
    if (!coding_ok(x) || !type_is_single(x))
        return false;
    x->kind = x->route->raw_body ? REQUEST_RAW : REQUEST_JSON;
    if (!x->request.has_body || !type.p || x->kind == REQUEST_RAW)
        return true;
    if (x->route->takes_form && tc_multipart_is(type))
        x->kind = REQUEST_FORM;
    else if (!is_json(tc_mime_type(&rest), x->policy->method->client_streaming))
        refuse_type(x, type);
    return !x->answer.ready;
}

/* RFC 9110 12.4.2: "0.25" -> 250. What is no weight counts as 1000. */
static uint32_t weight_of(struct str text)
{
    uint64_t whole, part = 0;
    struct str digits = text;
    struct str head = str_cut(&digits, '.');
    if (!str_to_u64(head, 1, &whole) || digits.n > 3 ||
        (digits.n && !str_to_u64(digits, 999, &part)))
        return 1000;
    for (size_t i = digits.n; i < 3; i++)
        part *= 10;
    return whole ? 1000 : (uint32_t)part;
}

/* Weight of `type` in one Accept value, in thousandths; 0: not named, or ruled out. */
static uint32_t accept_weight(struct str accept, struct str type)
{
    while (accept.p) {
        struct str params = str_cut(&accept, ',');
        uint32_t weight = 1000;
        if (!str_eq_nocase(str_trim(str_cut(&params, ';')), type))
            continue;
        while (params.p) {
            struct str value = str_trim(str_cut(&params, ';'));
            if (str_eq_nocase(str_trim(str_cut(&value, '=')), STR("q")))
                weight = weight_of(str_trim(value));
        }
        return weight;
    }
    return 0;
}

/* The framing that the client names with the highest weight, in this order where it does not care;
 * an array for everybody else. */
static void choose_framing(struct exchange *x)
{
    static const enum tc_framing offered[] = {TC_FRAMING_SSE, TC_FRAMING_NDJSON, TC_FRAMING_ARRAY};
    uint32_t best = 0;
    x->framing = x->route->raw_answer ? TC_FRAMING_RAW : TC_FRAMING_ARRAY;
    if (x->route->raw_answer || !x->policy->method->server_streaming)
        return;
    for (size_t f = 0; f < sizeof offered / sizeof *offered; f++)
        for (uint32_t i = 0; i < x->request.headers.n; i++) {
            const struct header *h = &x->request.headers.items[i];
            uint32_t weight = str_eq(h->name, STR("accept"))
                                  ? accept_weight(h->value, tc_framing_content_type(offered[f]))
                                  : 0;
            if (weight > best) {
                best = weight;
                x->framing = offered[f];
            }
        }
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
    return content_type_ok(x) && length_ok(x) ? STAGE_NEXT : STAGE_END;
}
