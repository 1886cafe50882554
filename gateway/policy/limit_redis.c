#include <stdlib.h>

#include "gateway/core/clock.h"
#include "gateway/policy/limiter.h"

/* Limits that Redis counts: one EVALSHA for all of a call, and errands that settle afterwards. */

enum { ARGS_FIRST = 2 };

/* What a command is built from, until redis_eval has copied it. */
struct command {
    struct str keys[LIMIT_ASKS_MAX], args[ARGS_FIRST + LIMIT_ASKS_MAX];
    struct limit_script_row rows[LIMIT_ASKS_MAX];
    char mode[2];
    uint8_t n;
};

/* Who charged is remembered by those algorithms that keep each use by itself. */
static bool wants_id(const struct limit_item *i)
{
    return i->limit->rule.kind == LIMIT_SLIDING_LOG || i->limit->rule.kind == LIMIT_CONCURRENCY;
}

/* Of this call among those of all gateways. */
static struct str id_of(struct limit_call *c)
{
    static const char digits[] = "0123456789abcdef";
    if (!c->id[0]) {
        uint64_t parts[] = {c->limiter->id_base, ++c->limiter->ids};
        for (unsigned i = 0; i < sizeof c->id; i++)
            c->id[i] = digits[parts[i / 16] >> (i % 16 * 4) & 15];
    }
    return str_of(c->id, sizeof c->id);
}

static void command_begin(struct command *k, struct str id, enum limit_script_mode mode)
{
    k->n = 0;
    k->mode[0] = (char)('0' + (int)mode);
    k->args[0] = id;
    k->args[1] = str_of(k->mode, 1);
}

static void command_add(struct command *k, struct str key, const struct limit_script_row *row)
{
    k->keys[k->n] = key;
    k->rows[k->n] = *row;
    k->args[ARGS_FIRST + k->n] = str_of((const char *)&k->rows[k->n], sizeof *row);
    k->n++;
}

static bool command_send(struct limiter *l, struct command *k, struct redis_call *call,
                         redis_done *done)
{
    struct redis_command c = {.script = REDIS_SCRIPT_LIMIT,
                              .keys = k->keys,
                              .nkeys = k->n,
                              .args = k->args,
                              .nargs = ARGS_FIRST + (uint32_t)k->n};
    return l->o.redis && redis_eval(l->o.redis, call, &c, done);
}

static struct limit_script_row row_of(const struct limit_item *i, uint64_t cost)
{
    struct limit_script_row row = limit_script_row(&i->limit->rule, (uint64_t)HOLD_MS * 1000);
    row.cost = (double)cost;
    row.at_us = (double)i->at_us;
    return row;
}

bool limit_redis_is_meant(const struct limit_item *i)
{
    if (i->left_out)
        return false;
    return i->limit->store == LIMIT_EXACT ||
           (i->limit->store == LIMIT_LEASED && i->holder == HELD_NOWHERE && !i->would_refuse);
}

/* ---- errands ---- */

static struct limit_errand *take_errand(struct limiter *l)
{
    struct limit_errand *e = l->errands;
    if (e)
        l->errands = e->next;
    else
        e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    *e = (struct limit_errand){.limiter = l, .next = l->busy, .link = &l->busy};
    if (l->busy)
        l->busy->link = &e->next;
    l->busy = e;
    return e;
}

static void put_errand(struct limit_errand *e)
{
    free(e->orphan);
    e->orphan = NULL;
    *e->link = e->next;
    if (e->next)
        e->next->link = e->link;
    e->next = e->limiter->errands;
    e->limiter->errands = e;
}

static void on_errand(struct redis_call *call, const struct redis_reply *reply)
{
    struct limit_errand *e = (struct limit_errand *)call;
    struct limit_call *who = e->who;
    struct limit_item *item = e->item;
    bool beyond = reply->status == REDIS_REPLIED && reply->n == 2 + LIMIT_SCRIPT_VALUES &&
                  limit_script_answer(&reply->values[2]).wait_us;
    put_errand(e);
    if (!who || !beyond)
        return;
    if (item->limit->dry_run)
        item->would_refuse = true;
    else
        who->cut(who, item);
}

/* Only a charge may say something that the call has to know. Without an errand it is sent when
 * Redis is there again, if it is not; but not to renew a place, which is done again in time. */
static struct limit_errand *errand_of(struct limit_call *c, struct limit_item *i,
                                      enum limit_script_mode mode)
{
    struct limit_errand *e = mode == LIMIT_SCRIPT_REFUND ? NULL : take_errand(c->limiter);
    if (!e)
        return NULL;
    e->who = mode == LIMIT_SCRIPT_CHARGE ? c : NULL;
    e->item = i;
    return e;
}

void limit_redis_errand(struct limit_call *c, struct limit_item *i, enum limit_script_mode mode,
                        uint64_t cost)
{
    struct limit_errand *e = errand_of(c, i, mode);
    struct limit_script_row row = row_of(i, cost);
    struct command k;
    row.most = (double)i->cost; /* what the charge was, for a log */
    command_begin(&k, wants_id(i) ? id_of(c) : STR("-"), mode);
    command_add(&k, limit_redis_key(c->limiter, i), &row);
    if (command_send(c->limiter, &k, e ? &e->call : NULL, on_errand) || !e)
        return;
    put_errand(e);
    if (mode == LIMIT_SCRIPT_CHARGE)
        command_send(c->limiter, &k, NULL, NULL);
}

void limit_redis_return(struct limiter *l, const struct limit_lease *lease)
{
    struct limit_script_row row = lease->row;
    struct command k;
    if (!lease->tokens)
        return;
    row.cost = row.most = (double)lease->tokens;
    row.at_us = (double)lease->at_us;
    command_begin(&k, STR("lease"), LIMIT_SCRIPT_REFUND);
    command_add(&k, str_c(lease->redis_key), &row);
    command_send(l, &k, NULL, NULL);
}

/* ---- calls that are gone before the answer has come ---- */

/* What a call has asked Redis for: when the answer comes all of the call is gone but this. */
struct limit_orphan {
    char id[32];
    uint8_t n;
    struct {
        char key[LIMIT_KEY_TEXT];
        struct limit_script_row row;
        bool by_id; /* it goes back if it was charged, and else nothing does */
    } items[];
};

static struct limit_orphan *orphan_of(struct limit_call *c)
{
    struct limit_orphan *o = calloc(1, sizeof *o + (size_t)(c->last - c->first) * sizeof *o->items);
    if (!o)
        return NULL;
    memcpy(o->id, c->id, sizeof o->id);
    for (uint8_t k = c->first; k < c->last; k++) {
        struct limit_item *i = &c->items[k];
        if (!limit_redis_is_meant(i))
            continue;
        struct str key = limit_redis_key(c->limiter, i);
        memcpy(o->items[o->n].key, key.p, key.n);
        o->items[o->n].row = row_of(i, i->cost);
        o->items[o->n++].by_id = wants_id(i) && i->limit->store == LIMIT_EXACT;
    }
    return o;
}

/* Of item `n`, as far as it is known: reply NULL or without values, it never will be. */
static uint64_t charged_of(const struct limit_orphan *o, uint8_t n, const struct redis_reply *reply)
{
    if (reply && reply->status == REDIS_FAILED)
        return 0;
    if (!reply || reply->status != REDIS_REPLIED)
        return o->items[n].by_id ? (uint64_t)o->items[n].row.cost : 0;
    bool whole = reply->n == 2 + (uint32_t)o->n * LIMIT_SCRIPT_VALUES;
    return whole ? limit_script_answer(&reply->values[2 + n * LIMIT_SCRIPT_VALUES]).charged : 0;
}

/* What was granted goes back; what may have been, if that can be told apart there. */
static void give_up(struct limiter *l, struct limit_orphan *o, const struct redis_reply *reply)
{
    struct str id = o->id[0] ? str_of(o->id, sizeof o->id) : STR("-");
    struct command k;
    command_begin(&k, id, LIMIT_SCRIPT_REFUND);
    for (uint8_t n = 0; n < o->n; n++) {
        struct limit_script_row *row = &o->items[n].row;
        uint64_t charged = charged_of(o, n, reply);
        if (charged == 0)
            continue;
        row->cost = row->most = (double)charged;
        row->at_us = reply && reply->n ? (double)reply->values[1] : 0;
        command_add(&k, str_c(o->items[n].key), row);
    }
    if (k.n)
        command_send(l, &k, NULL, NULL);
}

static void on_orphan(struct redis_call *call, const struct redis_reply *reply)
{
    struct limit_errand *e = (struct limit_errand *)call;
    give_up(e->limiter, e->orphan, reply);
    put_errand(e);
}

/* An errand to wait for the call's answer. NULL: out of memory. */
static struct limit_errand *orphan_errand(struct limit_call *c)
{
    struct limit_errand *e = take_errand(c->limiter);
    if (!e)
        return NULL;
    e->orphan = orphan_of(c);
    if (e->orphan)
        return e;
    put_errand(e);
    return NULL;
}

/* The call goes on without its answer, which may be on the way still or never come. */
static void leave_behind(struct limit_call *c, const struct redis_reply *reply)
{
    struct limit_errand *e = reply->status == REDIS_FAILED ? NULL : orphan_errand(c);
    if (!e)
        return;
    if (reply->status != REDIS_SILENT)
        on_orphan(&e->call, reply);
    else if (!redis_late(c->limiter->o.redis, reply, &e->call, on_orphan))
        put_errand(e); /* it was never sent */
}

void limit_redis_abandon(struct limit_call *c)
{
    struct redis *redis = c->limiter->o.redis;
    struct limit_errand *e = redis && c->redis.pending ? orphan_errand(c) : NULL;
    if (e && !redis_move(redis, &c->redis, &e->call, on_orphan))
        put_errand(e);
    if (redis)
        redis_cancel(redis, &c->redis);
}

/* ---- taking ---- */

/* The table goes on from what Redis has said, should it go away. */
static void mirror(struct limiter *l, struct limit_item *i, bool held)
{
    if (i->limit->rule.kind != LIMIT_CONCURRENCY && i->limit->fallback == LIMIT_LOCAL)
        limit_table_follow(l->o.table, &i->ask, &i->ask.verdict, limiter_now(l));
    else if (held)
        limit_mirror_charge(l, i, i->cost);
}

static void take_answer(struct limit_call *c, struct limit_item *i, bool granted,
                        const struct limit_script_answer *a)
{
    bool own = a->wait_us == 0;
    i->ask.verdict = (struct limit_verdict){
        .granted = own,
        .remaining = a->remaining,
        .wait_ns = a->wait_us == LIMIT_NEVER ? LIMIT_NEVER : a->wait_us * 1000,
        .reset_ns = a->reset_us * 1000,
    };
    i->would_refuse |= !own && i->limit->dry_run;
    mirror(c->limiter, i, granted && own);
    if (!own && i->limit->store == LIMIT_LEASED)
        limit_lease_block(c->limiter, i);
    if (!granted || !own)
        return;
    i->holder = HELD_REDIS;
    i->charged = i->cost;
    if (i->limit->store != LIMIT_LEASED)
        return;
    i->holder = HELD_LEASE;
    limit_lease_put(c->limiter, i, a->charged - i->cost);
}

static void on_taken(struct redis_call *call, const struct redis_reply *reply)
{
    struct limit_call *c = (struct limit_call *)((char *)call - offsetof(struct limit_call, redis));
    uint32_t at = 2;
    if (reply->status != REDIS_REPLIED || reply->n < at) {
        leave_behind(c, reply);
        limit_answered(c, limit_fall_back(c, limit_redis_is_meant));
        return;
    }
    bool granted = reply->values[0] == 1;
    for (uint8_t k = c->first; k < c->last; k++) {
        struct limit_item *i = &c->items[k];
        if (!limit_redis_is_meant(i) || at + LIMIT_SCRIPT_VALUES > reply->n)
            continue;
        struct limit_script_answer a = limit_script_answer(&reply->values[at]);
        i->at_us = (uint64_t)reply->values[1];
        at += LIMIT_SCRIPT_VALUES;
        take_answer(c, i, granted, &a);
    }
    if (granted)
        limit_redis_hold(c);
    limit_answered(c, granted ? LIMIT_GRANTED : LIMIT_REFUSED);
}

enum limit_outcome limit_redis_take(struct limit_call *c)
{
    struct command k;
    command_begin(&k, STR("-"), LIMIT_SCRIPT_TAKE);
    for (uint8_t n = c->first; n < c->last; n++) {
        struct limit_item *i = &c->items[n];
        if (!limit_redis_is_meant(i))
            continue;
        struct limit_script_row row = row_of(i, i->cost);
        row.dry = i->limit->dry_run;
        if (i->limit->store == LIMIT_LEASED)
            row.most = (double)i->limit->rule.amount;
        if (wants_id(i))
            k.args[0] = id_of(c);
        command_add(&k, limit_redis_key(c->limiter, i), &row);
    }
    if (command_send(c->limiter, &k, &c->redis, on_taken))
        return LIMIT_WAITING;
    return limit_fall_back(c, limit_redis_is_meant);
}

/* ---- places that are held while a call runs ---- */

static bool is_place(const struct limit_item *i)
{
    return i->limit->rule.kind == LIMIT_CONCURRENCY && i->holder == HELD_REDIS;
}

static void renew_one(struct limit_call *c)
{
    for (uint8_t k = 0; k < c->n; k++)
        if (is_place(&c->items[k]))
            limit_redis_errand(c, &c->items[k], LIMIT_SCRIPT_RENEW, c->items[k].charged);
}

static void on_renew(struct timer *t)
{
    struct limiter *l = (struct limiter *)((char *)t - offsetof(struct limiter, renew));
    for (struct limit_call *c = l->holding; c; c = c->next)
        renew_one(c);
    if (l->holding)
        timer_start(l->o.timers, t, HOLD_MS / 3, on_renew);
}

void limit_redis_hold(struct limit_call *c)
{
    struct limiter *l = c->limiter;
    bool any = false;
    for (uint8_t k = c->first; k < c->last; k++)
        any |= is_place(&c->items[k]);
    if (!any || c->link)
        return;
    c->next = l->holding;
    c->link = &l->holding;
    if (c->next)
        c->next->link = &c->next;
    l->holding = c;
    if (!timer_runs(&l->renew))
        timer_start(l->o.timers, &l->renew, HOLD_MS / 3, on_renew);
}

void limit_redis_forget(struct limit_call *c)
{
    for (struct limit_errand *e = c->limiter->busy; e; e = e->next)
        if (e->who == c)
            e->who = NULL;
    if (!c->link)
        return;
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    c->link = NULL;
}

void limit_redis_release(struct limiter *l)
{
    timer_stop(l->o.timers, &l->renew);
    free(l->names);
    l->names = NULL;
    while (l->busy) {
        if (l->o.redis)
            redis_cancel(l->o.redis, &l->busy->call);
        if (l->busy->orphan)
            give_up(l, l->busy->orphan, NULL);
        put_errand(l->busy);
    }
    while (l->errands) {
        struct limit_errand *next = l->errands->next;
        free(l->errands);
        l->errands = next;
    }
}
