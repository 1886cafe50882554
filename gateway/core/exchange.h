/* One client call: its arena, request, route, RPC and answer. A front creates it, the pipeline's
 * stages decide, the RPC runs, the front sends the answer and ends it. Exactly one outcome each.
 *
 *            begin             body_end / first message     first message or end
 *   HEAD ---------> BODY ------------------------> CALL ------------------------> ANSWER --> DONE
 *     '---------------'------ a refusal (4xx) ------'------ a failure ------------^
 *
 * A front drives it, always on the worker's own thread:
 *
 *     x = exchange_new(host, &ops, front_data);  // NULL: out of memory, answer 503
 *     ... fill x->request (slices must live until exchange_free; headers in lower case) ...
 *     exchange_begin(x);                         // judges the head
 *     n = exchange_body(x, bytes);               // n < bytes.n: offer the rest after wake
 *     exchange_body_end(x);
 *     ... ops->wake(x) ...                       // answer.ready, answer.body grew, input goes on
 *     exchange_read(x, p, cap);                  // body of the answer
 *     exchange_free(x, delivered);               // the answer is out, or the client has gone
 *
 * wake never comes from inside a call of the front into the exchange, except exchange_fail. The
 * front must not free the exchange inside wake. */
#pragma once

#include "gateway/core/exchange_host.h"
#include "gateway/core/http.h"
#include "gateway/core/refusal.h"
#include "transcoder/bind.h"
#include "transcoder/encode.h"
#include "transcoder/form.h"
#include "transcoder/framing.h"
#include "transcoder/http_body.h"

/* What the request's body is; decided by the stage `negotiate`. */
enum request_kind { REQUEST_JSON, REQUEST_RAW, REQUEST_FORM, REQUEST_KINDS };

enum exchange_state { EXCHANGE_HEAD, EXCHANGE_BODY, EXCHANGE_CALL, EXCHANGE_ANSWER, EXCHANGE_DONE };

struct exchange {
    struct exchange *next; /* in the freelist or the `soon` list */
    struct exchange_host *host;
    struct exchange_scope *scope;
    const struct snapshot *snapshot; /* the scope's */
    const struct front_ops *front;
    void *front_data;
    struct arena arena;
    enum exchange_state state;
    uint8_t stage; /* row of the pipeline's table that comes next */
    bool body_ended, listed_soon, paused;
    bool entered;               /* inside a call of the front: it will look for itself, no wake */
    bool gone;                  /* freed while listed in `soon` */
    struct exchange_wait *wait; /* of the stage that waits; NULL: none does */
    struct timer wait_timer;    /* the deadline, while a stage waits */
    struct request request;
    enum request_kind kind;
    struct tc_error error;

    const struct route *route; /* decided by the stage `route` */
    const struct method_policy *policy;
    const struct str *values; /* of the route's variables */
    struct str request_id;
    int32_t cluster;

    struct auth_attempt *auth;         /* how far the question who calls has come */
    const struct principal *principal; /* who calls; NULL: nobody is known */
    struct attributes *attributes;     /* what expressions have read so far */
    struct str rule;       /* name of the condition or limit that has refused the call */
    struct str rule_error; /* the first failure of an expression, for the log */
    uint32_t rule_errors;
    enum refusal refusal;    /* of auth and allow */
    struct limits *limits;   /* taken for the call; NULL: none */
    struct headers metadata; /* for the upstream */

    /* Request: from the body to messages. */
    struct tc_binding binding;
    struct tc_encoder *encoder;
    struct tc_unframer unframer;
    struct tc_raw raw; /* REQUEST_RAW: the HttpBody being written; out == NULL before the first */
    struct tc_form *form;
    struct buf mask;    /* route->mask: what it gets */
    struct buf late;    /* JSON of an Any whose "@type" is late */
    struct buf message; /* being encoded, prefix room in front */
    uint64_t bytes_in;
    uint64_t body_message_at; /* byte of the body where the stream's message being read began */
    uint32_t messages_in;

    /* RPC. */
    struct call *call;
    uint64_t deadline; /* clock_now() when it passes; 0: none */
    struct tc_error reply_error;
    struct buf reply; /* message being decoded */
    bool has_reply, call_ended, reading;
    enum tc_code code; /* of call_ended */
    struct str end_message, end_details;
    bool from_peer, unstarted; /* as in struct call_end */
    uint32_t retries;
    uint32_t messages_out;

    /* Answer. */
    struct tc_decoder *decoder;
    struct tc_http_body raw_reply; /* route->raw_answer: of `reply`, less what is written */
    enum tc_framing framing;
    bool streaming, decoding; /* decoding: `reply` is not yet written in full */
    uint64_t message_at;      /* bytes of the body before the stream's message last begun */
    struct answer answer;
    struct timer keepalive;
    uint64_t bytes_out;
    struct str failure; /* message of the error answered, for the log */

    /* clock_now() at the turns of its life; 0: not reached. */
    uint64_t began, began_wall_us, call_began, call_ended_at;
    uint64_t working_since; /* 0: it waits for the client or for the upstream */
    uint64_t own_ns;        /* sum of what it did not wait */
};

/* NULL: out of memory. */
struct exchange *exchange_new(struct exchange_host *host, const struct front_ops *ops,
                              void *front_data);
void exchange_begin(struct exchange *x);
/* Takes some or all of the bytes. Bytes after the answer is decided are taken and dropped. */
size_t exchange_body(struct exchange *x, struct str bytes);
void exchange_body_end(struct exchange *x);
/* Copies up to `cap` bytes of the answer's body. 0: none at the moment, or the end: see
 * answer.complete and .broken. */
size_t exchange_read(struct exchange *x, char *p, size_t cap);
/* Ends it: cancels the RPC when it still runs, records the event, frees everything. `delivered`:
 * the client was given the whole answer. Else the outcome is 499. */
void exchange_free(struct exchange *x, bool delivered);

/* For stages and fronts: answers with google.rpc.Status. After the head of the answer is out the
 * body is cut off visibly instead. `http` 0: by the code. The message is copied. x->error, when
 * set, adds a BadRequest. */
__attribute__((format(printf, 4, 5))) void exchange_fail(struct exchange *x, enum tc_code code,
                                                         uint16_t http, const char *format, ...);
/* For a stage, just before it returns STAGE_WAIT: until exchange_continue no further row runs and
 * no byte of the body is taken. When the deadline passes or the client leaves, wait->cancel. */
void exchange_wait(struct exchange *x, struct exchange_wait *wait);
static inline bool exchange_waiting(const struct exchange *x)
{
    return x->wait != NULL;
}
/* What was waited for is there: then either exchange_fail, or exchange_continue, which runs the
 * next row. Not from inside the stage itself. */
void exchange_wait_over(struct exchange *x);
void exchange_continue(struct exchange *x);
/* Runs response_pump in the next turn of the loop. */
void exchange_soon(struct exchange *x);
