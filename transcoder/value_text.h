/* One scalar or well-known-type value from its text to its protobuf encoding: shared by the JSON
 * encoder (where the text comes out of a JSON string or number), by path variables and by query
 * parameters, so that a value means the same wherever it stands. */
#pragma once

#include "transcoder/buf.h"
#include "transcoder/error.h"
#include "transcoder/schema.h"

enum tc_text_origin {
    TC_TEXT_JSON_STRING, /* unescaped contents of a JSON string */
    TC_TEXT_JSON_NUMBER, /* a number token, already checked against RFC 8259 */
    TC_TEXT_PARAMETER,   /* path variable or query parameter, percent-decoded */
};

/* Appends the value of `field` WITHOUT its key. Scalars as on the wire; strings, bytes and messages
 * (Timestamp, Duration, FieldMask, wrappers) with their length. TC_INVALID: `why` (at least
 * TC_ERROR_TEXT_MAX bytes) says what is wrong and what would be right, without the field's name.
 * TC_LIMIT / TC_NOMEM: `out` refused. On failure `out` is as it was. */
enum tc_status tc_value_text(struct buf *out, const struct tc_field *field, struct str text,
                             enum tc_text_origin origin, char *why);
