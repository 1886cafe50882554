#include "gateway/core/exchange_internal.h"
#include "gateway/core/metadata.h"
#include "gateway/core/principal.h"
#include "gateway/policy/attributes.h"
#include "gateway/policy/stages.h"
#include "transcoder/text.h"

/* One id for answer, log and upstream, whatever the client has sent under that name. */
static bool set_request_id(struct exchange *x)
{
    headers_drop(&x->metadata, 0, STR("x-request-id"));
    return headers_add(&x->metadata, &x->arena, STR("x-request-id"), x->request_id);
}

/* PROTOCOL-HTTP2 ASCII-Value: %x20-%x7E, here without spaces at the ends, which peers cut off. */
static bool is_text(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] > '~')
            return false;
    return s.n == 0 || (s.p[0] != ' ' && s.p[s.n - 1] != ' ');
}

/* In the arena: evaluations reuse their memory. p == NULL: out of memory. */
static struct str wire_form(struct exchange *x, const struct expr_value *v)
{
    struct buf text;
    if (v->kind != EXPR_BYTES)
        return arena_copy(&x->arena, v->s);
    buf_init(&text, x->snapshot->bounds.header_bytes);
    bool ok = tc_base64_encode(&text, v->s);
    struct str s = ok ? arena_copy(&x->arena, buf_str(&text)) : STR_NONE;
    buf_release(&text);
    return s;
}

static enum stage_result refuse(struct exchange *x, struct str key)
{
    x->rule = key;
    exchange_fail(x, TC_CODE_PERMISSION_DENIED, 0,
                  "this call is not allowed: no metadata \"%.*s\" can be made of it", STR_ARG(key));
    return STAGE_END;
}

static enum stage_result apply(struct exchange *x, const struct plan_metadata *rule)
{
    headers_drop(&x->metadata, 0, rule->key);
    if (!rule->value.program)
        return STAGE_NEXT;
    struct expr_value v = attributes_eval(x, &rule->value);
    if (v.kind == EXPR_OPTIONAL) {
        if (!v.optional)
            return STAGE_NEXT;
        v = *v.optional;
    }
    bool fits = v.kind == EXPR_BYTES || (v.kind == EXPR_STRING && is_text(v.s));
    if (!fits || v.s.n > x->snapshot->bounds.header_bytes)
        return rule->value.pass_on_error ? STAGE_NEXT : refuse(x, rule->key);
    struct str value = wire_form(x, &v);
    if (value.p && headers_add(&x->metadata, &x->arena, rule->key, value))
        return STAGE_NEXT;
    exchange_fail_memory(x);
    return STAGE_END;
}

/* ---- the caller's identity ---- */

static struct str joined_scopes(struct exchange *x, const struct principal *who)
{
    struct str all = STR("");
    for (uint32_t i = 0; i < who->scopes.n && all.p; i++)
        all = arena_printf(&x->arena, "%.*s%s%.*s", STR_ARG(all), i ? " " : "",
                           STR_ARG(who->scopes.items[i].s));
    return all;
}

/* A client's own header of that name ends here, whether something is told or not. */
static enum stage_result tell(struct exchange *x, struct str key, struct str value)
{
    if (!key.n)
        return STAGE_NEXT;
    headers_drop(&x->metadata, 0, key);
    if (!value.p)
        return STAGE_NEXT;
    if (!is_text(value))
        return refuse(x, key);
    if (headers_add(&x->metadata, &x->arena, key, value))
        return STAGE_NEXT;
    exchange_fail_memory(x);
    return STAGE_END;
}

static bool identify(struct exchange *x)
{
    static const struct principal nobody = {0};
    const struct plan_identity *i = &x->snapshot->plan->identity;
    const struct principal *who = x->principal ? x->principal : &nobody;
    bool told = i->scopes.n && x->principal;
    struct str scopes = told ? joined_scopes(x, who) : STR_NONE;

    if (told && !scopes.p) {
        exchange_fail_memory(x);
        return false;
    }
    return tell(x, i->id, who->id) == STAGE_NEXT && tell(x, i->tenant, who->tenant) == STAGE_NEXT &&
           tell(x, i->subject, who->subject) == STAGE_NEXT &&
           tell(x, i->provider, who->provider) == STAGE_NEXT &&
           tell(x, i->scopes, scopes) == STAGE_NEXT;
}

enum stage_result metadata_stage(struct exchange *x)
{
    enum tc_status st = metadata_from_headers(&x->request.headers, &x->metadata, &x->arena,
                                              &x->error);
    if (st != TC_OK) {
        exchange_fail_input(x, st);
        return STAGE_END;
    }
    if (!identify(x))
        return STAGE_END;
    for (uint16_t i = 0; i < x->policy->nmetadata; i++)
        if (apply(x, &x->policy->metadata[i]) != STAGE_NEXT)
            return STAGE_END;
    const struct plan_attributes *later = x->policy->attributes;
    bool kept = !later || !later->request_later || attributes_keep_request(x);
    if (kept && set_request_id(x))
        return STAGE_NEXT;
    exchange_fail_memory(x);
    return STAGE_END;
}
