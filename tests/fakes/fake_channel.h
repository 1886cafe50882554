/* A channel without a network: the test fires the events of its calls by hand and looks at what the
 * caller has done.
 *
 *     struct fake_channel f;
 *     fake_channel_init(&f);
 *     struct call *c = channel_start(&f.base, ...);
 *     fake_message(fake_call(&f, 0), bytes);
 *     fake_end(fake_call(&f, 0), TC_CODE_OK, "");
 *     fake_channel_release(&f);
 *
 * Allocates nothing but the messages that it delivers. A cmocka failure whenever a rule of
 * gateway/core/channel.h is broken from either side: use of a call that is gone, a message that
 * nobody asked for, two reads at once, a send after the last one. */
#pragma once

#include "gateway/core/channel.h"

enum { FAKE_CALLS = 4, FAKE_SENT = 64, FAKE_METADATA = 32, FAKE_TEXT = 4096 };

struct fake_channel;

struct fake_call {
    struct call base; /* first */
    struct fake_channel *channel;
    struct call_events events;
    void *ctx;

    /* Options, copied. */
    struct str path;
    struct header metadata[FAKE_METADATA];
    size_t nmetadata;
    uint64_t deadline;
    size_t max_message;
    bool idempotent;
    char text[FAKE_TEXT];
    size_t ntext;

    struct buf sent[FAKE_SENT]; /* the first ones, with the room for the prefix */
    uint32_t nsent, reads, cancels;
    bool closed;  /* the last message was sent, or half_close came */
    bool waiting; /* a read that is not answered */
    bool gone;    /* ended or cancelled */
};

struct fake_channel {
    struct channel base; /* first */
    struct fake_call calls[FAKE_CALLS];
    uint32_t ncalls;
    bool refuses; /* channel_start gives NULL */
    bool full;    /* call_send says that much is queued */
    bool closed;
};

void fake_channel_init(struct fake_channel *f);
void fake_channel_release(struct fake_channel *f);
/* Call number `i`; a cmocka failure when it was not started. */
struct fake_call *fake_call(struct fake_channel *f, uint32_t i);
/* Message number `i` as it was sent, without the prefix. */
struct str fake_sent(const struct fake_call *c, uint32_t i);
/* Value of the only metadata `name`; p == NULL when there is none. */
struct str fake_metadata(const struct fake_call *c, const char *name);

void fake_headers(struct fake_call *c, const struct header *metadata, size_t n);
/* When memory for the message is short the call ends instead, as a real one does. */
void fake_message(struct fake_call *c, struct str bytes);
void fake_writable(struct fake_call *c);
void fake_end(struct fake_call *c, enum tc_code code, const char *message);
void fake_end_with(struct fake_call *c, const struct call_end *end);
