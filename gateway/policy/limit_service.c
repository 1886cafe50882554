#include "gateway/core/clock.h"
#include "gateway/core/digest.h"
#include "gateway/policy/limiter.h"
#include "transcoder/text.h"
#include "transcoder/wire.h"

/* envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit as its client: all items of a call
 * that the service counts in one request, an entry {limit's name, key} for each. Field numbers are
 * those of proto/envoy/service/ratelimit/v3/rls.proto. */

enum { REQUEST_DOMAIN = 1, REQUEST_DESCRIPTORS = 2, REQUEST_HITS = 3 };
enum { DESCRIPTOR_ENTRIES = 1, DESCRIPTOR_HITS = 3 };
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };
enum { RESPONSE_CODE = 1, RESPONSE_STATUSES = 2 };
enum { STATUS_CODE = 1, STATUS_REMAINING = 3, STATUS_RESET = 4 };
enum { CODE_UNKNOWN, CODE_OK, CODE_OVER_LIMIT };

#define DIGEST_PREFIX "digest:"
enum { VALUE_MAX = 256 }; /* bytes of a key that is sent as it is */

/* All items of a call fit. */
enum { REQUEST_MAX = 64 << 10, RESPONSE_MAX = 64 << 10 };
enum { WAIT_NS = 1000000000 }; /* when it does not say */

bool limit_service_is_meant(const struct limit_item *i)
{
    return i->limit->store == LIMIT_SERVICE && !i->left_out;
}

static uint64_t uint_of(struct str message, uint32_t number)
{
    struct tc_wire_field f;
    return tc_wire_find(message, number, TC_VARINT, &f) ? f.value : 0;
}

/* ---- asking ---- */

/* What the protocol carries is sent as it is: text, and not more of it than one likes to read in
 * the service's logs. Everything else goes by its digest, so that nobody is uncounted by the choice
 * of his key; so does what looks like one, so that nobody takes another's. */
static bool is_sent_as_it_is(struct str key)
{
    return key.n <= VALUE_MAX && tc_utf8_valid(key) && !str_starts(key, STR(DIGEST_PREFIX));
}

/* Values have at least one byte: a limit without a key gives its name. */
static bool put_value(struct buf *entry, const struct limit_item *i)
{
    char text[sizeof DIGEST_PREFIX - 1 + DIGEST_HEX] = DIGEST_PREFIX;
    struct str value = i->key.n ? i->key : i->limit->name;
    if (is_sent_as_it_is(value))
        return tc_put_bytes(entry, ENTRY_VALUE, value);
    return digest_hex(i->limit->name, value, text + sizeof DIGEST_PREFIX - 1) &&
           tc_put_bytes(entry, ENTRY_VALUE, str_of(text, sizeof text));
}

static bool put_entry(struct buf *out, const struct limit_item *i)
{
    struct buf entry;
    buf_init(&entry, REQUEST_MAX);
    bool ok = tc_put_bytes(&entry, ENTRY_KEY, i->limit->name) && put_value(&entry, i) &&
              tc_put_bytes(out, DESCRIPTOR_ENTRIES, buf_str(&entry));
    buf_release(&entry);
    return ok;
}

/* google.protobuf.UInt64Value, so that costs of nothing are told too. */
static bool put_hits(struct buf *out, uint64_t cost)
{
    char value[12] = {1 << 3};
    size_t n = cost ? 1 + tc_varint_put(value + 1, cost) : 0;
    return tc_put_bytes(out, DESCRIPTOR_HITS, str_of(value, n));
}

static bool put_descriptor(struct buf *out, const struct limit_item *i)
{
    struct buf descriptor;
    buf_init(&descriptor, REQUEST_MAX);
    bool ok = put_entry(&descriptor, i) && (i->cost == 1 || put_hits(&descriptor, i->cost)) &&
              tc_put_bytes(out, REQUEST_DESCRIPTORS, buf_str(&descriptor));
    buf_release(&descriptor);
    return ok;
}

static bool put_request(struct buf *out, const struct limit_call *c)
{
    bool ok = call_message_init(out, REQUEST_MAX) &&
              tc_put_bytes(out, REQUEST_DOMAIN, c->limiter->o.domain);
    for (uint8_t k = c->first; k < c->last; k++)
        if (limit_service_is_meant(&c->items[k]))
            ok = ok && put_descriptor(out, &c->items[k]);
    return ok;
}

/* ---- the answer ---- */

static struct limit_verdict verdict_of(struct str status, bool granted)
{
    struct tc_wire_field f;
    uint64_t reset = 0;
    if (tc_wire_find(status, STATUS_RESET, TC_LEN, &f))
        reset = uint_of(f.bytes, 1); /* google.protobuf.Duration: whole seconds are enough */
    reset = (reset < UINT32_MAX ? reset : UINT32_MAX) * 1000000000;
    return (struct limit_verdict){
        .granted = granted,
        .remaining = granted ? uint_of(status, STATUS_REMAINING) : 0,
        .reset_ns = reset || granted ? reset : WAIT_NS,
        .wait_ns = granted ? 0
                   : reset ? reset
                           : WAIT_NS,
    };
}

/* What it lets pass is counted here too, should it go away. */
static void mirror(struct limit_call *c)
{
    for (uint8_t k = c->first; k < c->last; k++) {
        struct limit_item *i = &c->items[k];
        if (!limit_service_is_meant(i) || i->limit->rule.kind == LIMIT_CONCURRENCY)
            continue;
        limit_prepare_ask(c->limiter, i);
        limit_mirror_charge(c->limiter, i, i->cost);
    }
}

/* False: the item holds the call up. */
static bool take_verdict(struct limit_item *i, struct limit_verdict v)
{
    i->ask.verdict = v;
    i->would_refuse = i->limit->dry_run && !v.granted;
    return v.granted || i->limit->dry_run;
}

/* The next status; p == NULL: there is no more. */
static struct str next_status(struct str *response)
{
    struct tc_wire_field f;
    while (tc_wire_next(response, &f) == TC_OK)
        if (f.number == RESPONSE_STATUSES && f.type == TC_LEN)
            return f.bytes;
    return STR_NONE;
}

static uint64_t code_of(struct str status)
{
    uint64_t code = uint_of(status, STATUS_CODE);
    return code == CODE_OK || code == CODE_OVER_LIMIT ? code : CODE_UNKNOWN;
}

/* The code of the statuses that a refusal is laid to: if none is over, the unknown ones; if all are
 * well, all. */
static uint64_t code_to_blame(const struct limit_call *c, struct str response)
{
    uint64_t worst = CODE_OK;
    for (uint8_t k = c->first; k < c->last; k++) {
        if (!limit_service_is_meant(&c->items[k]))
            continue;
        uint64_t code = code_of(next_status(&response));
        if (code == CODE_OVER_LIMIT || worst == CODE_OK)
            worst = code;
    }
    return worst;
}

/* One status per descriptor, in their order; there may be none. The code of all decides: a service
 * that only watches says OK to all, and that one is over. */
static bool take_statuses(struct limit_call *c, struct str response, uint64_t code)
{
    uint64_t blamed = code_to_blame(c, response);
    bool granted = true;
    for (uint8_t k = c->first; k < c->last; k++) {
        if (!limit_service_is_meant(&c->items[k]))
            continue;
        struct str status = next_status(&response);
        bool over = code == CODE_OVER_LIMIT && code_of(status) == blamed;
        granted &= take_verdict(&c->items[k], verdict_of(status, !over));
    }
    return granted;
}

static void on_headers(void *ctx, const struct header *metadata, size_t n)
{
    (void)ctx;
    (void)metadata;
    (void)n;
}

static void on_message(void *ctx, struct buf *message)
{
    struct limit_call *c = ctx;
    struct str bytes = buf_str(message);
    uint64_t code = uint_of(bytes, RESPONSE_CODE);
    c->service_answered = code == CODE_OK || code == CODE_OVER_LIMIT;
    c->service_granted = take_statuses(c, bytes, code);
    call_read(c->service);
}

static void on_writable(void *ctx)
{
    (void)ctx;
}

static void on_end(void *ctx, const struct call_end *end)
{
    struct limit_call *c = ctx;
    c->service = NULL;
    if (end->code != TC_CODE_OK || !c->service_answered) {
        limit_answered(c, limit_fall_back(c, limit_service_is_meant));
        return;
    }
    if (c->service_granted)
        mirror(c);
    limit_answered(c, c->service_granted ? LIMIT_GRANTED : LIMIT_REFUSED);
}

static struct call *start(struct limit_call *c)
{
    static const struct call_events events = {on_headers, on_message, on_writable, on_end};
    struct limiter *l = c->limiter;
    struct channel *channel = l->o.service ? l->o.service(l->o.ctx) : NULL;
    struct call_options options = {
        .path = STR("/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"),
        .deadline = clock_now() + (uint64_t)l->o.service_timeout_ms * 1000000,
        .max_message = RESPONSE_MAX,
    };
    return channel ? channel_start(channel, &options, &events, c) : NULL;
}

enum limit_outcome limit_service_take(struct limit_call *c)
{
    struct buf request = BUF_NONE;
    c->service_answered = false;
    c->service = put_request(&request, c) ? start(c) : NULL;
    if (!c->service) {
        buf_release(&request);
        return limit_fall_back(c, limit_service_is_meant);
    }
    call_send(c->service, &request, true);
    call_read(c->service);
    return LIMIT_WAITING;
}

void limit_service_cancel(struct limit_call *c)
{
    if (c->service)
        call_cancel(c->service);
    c->service = NULL;
}
