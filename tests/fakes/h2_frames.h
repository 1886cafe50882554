/* HTTP/2 frames as bytes, right or wrong, for scripts of tests. */
#pragma once

#include "transcoder/buf.h"

enum {
    H2_DATA,
    H2_HEADERS,
    H2_PRIORITY,
    H2_RST_STREAM,
    H2_SETTINGS,
    H2_PUSH_PROMISE,
    H2_PING,
    H2_GOAWAY,
    H2_WINDOW_UPDATE,
    H2_CONTINUATION,
};
enum { H2_END_STREAM = 1, H2_ACK = 1, H2_END_HEADERS = 4 };

void h2_put32(char *p, uint32_t v);
void h2_put_frame(struct buf *to, uint8_t type, uint8_t flags, uint32_t stream, struct str body);
/* `headers` ("name: value\n" lines, any bytes but '\n') as an HPACK block of literals. The caller
 * releases it. */
struct buf h2_block(const char *headers);
/* A HEADERS frame of them. */
void h2_put_headers(struct buf *to, uint8_t flags, uint32_t stream, const char *headers);
/* A DATA frame with one gRPC message. */
void h2_put_message(struct buf *to, uint8_t flags, uint32_t stream, struct str message);
