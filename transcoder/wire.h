/* Protobuf's wire format: a reader that cannot be led past its slice and small writers. Bytes of a
 * peer are read by this and nothing else. */
#pragma once

#include "transcoder/buf.h"
#include "transcoder/error.h"
#include "transcoder/schema.h"

enum { TC_WIRE_DEPTH_MAX = 100 };

/* One field as it stands on the wire. */
struct tc_wire_field {
    uint32_t number;
    uint8_t type;     /* enum tc_wire_type; a group is delivered whole: TC_SGROUP */
    uint64_t value;   /* TC_VARINT, TC_I64, TC_I32 */
    struct str bytes; /* TC_LEN: contents; TC_SGROUP: what stands between start and end tag */
};

/* Takes the next field off `*rest`. TC_OK; TC_MORE when `*rest` was empty; TC_INVALID for a cut or
 * malformed field: varint over 10 bytes, length past the end, number 0, unmatched group, groups
 * nested deeper than TC_WIRE_DEPTH_MAX. */
enum tc_status tc_wire_next(struct str *rest, struct tc_wire_field *f);
/* An item of a message set, a group 1 of type_id = 2 and message = 3, becomes the field that it
 * stands for: number type_id, wire type TC_LEN. Anything else is left as it is. A type_id or
 * message that comes again is passed over, as protobuf's own readers do. */
void tc_wire_set_item(struct tc_wire_field *f);
/* Takes a varint off `*rest`. False when cut or longer than 10 bytes. */
bool tc_wire_varint(struct str *rest, uint64_t *v);
/* Last field `number` of wire type `type` in the message `bytes`; false when absent or when `bytes`
 * is malformed. */
bool tc_wire_find(struct str bytes, uint32_t number, enum tc_wire_type type,
                  struct tc_wire_field *f);
enum tc_wire_strictness {
    TC_WIRE_WHOLE, /* well-formed down to its last message; a field of another wire type than its
                      own counts as unknown, as for protobuf's own readers */
    TC_WIRE_TYPED, /* and every known field has its own wire type */
    TC_WIRE_FOR_C, /* and no string holds a NUL byte, which protobuf-c would cut it at */
};

/* Checks a whole message against its type: the messages inside it, UTF-8, depth; TC_OK or
 * TC_INVALID with the field's path and the offset in `bytes`. */
enum tc_status tc_wire_check(const struct tc_message *m, struct str bytes,
                             enum tc_wire_strictness strict, struct tc_error *e);

size_t tc_varint_size(uint64_t v);
/* Writes at most 10 bytes, returns how many. */
size_t tc_varint_put(char *p, uint64_t v);
/* All append; false when `b` is full. */
bool tc_put_varint(struct buf *b, uint64_t v);
bool tc_put_key(struct buf *b, uint32_t number, enum tc_wire_type type);
bool tc_put_fixed32(struct buf *b, uint32_t v);
bool tc_put_fixed64(struct buf *b, uint64_t v);
/* Key, length, bytes. */
bool tc_put_bytes(struct buf *b, uint32_t number, struct str bytes);

static inline uint64_t tc_zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t tc_unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}
