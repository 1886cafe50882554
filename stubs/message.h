/* Messages in and out of protobuf-c, by its rules for bytes that others wrote. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "transcoder/arena.h"
#include "transcoder/buf.h"
#include "transcoder/error.h"
#include "transcoder/schema.h"

/* protobuf-c has no depth limit, no UTF-8 check and cuts strings at NUL, so the bytes are checked
 * first; such strings are refused. The struct and all it points to are the arena's:
 * protobuf_c_message_free_unpacked is not called. NULL with a sentence in *e. */
ProtobufCMessage *message_unpack(const struct tc_message *type,
                                 const ProtobufCMessageDescriptor *descriptor, struct str bytes,
                                 struct arena *arena, struct tc_error *e);
/* Appends the message to `to`. False when it does not fit or memory is short; `to` is then as it
 * was. */
bool message_pack(struct buf *to, const ProtobufCMessage *m);
