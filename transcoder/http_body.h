/* google.api.HttpBody: a body of any content type, whose bytes are carried as they are.
 *
 * Writing, while the bytes still come:
 *
 *     struct tc_raw raw = {.out = &message, .field = route->body, .content_type = type};
 *     st = tc_raw_begin(&raw, announced_length);          // a guess: 0 when nothing is known
 *     ... buf_add(&message, piece) ...
 *     st = tc_raw_end(&raw);                              // keys and lengths stand exactly now
 *
 * Nothing else may be appended to `out` in between. When the guess was of the right width nothing
 * is moved; else the bytes move once, by a few places. */
#pragma once

#include "transcoder/buf.h"
#include "transcoder/error.h"
#include "transcoder/schema.h"

enum { TC_HTTP_BODY_CONTENT_TYPE = 1, TC_HTTP_BODY_DATA = 2 };

struct tc_http_body {
    struct str content_type, data; /* empty when not set */
};

/* The HttpBody that `message` is, or that stands in its field `field`. Slices of `message`; the
 * last occurrence of a field counts (protobuf's merging). TC_INVALID with a sentence in `e`:
 * malformed bytes, or a content type that could not be a header's value. */
enum tc_status tc_http_body_read(struct str message, const struct tc_field *field,
                                 struct tc_http_body *out, struct tc_error *e);

struct tc_raw {
    struct buf *out;
    const struct tc_field *field; /* singular or repeated, bytes or HttpBody; NULL: `out` itself
                                     becomes the HttpBody */
    struct str content_type;      /* of an HttpBody; empty: left out */
    size_t start, data;           /* where the field and where its bytes begin in `out` */
};

/* True for the fields that tc_raw writes. */
bool tc_raw_takes(const struct tc_field *f);
/* Both: TC_OK, or TC_LIMIT or TC_NOMEM when `out` refuses. */
enum tc_status tc_raw_begin(struct tc_raw *r, uint64_t expected);
enum tc_status tc_raw_end(struct tc_raw *r);
