/* Between the readers of a request's body. request.c has what they share, and JSON; one file each
 * for the other kinds. */
#pragma once

#include "gateway/core/exchange_internal.h"

/* How bodies of one kind are read. */
struct request_reader {
    /* Takes some or all of the bytes and says how many. Less than all only while x->paused. */
    size_t (*feed)(struct exchange *x, struct str bytes);
    /* The body is over; not while x->paused. */
    void (*end)(struct exchange *x);
    /* The rows of PHASE_MESSAGE have passed after one of them had to wait. May be NULL. */
    void (*passed)(struct exchange *x);
};

/* Makes x->message an empty message with what path and query have bound already in it. */
enum tc_status request_message_begin(struct exchange *x);
/* The update mask that is to be made of the body's keys; NULL: none is. */
struct buf *request_mask_begin(struct exchange *x);
/* What became of it goes into x->message. */
enum tc_status request_mask_end(struct exchange *x);
/* x->message is whole: it is sent, or, being the first, runs the stages that wait for it. False
 * when one of them has answered or waits. */
bool request_message_complete(struct exchange *x);
/* No message will follow. */
void request_stream_end(struct exchange *x);
void request_refuse_length(struct exchange *x, const char *what);

/* request_raw.c: the body is the data of a google.api.HttpBody. */
size_t request_raw_feed(struct exchange *x, struct str bytes);
void request_raw_end(struct exchange *x);

/* request_form.c: the body is multipart/form-data; unary alone. */
size_t request_form_feed(struct exchange *x, struct str bytes);
void request_form_end(struct exchange *x);
