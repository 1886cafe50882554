/* JSON -> protobuf in one pass, without a tree. Fed the body in pieces of any size, cut at any
 * byte; writes the message as it goes. Strict: RFC 8259 and the proto3 JSON mapping, nothing looser
 * (protobuf.dev/programming-guides/json).
 *
 *     struct tc_encoder *e = tc_encoder_new(&arena, &spec, &out, &error);
 *     while ((piece = next_piece()).n)
 *         if ((st = tc_encode_feed(e, piece)) != TC_MORE) break;
 *     st = tc_encode_finish(e);                // TC_OK: `out` holds the message
 *
 * The encoder and all it needs live in `arena`; `out` is the caller's, is appended to, and holds no
 * valid message before tc_encode_finish returned TC_OK. Lengths of nested messages are patched in
 * place: each message costs one byte while it is open; the length of a large one is widened in one
 * pass at the end. Memory: out, a frame per level, 12 bytes or so for each key of the maps that are
 * open, at most TC_ENCODE_SCRATCH_MAX for texts, the JSON of an Any whose "@type" is not first
 * (once, however many are in one another): together at most 10 bytes for each byte of JSON and a
 * constant. How large the JSON may be is the caller's to say. Time is linear in the input. */
#pragma once

#include "transcoder/arena.h"
#include "transcoder/bind.h"
#include "transcoder/buf.h"
#include "transcoder/error.h"
#include "transcoder/schema.h"

enum {
    TC_ENCODE_NUMBER_MAX = 4096,      /* longest number token, bytes */
    TC_ENCODE_SCRATCH_MAX = 64 << 10, /* keys, numbers and such that must be held whole */
    TC_ENCODE_REPLAY_FREE = 16 << 20, /* bytes that may be read again because "@type" came late in
                                       */
    TC_ENCODE_REPLAY_FACTOR = 20, /* an Any inside another such one, and as often as this more */
};

struct tc_encode_spec {
    const struct tc_schema *schema; /* resolves Any; may be NULL: then no Any is accepted */
    const struct tc_message *message;
    const struct tc_field *field; /* NULL: the JSON is the message; else it is the value of this
                                   * field of it (google.api.http body: "field"), written with its
                                   * key */
    const struct tc_bound *bound; /* what path and query have set (bind.h): the JSON may repeat it
                                   * but not change it; NULL when nothing is bound */
    struct buf *mask; /* gets the contents of a FieldMask that names each field the JSON speaks of,
                         relative to the message: objects by their members, lists, maps, null and
                         well-known types as a whole; TC_LIMIT when it refuses. NULL: none */
    uint32_t max_depth; /* of JSON nesting; 0 means 100. Of the messages written at most
                           TC_WIRE_DEPTH_MAX stand in one another, as protobuf's readers count:
                           a level of a Value is two of them, of a Struct three */
    struct buf *late; /* keeps the JSON of an Any whose "@type" is late, so that it costs about its
                         size; the caller's to release. NULL: the arena keeps it, and what it grew
                         from */
    bool ignore_unknown_fields;
    uint8_t enum_names;        /* how enum values may be spelled: TC_ENUM_... of enum_name.h */
    bool ignore_unknown_enums; /* an unknown enum string leaves the field (or element) out */
};

struct tc_encoder;

struct tc_encoder *tc_encoder_new(struct arena *arena, const struct tc_encode_spec *spec,
                                  struct buf *out, struct tc_error *error);
/* Starts over with the same spec for the next message of a stream; `out` as it is then is the new
 * start. */
void tc_encode_reset(struct tc_encoder *e);

/* TC_MORE: all consumed, go on. TC_OK: the value is complete and all of `json` consumed; only white
 * space may follow. TC_INVALID, TC_LIMIT, TC_NOMEM: final, error says where (offset counts from the
 * first byte ever fed since reset). */
enum tc_status tc_encode_feed(struct tc_encoder *e, struct str json);
/* For streams of concatenated values (NDJSON, elements of an array): stops behind the value instead
 * of insisting on white space, and says in *used how much of `json` it took. A top-level number
 * ends only at finish or at a byte that cannot belong to it. */
enum tc_status tc_encode_feed_some(struct tc_encoder *e, struct str json, size_t *used);
/* End of input. TC_OK when a whole value was read and `out` is the message; TC_INVALID when it was
 * cut short. */
enum tc_status tc_encode_finish(struct tc_encoder *e);
