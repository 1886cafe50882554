#include "gateway/core/clock.h"
#include "gateway/core/exchange_internal.h"
#include "gateway/policy/auth_credential.h"
#include "gateway/policy/auth_runtime.h"
#include "gateway/policy/stages.h"

/* The requirements of a method are tried in order; the first that is met says who calls. A
 * judgement that must wait stops here and goes on from the same place. What is answered when none
 * is met is the best news there was: known but lacking a scope (403), cannot tell (503), no good or
 * none shown (401). */

struct auth_attempt {
    struct auth_waiter waiter; /* first */
    struct exchange_wait wait;
    struct exchange *x;
    uint16_t requirement, part; /* that is being judged */
    bool shown, unavailable, resumed;
    const struct plan_requirement *lacking;   /* met but for its scopes */
    const char *why;                          /* of the first credential that was no good */
    const struct principal *first;            /* of the requirement's parts */
    void (*release[PLAN_ALL_OF_MAX])(void *); /* what principals of the requirement live in */
    void *held[PLAN_ALL_OF_MAX];
    uint32_t nheld;
};

static struct auth_attempt *attempt_of_wait(struct exchange_wait *w)
{
    return (struct auth_attempt *)((char *)w - offsetof(struct auth_attempt, wait));
}

static const struct plan_requirement *part_of(const struct plan_requirement *r, uint16_t part)
{
    return r->nall_of ? &r->all_of[part] : r;
}

static uint16_t parts_of(const struct plan_requirement *r)
{
    return r->nall_of ? r->nall_of : 1;
}

/* What is shown is kept from all that follows. */
static enum stage_result hide(struct exchange *x, const struct plan_hidden *what)
{
    if (auth_credential_hide(what, x))
        return STAGE_NEXT;
    exchange_fail_memory(x);
    return STAGE_END;
}

/* ---- answers ---- */

static bool challenge(struct exchange *x, const char *error, struct str scopes)
{
    struct str text = arena_printf(&x->arena, "Bearer realm=\"postern\"%s%s%s%s%.*s%s",
                                   error ? ", error=\"" : "", error ? error : "", error ? "\"" : "",
                                   scopes.n ? ", scope=\"" : "", STR_ARG(scopes),
                                   scopes.n ? "\"" : "");
    return text.p && headers_add(&x->answer.headers, &x->arena, STR("www-authenticate"), text);
}

static struct str join(struct exchange *x, const struct plan_requirement *r)
{
    struct str all = STR("");
    for (uint16_t i = 0; i < r->nscopes && all.p; i++)
        all = arena_printf(&x->arena, "%.*s%s%.*s", STR_ARG(all), i ? " " : "",
                           STR_ARG(r->scopes[i]));
    return all.p ? all : STR("");
}

static enum stage_result refuse(struct auth_attempt *a)
{
    struct exchange *x = a->x;
    if (a->lacking) {
        x->refusal = REFUSAL_SCOPE;
        challenge(x, "insufficient_scope", join(x, a->lacking));
        exchange_fail(x, TC_CODE_PERMISSION_DENIED, 0, "the caller lacks a scope that this needs");
    } else if (a->unavailable) {
        x->refusal = REFUSAL_UNAVAILABLE;
        exchange_fail(x, TC_CODE_UNAVAILABLE, 0, "credentials cannot be checked at the moment");
    } else if (a->shown) {
        x->refusal = REFUSAL_CREDENTIAL;
        challenge(x, "invalid_token", STR(""));
        exchange_fail(x, TC_CODE_UNAUTHENTICATED, 0, "the credential is not valid");
    } else {
        x->refusal = REFUSAL_NO_CREDENTIAL;
        challenge(x, NULL, STR(""));
        exchange_fail(x, TC_CODE_UNAUTHENTICATED, 0, "this needs a credential");
    }
    return STAGE_END;
}

static enum stage_result malformed(struct auth_attempt *a, const char *why)
{
    a->x->refusal = REFUSAL_AMBIGUOUS;
    exchange_fail(a->x, TC_CODE_INVALID_ARGUMENT, 0, "%s", why);
    return STAGE_END;
}

/* ---- judging ---- */

static bool has_scope(const struct principal *who, struct str scope)
{
    for (uint32_t i = 0; i < who->scopes.n; i++)
        if (str_eq(who->scopes.items[i].s, scope))
            return true;
    return false;
}

static bool has_scopes(const struct principal *who, const struct plan_requirement *r)
{
    for (uint16_t i = 0; i < r->nscopes; i++)
        if (!has_scope(who, r->scopes[i]))
            return false;
    return true;
}

static enum auth_verdict judge(struct auth_attempt *a, const struct plan_requirement *part)
{
    struct exchange *x = a->x;
    struct auth_query q = {
        .x = x,
        .runtime = x->scope->auth,
        .state = &x->scope->auth->states[part->provider->index],
        .waiter = &a->waiter,
        .now = (int64_t)(clock_wall_us() / 1000000),
    };
    enum auth_verdict v = auth_judge(&q);
    if (v == AUTH_WAIT)
        return v;
    a->waiter.until = 0;
    a->waiter.failed = false;
    a->shown |= v != AUTH_NONE;
    a->unavailable |= v == AUTH_UNAVAILABLE;
    if (v != AUTH_GOOD && v != AUTH_NONE && !a->why)
        a->why = q.why;
    if (v != AUTH_GOOD)
        return v;
    if (q.release) {
        a->release[a->nheld] = q.release;
        a->held[a->nheld++] = q.held;
    }
    a->first = a->first ? a->first : q.who;
    if (has_scopes(q.who, part))
        return AUTH_GOOD;
    a->lacking = a->lacking ? a->lacking : part;
    return AUTH_BAD;
}

static void let_go(struct auth_attempt *a)
{
    for (; a->nheld; a->nheld--)
        a->release[a->nheld - 1](a->held[a->nheld - 1]);
    a->first = NULL;
}

/* All parts of one requirement, from where it stands. */
static enum auth_verdict judge_requirement(struct auth_attempt *a, const struct plan_requirement *r)
{
    for (; a->part < parts_of(r); a->part++) {
        enum auth_verdict v = judge(a, part_of(r, a->part));
        if (v != AUTH_GOOD)
            return v;
    }
    if (!r->nall_of || has_scopes(a->first, r))
        return AUTH_GOOD;
    a->lacking = a->lacking ? a->lacking : r;
    return AUTH_BAD;
}

/* What the log says; the client is told less. */
static void note_why(struct auth_attempt *a)
{
    if (a->why)
        a->x->rule_error = arena_printf(&a->x->arena, "auth: %s", a->why);
}

static enum stage_result pass(struct auth_attempt *a, const struct principal *who)
{
    a->x->principal = who;
    return hide(a->x, &a->x->policy->auth->hidden);
}

static enum stage_result go_on(struct auth_attempt *a)
{
    const struct plan_auth *auth = a->x->policy->auth;
    for (; a->requirement < auth->nany_of; a->requirement++, a->part = 0) {
        enum auth_verdict v = judge_requirement(a, &auth->any_of[a->requirement]);
        if (v == AUTH_WAIT) {
            exchange_wait(a->x, &a->wait);
            return STAGE_WAIT;
        }
        if (v == AUTH_MALFORMED)
            return malformed(a, a->why);
        if (v == AUTH_GOOD)
            return pass(a, a->first);
        let_go(a);
    }
    if (auth->anonymous && !a->shown)
        return pass(a, NULL);
    note_why(a);
    return refuse(a);
}

static void resume(struct auth_waiter *w)
{
    struct auth_attempt *a = (struct auth_attempt *)w;
    struct exchange *x = a->x;
    exchange_wait_over(x);
    if (go_on(a) == STAGE_NEXT)
        exchange_continue(x);
}

static void cancel(struct exchange_wait *w)
{
    struct auth_attempt *a = attempt_of_wait(w);
    auth_waiter_stop(a->x->scope->auth, &a->waiter);
}

enum stage_result auth_stage(struct exchange *x)
{
    if (!x->policy->auth)
        return hide(x, &x->snapshot->plan->hidden);
    struct auth_attempt *a = x->auth = arena_alloc(&x->arena, sizeof *a);
    if (!a) {
        exchange_fail_memory(x);
        return STAGE_END;
    }
    a->x = x;
    a->wait.cancel = cancel;
    a->waiter.resume = resume;
    return go_on(a);
}

enum stage_result auth_over_stage(struct exchange *x)
{
    struct auth_attempt *a = x->auth;
    if (a)
        let_go(a);
    x->auth = NULL;
    x->principal = NULL;
    return STAGE_NEXT;
}
