/* Protobuf -> protobuf, as a parser and a serialiser of the type would leave it: fields in order of
 * their numbers, singular ones once (the last; messages merged), of a oneof the last member, of
 * equal map keys the last entry, repeated numbers packed or not as the type says, unknown fields
 * (and numbers that a closed enum does not name) kept behind the known ones in the order they came.
 *
 * A translator to JSON never needs this; the conformance runner asks for it, and by it how the
 * transcoder reads the wire (wire.h, schema.h) is held against protobuf's own reading. */
#pragma once

#include "transcoder/arena.h"
#include "transcoder/buf.h"
#include "transcoder/error.h"
#include "transcoder/schema.h"

/* Appends to `out`. TC_INVALID when a parser would refuse `bytes`: malformed, strings that are not
 * UTF-8 where the type insists, nested deeper than 100. */
enum tc_status canonical(struct arena *arena, const struct tc_message *m, struct str bytes,
                         struct buf *out, struct tc_error *error);
