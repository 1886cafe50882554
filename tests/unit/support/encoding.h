/* Cases for the JSON encoder, each run whole (against an unreadable page) and in every cut that
 * splits.h makes: the outcome must not depend on how the input came.
 *
 *     static const struct encoding cases[] = {
 *         {.message = "demo.v1.EchoMessage", .json = STR_INIT("{\"id\":1}"), .hex = "2801"},
 *         {.message = "demo.v1.EchoMessage", .json = STR_INIT("{\"ix\":1}"), .offset = 1, .path =
 * "ix", .text = "no field"},
 *     };
 *     encoding_check(&set, &cases[i]);
 */
#pragma once

#include "tests/unit/support/sets.h"
#include "transcoder/encode.h"
#include "transcoder/enum_name.h"

struct encoding {
    const char *message, *field; /* field: the JSON is its value; NULL: the whole message */
    struct str json;
    const char *hex;         /* what comes out; NULL: the JSON is refused */
    size_t offset;           /* where, and how, when refused */
    const char *path, *text; /* text: a part of the sentence */
    enum tc_status status;   /* when refused; TC_OK stands for TC_INVALID */
    bool ignore_fields, ignore_enums;
    uint8_t enum_names;
    uint32_t max_depth;
    const struct tc_bound *bound;
};

#define ENCODED(type, text_in, bytes)                                \
    {                                                                \
        .message = (type), .json = STR_INIT(text_in), .hex = (bytes) \
    }
#define REFUSED(type, text_in, at, where, why)                                         \
    {                                                                                  \
        .message = (type), .json = STR_INIT(text_in), .offset = (at), .path = (where), \
        .text = (why)                                                                  \
    }

/* An encoder and what it needs, for tests that feed it themselves. `out` begins with "head", which
 * must stay. */
struct encoding_run {
    struct arena arena;
    struct buf out;
    struct tc_error error;
    struct tc_encoder *encoder;
};

#define ENCODING_HEAD "head"

/* False when memory is short. `max` is out's ceiling, without the head. */
bool encoding_begin(struct encoding_run *r, const struct set *s, const struct encoding *c,
                    size_t max);
void encoding_end(struct encoding_run *r);
/* What was encoded behind the head. */
struct str encoding_result(const struct encoding_run *r);
/* Feeds all pieces and finishes. */
enum tc_status encoding_feed(struct encoding_run *r, const struct str *pieces, size_t n);

/* Fails the test when the outcome differs, naming the case and the cut. */
void encoding_check(const struct set *s, const struct encoding *c);
void encoding_check_all(const struct set *s, const struct encoding *cases, size_t n);
/* "0a01ff" as bytes, in the arena. */
struct str encoding_hex(struct arena *a, const char *hex);
