/* Fields of a protobuf-c struct by name: what a FieldMask needs. Masks speak of top-level fields
 * here; of "limits.max_tokens" the first part counts. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "transcoder/str.h"

/* NULL when the message has no such field. */
const ProtobufCFieldDescriptor *field_of_path(const ProtobufCMessageDescriptor *d, struct str path);
/* Is it there, other than at its default? */
bool field_is_set(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);
/* Both of the same type; what is pointed to is then shared. */
void field_copy(ProtobufCMessage *to, const ProtobufCMessage *from,
                const ProtobufCFieldDescriptor *f);
void field_clear(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);
