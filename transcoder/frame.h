/* gRPC's length-prefixed messages (PROTOCOL-HTTP2: Compressed-Flag, 4-byte big-endian length,
 * bytes), fed in pieces of any size. */
#pragma once

#include "transcoder/buf.h"
#include "transcoder/error.h"

enum { TC_FRAME_HEADER = 5 };

struct tc_deframer {
    struct buf message; /* the message being collected; its max is the ceiling for one message */
    size_t want;        /* bytes the message will have, valid when header_n == 5 */
    uint8_t header[TC_FRAME_HEADER], header_n;
    bool compressed; /* the flag of the current message */
};

void tc_deframer_init(struct tc_deframer *d, size_t max_message);
void tc_deframer_release(struct tc_deframer *d);

/* Takes bytes off `*in` until one message is complete. TC_OK: d->message and d->compressed are one
 * message; take them (buf_move) and call tc_deframe_next before going on. TC_MORE: all of `*in`
 * taken. TC_LIMIT: the length prefix is above the ceiling; nothing was allocated. TC_INVALID: flag
 * other than 0 or 1. TC_NOMEM. */
enum tc_status tc_deframe(struct tc_deframer *d, struct str *in);
void tc_deframe_next(struct tc_deframer *d);
/* True between messages: a stream that ends elsewhere was cut. */
bool tc_deframer_idle(const struct tc_deframer *d);

/* Writes the 5 bytes in front of an uncompressed message of `n` bytes. */
void tc_frame_header(char out[TC_FRAME_HEADER], uint32_t n);
