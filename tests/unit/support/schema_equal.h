/* Are two schemas the same in every field of every table? Pointers are followed, so that a printed
 * schema can be held against a loaded one. */
#pragma once

#include "transcoder/schema.h"

enum { SCHEMA_DIFFERENCE_MAX = 256 };

/* NULL when they are; else what differs first, "kitchen.Sink.d_int32: tag", in `where`. */
const char *schema_difference(const struct tc_schema *a, const struct tc_schema *b, char *where);
