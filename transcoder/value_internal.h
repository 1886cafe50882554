/* The parts of value_text: well-known types that are one text. */
#pragma once

#include "transcoder/buf.h"
#include "transcoder/error.h"

/* Each appends the contents of a message, without key or length, as value_text.h says. */
enum tc_status tc_value_timestamp(struct buf *out, struct str text, char *why);
enum tc_status tc_value_duration(struct buf *out, struct str text, char *why);
enum tc_status tc_value_field_mask(struct buf *out, struct str text, char *why);

/* Says what is wrong in `why`; TC_INVALID. */
__attribute__((format(printf, 2, 3))) enum tc_status tc_value_wrong(char *why, const char *format,
                                                                    ...);
/* `out` refused `n` bytes: TC_LIMIT or TC_NOMEM. */
enum tc_status tc_value_full(const struct buf *out, size_t n);
/* For "%.*s": what can be shown of a text that may be long. */
#define TC_VALUE_SHOW(s) ((int)((s).n > 60 ? 60 : (s).n)), ((s).n ? (s).p : "")
