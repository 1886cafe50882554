#include "gateway/policy/limit_answer.h"

#include "gateway/core/exchange_internal.h"
#include "transcoder/number.h"

/* All limits of an RPC fit: a name, two numbers and some punctuation each. */
enum { FIELD_MAX = LIMIT_ASKS_MAX * 128 };

struct field {
    size_t n;
    char text[FIELD_MAX];
};

static bool is_told(const struct limit_item *i)
{
    return i->limit->policy.n != 0 && !i->limit->dry_run;
}

/* What is left of it: where its store was not asked, or is away and nobody counts, no one knows. */
static bool is_known(const struct limit_item *i)
{
    const struct limit_verdict *v = &i->ask.verdict;
    bool counted = !i->fell_back || i->limit->fallback == LIMIT_LOCAL;
    return counted && (v->granted || v->wait_ns);
}

static uint64_t most_of(const struct limit_rule *r)
{
    return r->kind == LIMIT_TOKEN_BUCKET ? r->burst : r->amount;
}

static uint64_t seconds(uint64_t ns)
{
    return ns / 1000000000 + (ns % 1000000000 != 0);
}

static void put(struct field *f, struct str s)
{
    if (s.n > sizeof f->text - f->n)
        return;
    memcpy(f->text + f->n, s.p, s.n);
    f->n += s.n;
}

static void put_number(struct field *f, uint64_t v)
{
    char digits[TC_NUMBER_TEXT_MAX];
    put(f, str_of(digits, tc_print_uint64(digits, v)));
}

static void put_policy(struct field *f, const struct limit_item *i)
{
    put(f, f->n ? STR(", ") : STR(""));
    put(f, i->limit->policy);
}

/* `"name";r=12;t=3`: it begins as the policy does. */
static void put_state(struct field *f, const struct limit_item *i)
{
    if (!is_known(i))
        return;
    put(f, f->n ? STR(", ") : STR(""));
    put(f, str_of(i->limit->policy.p, i->limit->name.n + sizeof "\"\";" - 1));
    put(f, STR("r="));
    put_number(f, i->ask.verdict.remaining);
    if (i->limit->rule.kind == LIMIT_CONCURRENCY)
        return;
    put(f, STR(";t="));
    put_number(f, seconds(i->ask.verdict.reset_ns));
}

static bool set(struct exchange *x, struct str name, struct str value)
{
    struct str text = arena_copy(&x->arena, value);
    return text.p && headers_add(&x->answer.headers, &x->arena, name, text);
}

static bool set_number(struct exchange *x, struct str name, uint64_t value)
{
    char digits[TC_NUMBER_TEXT_MAX];
    return set(x, name, str_of(digits, tc_print_uint64(digits, value)));
}

static bool set_all(struct exchange *x, const struct limit_call *c, struct str name,
                    void (*put_one)(struct field *, const struct limit_item *))
{
    struct field f;
    f.n = 0;
    for (uint8_t k = 0; k < c->last; k++)
        if (is_told(&c->items[k]))
            put_one(&f, &c->items[k]);
    return f.n == 0 || set(x, name, str_of(f.text, f.n));
}

/* What an earlier stage has said of its items is said again, with the later ones. */
static void drop_all(struct exchange *x)
{
    static const struct str names[] = {
        STR_INIT("ratelimit-policy"), STR_INIT("ratelimit"), STR_INIT("x-ratelimit-limit"),
        STR_INIT("x-ratelimit-remaining"), STR_INIT("x-ratelimit-reset")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        headers_drop(&x->answer.headers, 0, names[i]);
}

/* The one that has least left, as the older fields know one limit only. */
static const struct limit_item *tightest(const struct limit_call *c)
{
    const struct limit_item *least = NULL;
    for (uint8_t k = 0; k < c->last; k++) {
        const struct limit_item *i = &c->items[k];
        if (is_told(i) && is_known(i) &&
            (!least || i->ask.verdict.remaining < least->ask.verdict.remaining))
            least = i;
    }
    return least;
}

static bool put_standard(struct exchange *x, const struct limit_call *c)
{
    return set_all(x, c, STR("ratelimit-policy"), put_policy) &&
           set_all(x, c, STR("ratelimit"), put_state);
}

static bool put_older(struct exchange *x, const struct limit_call *c)
{
    const struct limit_item *i = tightest(c);
    if (!i)
        return true;
    uint64_t left = i->ask.verdict.remaining, most = most_of(&i->limit->rule);
    return set_number(x, STR("x-ratelimit-limit"), most > left ? most : left) &&
           set_number(x, STR("x-ratelimit-remaining"), left) &&
           set_number(x, STR("x-ratelimit-reset"), seconds(i->ask.verdict.reset_ns));
}

bool limit_answer_headers(struct exchange *x, const struct limit_call *c)
{
    uint8_t told = x->snapshot->plan->limits.fields;
    if (c->first)
        drop_all(x);
    return (!(told & LIMIT_TELL_STANDARD) || put_standard(x, c)) &&
           (!(told & LIMIT_TELL_X) || put_older(x, c));
}

const struct limit_item *limit_answer_worst(const struct limit_call *c)
{
    const struct limit_item *worst = NULL;
    for (uint8_t k = c->first; k < c->last; k++) {
        const struct limit_item *i = &c->items[k];
        uint64_t wait = i->ask.verdict.granted || i->limit->dry_run ? 0 : i->ask.verdict.wait_ns;
        if (wait && (!worst || wait > worst->ask.verdict.wait_ns))
            worst = i;
    }
    return worst;
}

static void fail_reached(struct exchange *x, const struct limit_item *i)
{
    uint64_t wait = seconds(i->ask.verdict.wait_ns);
    if (i->ask.verdict.wait_ns == LIMIT_NEVER) {
        exchange_fail(x, TC_CODE_RESOURCE_EXHAUSTED, 0,
                      "this call costs %llu, limit \"%.*s\" never allows more than %llu",
                      (unsigned long long)i->cost, STR_ARG(i->limit->name),
                      (unsigned long long)most_of(&i->limit->rule));
        return;
    }
    if (!set_number(x, STR("retry-after"), wait ? wait : 1)) {
        exchange_fail_memory(x);
        return;
    }
    exchange_fail(x, TC_CODE_RESOURCE_EXHAUSTED, 0,
                  "limit \"%.*s\" is reached; try again in %llu s", STR_ARG(i->limit->name),
                  (unsigned long long)(wait ? wait : 1));
}

void limit_answer_fail(struct exchange *x, const struct limit_call *c, enum limit_outcome o,
                       const struct limit_item *worst)
{
    (void)c;
    if (o == LIMIT_REFUSED && worst) {
        fail_reached(x, worst);
        return;
    }
    if (set_number(x, STR("retry-after"), 1))
        exchange_fail(x, TC_CODE_UNAVAILABLE, 503,
                      "the limits of this call cannot be counted at the moment; try again");
    else
        exchange_fail_memory(x);
}
