#include "gateway/policy/limit_rate.h"
#include "gateway/policy/limit_table.h"
#include "gateway/policy/limit_value.h"
#include "gateway/policy/policy_expr.h"

/* Limits of one method. What a limit says without looking at a method is read once, so that all
 * RPCs below the place where it is written share one budget; its expressions are compiled for each
 * method. */

enum { NAME_MAX_BYTES = 40, CONSTANT_SCRATCH = 4096 };

typedef Postern__V1__Limit Limit;

struct limit_at {
    struct compile *c;
    const struct layer *layer;
    const Limit *limit;
    size_t index;
    struct plan_limit *out;
};

#define WRONG(a, field, ...) wrong(a, field, arena_printf((a)->c->arena, __VA_ARGS__))

static void wrong(const struct limit_at *a, const char *field, struct str sentence)
{
    policy_fault(a->c, &a->layer->origin, TEXT(a->c, "limit[%zu].%s", a->index, field), sentence);
}

/* ---- what it says by itself ---- */

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        bool ok = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_' ||
                  ch == '.';
        if (!ok)
            return false;
    }
    return s.n > 0 && s.n <= NAME_MAX_BYTES;
}

static void check_name(const struct limit_at *a)
{
    if (!is_name(str_c(a->limit->name)))
        WRONG(a, "name",
              "\"%s\" is no name of a limit: lower-case letters, digits, '-', '_' and '.', at most "
              "%d; answers, logs and metrics show it",
              a->limit->name, NAME_MAX_BYTES);
    for (size_t j = 0; j < a->index; j++)
        if (!strcmp(a->limit->name, a->layer->policy->limit[j]->name))
            WRONG(a, "name", "\"%s\" is the name of limit[%zu] too; give each limit its own",
                  a->limit->name, j);
}

static void read_places(const struct limit_at *a, struct limit_rule *r)
{
    struct str text = str_c(a->limit->rate);
    if (str_to_u64(text, LIMIT_AMOUNT_MAX, &r->amount) && r->amount)
        return;
    WRONG(a, "rate",
          "\"%s\" is no number of calls; with CONCURRENCY write how many may run at once, as in "
          "\"10\"",
          a->limit->rate);
}

static void read_rate(const struct limit_at *a, struct limit_rule *r)
{
    char why[LIMIT_SENTENCE];
    if (r->kind == LIMIT_CONCURRENCY)
        read_places(a, r);
    else if (!limit_rate_parse(str_c(a->limit->rate), r, why))
        WRONG(a, "rate", "%s", why);
    else if (r->kind == LIMIT_SLIDING_LOG && r->amount > LIMIT_LOG_MAX)
        WRONG(a, "rate",
              "a SLIDING_WINDOW_LOG remembers each use and at most %d of them a key; use "
              "SLIDING_WINDOW_COUNTER, which needs two numbers",
              LIMIT_LOG_MAX);
}

static void read_calendar(const struct limit_at *a, struct limit_rule *r)
{
    const char *text = a->limit->calendar;
    if (!text[0] && r->calendar == LIMIT_MONTH)
        WRONG(a, "calendar",
              "is missing: a month begins on its first; write calendar: \"UTC\" or an offset, as "
              "in \"+02:00\"");
    if (!text[0])
        return;
    if (r->kind != LIMIT_FIXED_WINDOW)
        WRONG(a, "calendar", "is for algorithm: FIXED_WINDOW; the others have no fixed beginning");
    else if (!limit_calendar_parse(str_c(text), r))
        WRONG(a, "calendar", "\"%s\" is no offset; write \"UTC\", \"+02:00\" or \"-07:30\"", text);
}

static void read_burst(const struct limit_at *a, struct limit_rule *r)
{
    uint64_t burst = a->limit->burst;
    r->burst = burst ? burst : r->amount;
    if (burst && r->kind != LIMIT_TOKEN_BUCKET)
        WRONG(a, "burst", "is for algorithm: TOKEN_BUCKET; a window allows its amount at any time");
    else if (burst > LIMIT_AMOUNT_MAX)
        WRONG(a, "burst", "is more than can be counted, %llu",
              (unsigned long long)LIMIT_AMOUNT_MAX);
}

static bool can_be_leased(const struct limit_rule *r)
{
    return r->kind == LIMIT_TOKEN_BUCKET || r->kind == LIMIT_FIXED_WINDOW ||
           r->kind == LIMIT_SLIDING_COUNTER;
}

/* Names of the configuration are known at load only. */
static void check_store_is_there(const struct limit_at *a)
{
    const Postern__V1__Config *config = a->c->in->config;
    if (a->c->in->names_open || a->out->store == LIMIT_HERE)
        return;
    if (a->out->store == LIMIT_SERVICE && !(config && config->rate_limit_service))
        WRONG(a, "counting",
              "asks a rate-limit service, and the configuration names none; add "
              "rate_limit_service: { upstream: ..., domain: ... }");
    else if (a->out->store != LIMIT_SERVICE && !(config && config->redis))
        WRONG(a, "shared",
              "needs Redis, and the configuration names none; add redis: { address: ... }");
}

static void read_store(const struct limit_at *a)
{
    static const enum limit_store stores[] = {LIMIT_EXACT, LIMIT_LEASED, LIMIT_SERVICE};
    static const enum limit_fallback fallbacks[] = {LIMIT_LOCAL, LIMIT_OPEN, LIMIT_CLOSED};
    struct plan_limit *l = a->out;
    l->store = (uint8_t)(a->limit->shared ? stores[a->limit->counting] : LIMIT_HERE);
    l->fallback = (uint8_t)fallbacks[a->limit->when_away];
    if (!a->limit->shared && a->limit->counting)
        WRONG(a, "counting", "is for limits with shared: true");
    if (!a->limit->shared && a->limit->when_away)
        WRONG(a, "when_away", "is for limits with shared: true; this one is never away");
    if (l->store == LIMIT_LEASED && !can_be_leased(&l->rule))
        WRONG(a, "counting",
              "LEASED is for buckets, fixed windows and counters; a %s is counted use by use",
              l->rule.kind == LIMIT_CONCURRENCY ? "CONCURRENCY" : "SLIDING_WINDOW_LOG");
    if (l->store == LIMIT_SERVICE && l->rule.kind == LIMIT_CONCURRENCY)
        WRONG(a, "algorithm", "CONCURRENCY cannot be counted by a rate-limit service");
    check_store_is_there(a);
}

/* The same in every process that reads the same options. */
static struct str id_of(const struct limit_at *a, const struct tc_method *m)
{
    struct compile *c = a->c;
    const char *name = a->limit->name;
    size_t level = 0;
    while (level < c->nlayers && c->layers[level] != a->layer)
        level++;
    switch (level) {
    case 0: return TEXT(c, "file %.*s %s", STR_ARG(m->service->file->name), name);
    case 1: return TEXT(c, "service %.*s %s", STR_ARG(m->service->full_name), name);
    case 2: return TEXT(c, "rpc %.*s %s", STR_ARG(m->full_name), name);
    default: return TEXT(c, "override %.*s %s", STR_ARG(a->layer->selector), name);
    }
}

/* draft-ietf-httpapi-ratelimit-headers, RateLimit-Policy: quota, window in seconds, unit. */
static struct str policy_text_of(const struct limit_at *a)
{
    const struct limit_rule *r = &a->out->rule;
    unsigned long long quota = r->kind == LIMIT_TOKEN_BUCKET ? r->burst : r->amount;
    if (r->kind == LIMIT_CONCURRENCY)
        return TEXT(a->c, "\"%s\";q=%llu;qu=\"concurrent-requests\"", a->limit->name, quota);
    return TEXT(a->c, "\"%s\";q=%llu;w=%llu", a->limit->name, quota,
                (unsigned long long)(r->window_ns / 1000000000));
}

static void read_limit(const struct limit_at *a, const struct tc_method *m)
{
    struct limit_rule *r = &a->out->rule;
    r->kind = (uint8_t)a->limit->algorithm;
    a->out->name = str_c(a->limit->name);
    a->out->id = id_of(a, m);
    a->out->dry_run = a->limit->dry_run;
    check_name(a);
    read_rate(a, r);
    read_burst(a, r);
    read_calendar(a, r);
    read_store(a);
    if (!a->limit->hidden && r->amount)
        a->out->policy = policy_text_of(a);
}

/* ---- each once ---- */

static bool limit_room(struct compile *c)
{
    if (c->nlimits < c->limit_room)
        return true;
    c->limit_room = c->limit_room ? c->limit_room * 2 : 16;
    struct plan_limit **limits = policy_array(c, c->limit_room, sizeof(struct plan_limit *));
    const void **options = policy_array(c, c->limit_room, sizeof *options);
    if (!limits || !options)
        return false;
    for (uint32_t i = 0; i < c->nlimits; i++) {
        limits[i] = c->limits[i];
        options[i] = c->limit_options[i];
    }
    c->limits = limits;
    c->limit_options = options;
    return true;
}

static struct plan_limit *limit_of(struct compile *c, struct limit_at *a, const struct tc_method *m)
{
    for (uint32_t i = 0; i < c->nlimits; i++)
        if (c->limit_options[i] == a->limit)
            return c->limits[i];
    a->out = limit_room(c) ? policy_array(c, 1, sizeof *a->out) : NULL;
    if (!a->out)
        return NULL;
    a->out->index = c->nlimits;
    c->limits[c->nlimits] = a->out;
    c->limit_options[c->nlimits++] = a->limit;
    read_limit(a, m);
    return a->out;
}

/* ---- its expressions ---- */

static bool is_key_type(const struct expr_type *t)
{
    if (t->kind == EXPR_OPTIONAL || t->kind == EXPR_WRAPPER)
        t = t->of;
    switch (t->kind) {
    case EXPR_STRING:
    case EXPR_BYTES:
    case EXPR_INT:
    case EXPR_UINT:
    case EXPR_BOOL:
    case EXPR_IP:
    case EXPR_CIDR:
    case EXPR_DYN: return true;
    default: return false;
    }
}

/* What an expression comes to at each call. False: that is not known now. */
static bool constant_value(const struct expr_program *p, struct expr_value *out)
{
    char memory[CONSTANT_SCRATCH];
    struct expr_scratch scratch = {memory, sizeof memory, 0};
    if (!p->constant)
        return false;
    *out = expr_eval(p, NULL, NULL, &scratch);
    return out->kind != EXPR_ERROR;
}

static bool is_always_empty(struct limit_at *a, const struct plan_expr *key)
{
    struct expr_value v;
    return constant_value(key->program, &v) && limit_value_key(a->c->arena, v).n == 0;
}

static void compile_key(struct limit_at *a, struct method_policy *p, struct plan_method_limit *out)
{
    struct expr_at at = {a->layer, TEXT(a->c, "limit[%zu].key", a->index), &a->limit->key};
    out->key.name = out->limit->name;
    out->default_key = str_c(a->limit->default_key);
    if (!a->limit->_key_case) {
        if (out->default_key.n)
            WRONG(a, "default_key", "is for limits with a key; without one all share one budget");
        return;
    }
    if (!a->limit->key[0]) {
        WRONG(a, "key",
              "is empty; leave it out for one budget for all, or name who has one, as in "
              "\"caller.key\"");
        return;
    }
    if (!policy_expr_compile(a->c, p, &at, a->limit->key, NULL, PLAN_MESSAGE, &out->key))
        return;
    const struct expr_type *t = out->key.program->type;
    if (!is_key_type(t))
        WRONG(a, "key",
              "is of type %.*s; a key is a string, number, bool, ip or cidr: write string(...)",
              STR_ARG(policy_text(a->c, expr_type_text(a->c->arena, t))));
    else if (!out->default_key.n && is_always_empty(a, &out->key))
        WRONG(
            a, "key",
            "is always empty, and such calls are refused; leave it out for one budget for all, or "
            "name who has one, as in \"caller.key\"");
}

static bool is_cost_type(const struct expr_type *t)
{
    if (t->kind == EXPR_WRAPPER || t->kind == EXPR_OPTIONAL)
        t = t->of;
    return t->kind == EXPR_INT || t->kind == EXPR_UINT || t->kind == EXPR_DYN;
}

static void check_number(struct limit_at *a, const char *field, const struct plan_expr *e)
{
    uint64_t number;
    struct expr_value v;
    if (!constant_value(e->program, &v) || limit_value_number(v, &number))
        return;
    WRONG(a, field, "is always %.*s, and such calls are refused; a cost is 0 or more",
          STR_ARG(policy_text(a->c, expr_value_text(a->c->arena, &v, 40))));
}

static bool compile_number(struct limit_at *a, struct method_policy *p, const char *field,
                           const char *source, struct plan_expr *out)
{
    bool cost = field[0] == 'c';
    struct expr_at at = {a->layer, TEXT(a->c, "limit[%zu].%s", a->index, field),
                         cost ? (const void *)&a->limit->cost : &a->limit->reserve};
    out->name = str_c(a->limit->name);
    if (!policy_expr_compile(a->c, p, &at, source, NULL, cost ? PLAN_REPLY : PLAN_MESSAGE, out))
        return false;
    if (is_cost_type(out->program->type)) {
        check_number(a, field, out);
        return true;
    }
    WRONG(a, field, "is of type %.*s; a cost is a whole number: write int(...)",
          STR_ARG(policy_text(a->c, expr_type_text(a->c->arena, out->program->type))));
    return false;
}

static void compile_cost(struct limit_at *a, struct method_policy *p, struct plan_method_limit *out)
{
    bool known = a->limit->_cost_case && compile_number(a, p, "cost", a->limit->cost, &out->cost);
    bool later = known && out->cost.when == PLAN_REPLY;
    if (a->limit->_reserve_case) {
        if (known && !later)
            WRONG(a, "reserve", "is for costs that read `response`; this one is known in time");
        else
            compile_number(a, p, "reserve", a->limit->reserve, &out->reserve);
    }
    if (later && out->limit->store == LIMIT_SERVICE)
        WRONG(a, "cost",
              "reads `response`, and a rate-limit service cannot give back; count it "
              "here or in Redis");
    if (later && out->limit->rule.kind == LIMIT_CONCURRENCY)
        WRONG(a, "cost", "reads `response`; what a CONCURRENCY limit holds is known before");
    bool stream = p->method->client_streaming && known && out->cost.when == PLAN_MESSAGE;
    out->each = stream && out->limit->rule.kind != LIMIT_CONCURRENCY;
    if (stream && out->limit->store == LIMIT_SERVICE)
        WRONG(a, "cost",
              "reads each message of the client's stream, and a rate-limit service is asked once a "
              "call; count it here or in Redis");
    out->total = a->limit->cost_is_total;
    if (out->total && known && !later)
        WRONG(a, "cost_is_total", "is for costs that read `response`");
}

static enum plan_when when_of(const struct plan_method_limit *l)
{
    enum plan_when when = l->key.program ? l->key.when : PLAN_HEAD;
    if (l->cost.program && l->cost.when == PLAN_MESSAGE)
        when = PLAN_MESSAGE;
    if (l->reserve.program && l->reserve.when > when)
        when = l->reserve.when;
    return when;
}

/* ---- all of a method ---- */

struct list {
    struct limit_at items[LIMIT_ASKS_MAX];
    size_t n;
    bool too_many;
};

/* One of the same name replaces that of a farther level. */
static void gather(struct list *list, struct compile *c, const struct layer *l, size_t index)
{
    const Limit *limit = l->policy->limit[index];
    size_t at = 0;
    while (at < list->n && strcmp(list->items[at].limit->name, limit->name) != 0)
        at++;
    if (at == LIMIT_ASKS_MAX) {
        list->too_many = true;
        return;
    }
    list->items[at] = (struct limit_at){c, l, limit, index, NULL};
    list->n += at == list->n;
}

static void compile_limit(struct limit_at *a, struct method_policy *p,
                          struct plan_method_limit *out)
{
    out->limit = limit_of(a->c, a, p->method);
    if (!out->limit)
        return;
    a->out = out->limit;
    compile_key(a, p, out);
    compile_cost(a, p, out);
    out->when = when_of(out);
}

/* The first message of a stream is kept for expressions that read both; there is one at a time. */
static void check_each(struct limit_at *a, const struct method_policy *p,
                       const struct plan_method_limit *out)
{
    if (out->each && p->attributes && p->attributes->request_later)
        WRONG(a, "cost",
              "reads each message of the client's stream, and another expression of this RPC reads "
              "`request` with `response`, for which the first is kept; leave `request` out of one");
}

/* Those that need the head alone come first. */
static void sort(struct method_policy *p, const struct plan_method_limit *from,
                 struct plan_method_limit *to)
{
    uint8_t n = 0;
    for (uint8_t i = 0; i < p->nlimits; i++)
        if (from[i].when == PLAN_HEAD)
            to[n++] = from[i];
    p->nlimits_head = n;
    for (uint8_t i = 0; i < p->nlimits; i++)
        if (from[i].when != PLAN_HEAD)
            to[n++] = from[i];
    p->limits = to;
}

void policy_limits_compile(struct compile *c, struct method_policy *p)
{
    struct list list = {.n = 0};
    for (size_t i = 0; i < c->nlayers; i++)
        for (size_t j = 0; c->layers[i]->policy && j < c->layers[i]->policy->n_limit; j++)
            gather(&list, c, c->layers[i], j);
    if (list.too_many)
        FAULT(c, &list.items[0].layer->origin, STR("limit"), "rpc %.*s has more than %d limits",
              STR_ARG(p->method->full_name), LIMIT_ASKS_MAX);
    struct plan_method_limit *limits = policy_array(c, list.n * 2, sizeof *limits);
    if (!limits || list.n == 0)
        return;
    p->nlimits = (uint8_t)list.n;
    for (size_t i = 0; i < list.n && !c->no_memory; i++)
        compile_limit(&list.items[i], p, &limits[i]);
    for (size_t i = 0; i < list.n && !c->no_memory; i++)
        check_each(&list.items[i], p, &limits[i]);
    sort(p, limits, limits + list.n);
}
