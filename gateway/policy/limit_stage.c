#include <stdio.h>

#include "gateway/core/exchange_internal.h"
#include "gateway/policy/attributes.h"
#include "gateway/policy/limit.h"
#include "gateway/policy/limit_answer.h"
#include "gateway/policy/limit_value.h"
#include "gateway/policy/stages.h"

/* Limits of a call: those that need the head alone are taken before the body is read, the others
 * when the message is there; costs that only the answer tells are settled as it passes.
 *
 * A store that answers later is waited for before a long body is let in. A short one is read
 * meanwhile, which costs nothing that a refusal would save, and spares the front a stop:
 *
 *   head: take --answers later, short body--> body --> message: join --> message: take
 *           '--answers at once---------------> body --------------------'
 *           '--answers later, long body: wait--^                                       */

enum { SHORT_BODY = 16 << 10 };

struct limits {
    struct exchange_wait wait; /* first */
    struct exchange *x;
    struct limit_call call;
    bool under_way; /* asked, and the answer has not come */
    struct limit_item items[];
};

static const struct plan_method_limit *row_of(const struct exchange *x, const struct limit_item *i)
{
    return &x->policy->limits[i - x->limits->call.items];
}

/* ---- keys and costs ---- */

/* It has no `what`: a dry run only notes that. */
static bool refuse(struct exchange *x, struct limit_item *i, const char *what)
{
    struct str name = i->limit->name;
    if (i->limit->dry_run) {
        i->left_out = i->would_refuse = true;
        x->rule_errors++;
        if (!x->rule_error.p)
            x->rule_error = arena_printf(&x->arena, "%.*s: it has no %s", STR_ARG(name), what);
        return true;
    }
    x->rule = name;
    exchange_fail(x, TC_CODE_PERMISSION_DENIED, 0,
                  "this call is not allowed: it has no %s for limit \"%.*s\"", what, STR_ARG(name));
    return false;
}

/* Want of memory is no fault of the call's. False: it has its answer. */
static bool eval(struct exchange *x, const struct plan_expr *e, struct expr_value *out)
{
    *out = attributes_eval(x, e);
    if (!x->attributes)
        exchange_fail_memory(x);
    return x->attributes != NULL;
}

static bool fill_key(struct exchange *x, const struct plan_method_limit *row, struct limit_item *i)
{
    struct expr_value v;
    i->key = STR("");
    if (!row->key.program)
        return true;
    if (!eval(x, &row->key, &v))
        return false;
    i->key = limit_value_key(&x->arena, v);
    if (!i->key.p) {
        exchange_fail_memory(x);
        return false;
    }
    if (i->key.n == 0)
        i->key = row->default_key;
    return i->key.n || refuse(x, i, "key");
}

/* What it costs, or what is put aside until that is known: at least 1, so that nothing starts on an
 * empty budget. */
static bool fill_cost(struct exchange *x, const struct plan_method_limit *row, struct limit_item *i)
{
    i->settles = row->cost.program && row->cost.when == PLAN_REPLY;
    const struct plan_expr *e = i->settles ? &row->reserve : &row->cost;
    struct expr_value v;
    i->cost = 1;
    if (!e->program)
        return true;
    if (!eval(x, e, &v))
        return false;
    if (!limit_value_number(v, &i->cost))
        return refuse(x, i, "cost");
    if (i->settles && i->cost == 0)
        i->cost = 1;
    return true;
}

/* ---- the outcome ---- */

static enum stage_result fail(struct exchange *x, struct limits *l, enum limit_outcome o)
{
    const struct limit_item *worst = limit_answer_worst(&l->call);
    if (worst)
        x->rule = worst->limit->name;
    limit_answer_fail(x, &l->call, o, worst);
    return STAGE_END;
}

static enum stage_result decide(struct exchange *x, struct limits *l, enum limit_outcome o)
{
    if (!limit_answer_headers(x, &l->call)) {
        exchange_fail_memory(x);
        return STAGE_END;
    }
    return o == LIMIT_GRANTED ? STAGE_NEXT : fail(x, l, o);
}

static void on_done(struct limit_call *c)
{
    struct limits *l = (struct limits *)((char *)c - offsetof(struct limits, call));
    bool waiting = exchange_waiting(l->x);
    l->under_way = false;
    if (exchange_answered(l->x))
        return; /* something else was wrong with it */
    if (waiting)
        exchange_wait_over(l->x);
    if (decide(l->x, l, c->outcome) == STAGE_NEXT && waiting)
        exchange_continue(l->x);
}

static void stop(struct limits *l)
{
    if (l->under_way)
        limit_cancel(&l->call);
    l->under_way = false;
}

static void on_cancel(struct exchange_wait *wait)
{
    stop((struct limits *)wait);
}

static void beyond(struct exchange *x, const struct limit_item *i, const char *where)
{
    x->rule = i->limit->name;
    exchange_fail(x, TC_CODE_RESOURCE_EXHAUSTED, 0,
                  "limit \"%.*s\" is used up in the middle of the %s", STR_ARG(i->limit->name),
                  where);
}

/* A single answer that has been made is given; what it owes is owed by the key. */
static void on_cut(struct limit_call *c, struct limit_item *i)
{
    struct limits *l = (struct limits *)((char *)c - offsetof(struct limits, call));
    const struct tc_method *m = l->x->policy->method;
    if (exchange_answered(l->x))
        return;
    if (m->server_streaming && i->settles)
        beyond(l->x, i, "answer");
    else if (m->client_streaming && !l->x->has_reply)
        beyond(l->x, i, "request");
}

/* ---- the stages ---- */

static struct limits *limits_of(struct exchange *x)
{
    uint8_t n = x->policy->nlimits;
    if (x->limits)
        return x->limits;
    struct limits *l = arena_alloc(&x->arena, sizeof *l + n * sizeof *l->items);
    if (!l)
        return NULL;
    for (uint8_t i = 0; i < n; i++)
        l->items[i].limit = x->policy->limits[i].limit;
    l->wait.cancel = on_cancel;
    l->x = x;
    l->call = (struct limit_call){
        .limiter = x->scope->limiter, .items = l->items, .n = n, .done = on_done, .cut = on_cut};
    return x->limits = l;
}

static enum stage_result take(struct exchange *x, uint8_t first, uint8_t last)
{
    struct limits *l = first < last ? limits_of(x) : NULL;
    if (first == last)
        return STAGE_NEXT;
    if (!l) {
        exchange_fail_memory(x);
        return STAGE_END;
    }
    for (uint8_t i = first; i < last; i++)
        if (!fill_key(x, &x->policy->limits[i], &l->call.items[i]) ||
            !fill_cost(x, &x->policy->limits[i], &l->call.items[i]))
            return STAGE_END;
    enum limit_outcome o = limit_take(&l->call, first, last);
    if (o != LIMIT_WAITING)
        return decide(x, l, o);
    l->under_way = true;
    return STAGE_WAIT;
}

static enum stage_result wait_for(struct exchange *x)
{
    exchange_wait(x, &x->limits->wait);
    return STAGE_WAIT;
}

static bool has_short_body(const struct exchange *x)
{
    const struct request *r = &x->request;
    bool is_short = !r->has_body || (r->length && r->length <= SHORT_BODY);
    return is_short && !headers_get(&r->headers, STR("expect")).p;
}

enum stage_result limit_head_stage(struct exchange *x)
{
    enum stage_result result = take(x, 0, x->policy->nlimits_head);
    if (result != STAGE_WAIT)
        return result;
    return has_short_body(x) ? STAGE_NEXT : wait_for(x);
}

enum stage_result limit_join_stage(struct exchange *x)
{
    return x->limits && x->limits->under_way ? wait_for(x) : STAGE_NEXT;
}

enum stage_result limit_message_stage(struct exchange *x)
{
    enum stage_result result = take(x, x->policy->nlimits_head, x->policy->nlimits);
    return result == STAGE_WAIT ? wait_for(x) : result;
}

/* False: it has its answer. */
static bool charge_further(struct exchange *x, const struct plan_method_limit *row,
                           struct limit_item *i)
{
    struct expr_value v;
    uint64_t cost;
    if (!eval(x, &row->cost, &v))
        return false;
    if (!limit_value_number(v, &cost))
        return refuse(x, i, "cost");
    if (i->spent < i->charged)
        i->spent = i->charged; /* by the messages before */
    if (limit_spend(&x->limits->call, i, cost))
        return true;
    beyond(x, i, "request");
    return false;
}

enum stage_result limit_further_stage(struct exchange *x)
{
    bool renewed = false;
    for (uint8_t k = 0; x->limits && k < x->policy->nlimits; k++) {
        const struct plan_method_limit *row = &x->policy->limits[k];
        struct limit_item *i = &x->limits->call.items[k];
        if (!row->each || i->left_out)
            continue;
        if (!renewed)
            attributes_renew(x, ATTRIBUTE_REQUEST);
        renewed = true;
        if (!charge_further(x, row, i))
            return STAGE_END;
    }
    return STAGE_NEXT;
}

/* A cost that cannot be told keeps what was put aside for it. */
static uint64_t spent_by(struct exchange *x, const struct plan_method_limit *row,
                         const struct limit_item *i)
{
    uint64_t cost;
    if (!limit_value_number(attributes_eval(x, &row->cost), &cost))
        return i->spent < i->charged ? i->charged - i->spent : 0;
    if (!row->total)
        return cost;
    return cost > i->spent ? cost - i->spent : 0;
}

enum stage_result limit_reply_stage(struct exchange *x)
{
    struct limits *l = x->limits;
    attributes_renew(x, ATTRIBUTE_RESPONSE);
    for (uint8_t k = 0; l && k < l->call.n; k++) {
        struct limit_item *i = &l->call.items[k];
        if (!i->settles || limit_spend(&l->call, i, spent_by(x, row_of(x, i), i)))
            continue;
        if (!x->policy->method->server_streaming)
            continue;
        beyond(x, i, "answer");
        return STAGE_END;
    }
    return STAGE_NEXT;
}

/* The upstream has told all that it will tell, or has not run the call: it was not asked, it was
 * not reached, or it refused with a status of its own and no message. One that says that it was
 * cancelled or too late may have worked all the while. */
static bool cost_is_known(const struct exchange *x)
{
    bool single = !x->policy->method->server_streaming;
    if (!x->call_began || x->unstarted || (single && x->has_reply))
        return true;
    if (!x->call_ended || x->code == TC_CODE_OK)
        return x->call_ended;
    return x->from_peer && x->messages_out == 0 && x->code != TC_CODE_CANCELLED &&
           x->code != TC_CODE_DEADLINE_EXCEEDED;
}

/* Nobody dodges the cost of a call by leaving before it is told. */
static void keep_reserved(struct limits *l)
{
    for (uint8_t k = 0; k < l->call.n; k++) {
        struct limit_item *i = &l->call.items[k];
        if (i->settles && i->spent < i->charged)
            limit_spend(&l->call, i, i->charged - i->spent);
    }
}

enum stage_result limit_over_stage(struct exchange *x)
{
    if (!x->limits)
        return STAGE_NEXT;
    stop(x->limits);
    if (!cost_is_known(x))
        keep_reserved(x->limits);
    limit_end(&x->limits->call);
    return STAGE_NEXT;
}
