#include "tests/fakes/fake_channel.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct fake_call *alive(struct call *call)
{
    struct fake_call *c = (struct fake_call *)call;
    assert_false(c->gone);
    return c;
}

static struct str keep(struct fake_call *c, struct str s)
{
    assert_true(s.n <= sizeof c->text - c->ntext);
    char *p = c->text + c->ntext;
    if (s.n)
        memcpy(p, s.p, s.n);
    c->ntext += s.n;
    return str_of(p, s.n);
}

static struct call *start(struct channel *ch, const struct call_options *o,
                          const struct call_events *events, void *ctx)
{
    struct fake_channel *f = (struct fake_channel *)ch;
    if (f->refuses)
        return NULL;
    assert_true(f->ncalls < FAKE_CALLS);
    assert_true(o->nmetadata <= FAKE_METADATA);
    struct fake_call *c = &f->calls[f->ncalls++];
    *c = (struct fake_call){
        .base.ops = ch->ops,
        .channel = f,
        .events = *events,
        .ctx = ctx,
        .nmetadata = o->nmetadata,
        .deadline = o->deadline,
        .max_message = o->max_message,
        .idempotent = o->idempotent,
    };
    c->path = keep(c, o->path);
    for (size_t i = 0; i < o->nmetadata; i++)
        c->metadata[i] = (struct header){keep(c, o->metadata[i].name),
                                         keep(c, o->metadata[i].value)};
    return &c->base;
}

static bool send(struct call *call, struct buf *message, bool last)
{
    struct fake_call *c = alive(call);
    assert_false(c->closed);
    assert_true(message->n >= TC_FRAME_HEADER);
    struct buf spare;
    buf_init(&spare, SIZE_MAX);
    struct buf *to = c->nsent < FAKE_SENT ? &c->sent[c->nsent] : &spare;
    buf_init(to, SIZE_MAX);
    buf_move(to, message);
    buf_release(&spare);
    c->nsent++;
    c->closed = last;
    return !c->channel->full;
}

static void half_close(struct call *call)
{
    struct fake_call *c = alive(call);
    assert_false(c->closed);
    c->closed = true;
}

static void read_one(struct call *call)
{
    struct fake_call *c = alive(call);
    assert_false(c->waiting);
    c->waiting = true;
    c->reads++;
}

static void cancel(struct call *call)
{
    struct fake_call *c = alive(call);
    c->cancels++;
    c->gone = true;
}

static void close_channel(struct channel *ch)
{
    ((struct fake_channel *)ch)->closed = true;
}

void fake_channel_init(struct fake_channel *f)
{
    static const struct channel_ops ops = {start,    send,   half_close,
                                           read_one, cancel, close_channel};
    memset(f, 0, sizeof *f);
    f->base.ops = &ops;
}

void fake_channel_release(struct fake_channel *f)
{
    for (uint32_t i = 0; i < f->ncalls; i++)
        for (uint32_t m = 0; m < f->calls[i].nsent && m < FAKE_SENT; m++)
            buf_release(&f->calls[i].sent[m]);
    f->ncalls = 0;
}

struct fake_call *fake_call(struct fake_channel *f, uint32_t i)
{
    if (i >= f->ncalls)
        fail_msg("call %u was not started; %u were", i, f->ncalls);
    return &f->calls[i];
}

struct str fake_sent(const struct fake_call *c, uint32_t i)
{
    if (i >= c->nsent || i >= FAKE_SENT)
        fail_msg("message %u was not sent; %u were", i, c->nsent);
    return str_skip(buf_str(&c->sent[i]), TC_FRAME_HEADER);
}

struct str fake_metadata(const struct fake_call *c, const char *name)
{
    struct str found = STR_NONE;
    for (size_t i = 0; i < c->nmetadata; i++) {
        if (!str_eq(c->metadata[i].name, str_c(name)))
            continue;
        if (found.p)
            fail_msg("metadata %s was sent twice", name);
        found = c->metadata[i].value;
    }
    return found;
}

void fake_headers(struct fake_call *c, const struct header *metadata, size_t n)
{
    alive(&c->base);
    c->events.headers(c->ctx, metadata, n);
}

void fake_message(struct fake_call *c, struct str bytes)
{
    struct buf message;
    alive(&c->base);
    assert_true(c->waiting);
    c->waiting = false;
    buf_init(&message, SIZE_MAX);
    if (buf_reserve(&message, bytes.n + 1) && buf_add(&message, bytes))
        c->events.message(c->ctx, &message);
    else
        fake_end(c, TC_CODE_UNAVAILABLE, "out of memory");
    buf_release(&message);
}

void fake_writable(struct fake_call *c)
{
    alive(&c->base);
    c->events.writable(c->ctx);
}

void fake_end(struct fake_call *c, enum tc_code code, const char *message)
{
    fake_end_with(c, &(struct call_end){
                         .code = code,
                         .message = str_c(message),
                         .from_peer = true,
                     });
}

void fake_end_with(struct fake_call *c, const struct call_end *end)
{
    alive(&c->base);
    c->gone = true;
    c->events.end(c->ctx, end);
}
