/* How an enum's value may be spelled besides its name, in a JSON string, a path variable or a query
 * parameter, where a route's switches allow it.
 *
 * Short names: enum FinishReason { FINISH_REASON_UNSPECIFIED = 0; FINISH_REASON_STOP = 1; } may be
 * said as "UNSPECIFIED" and "STOP". The prefix is the type's own name, case and underscores apart,
 * and an underscore. An enum has short names when every value begins with it and goes on with a
 * letter; any other enum keeps its names, so that a short name never means two things. */
#pragma once

#include "transcoder/schema.h"

enum {
    TC_ENUM_ANY_CASE = 1 << 0, /* ASCII letters; refused when it could be two different numbers */
    TC_ENUM_SHORT = 1 << 1,    /* short names are known too */
};

/* The name of the value that `text` spells when `how` (of the above) allows it; else `text`. A name
 * as it is in the .proto comes first, then a short one, then one in another case. */
struct str tc_enum_full_name(const struct tc_enum *e, struct str text, unsigned how);

/* What is left of a value's name without its enum's prefix. */
static inline struct str tc_enum_short_name(const struct tc_enum *e, const struct tc_enum_value *v)
{
    return str_of(v->name.p + e->prefix, v->name.n - e->prefix);
}

/* Bytes of the prefix that `value`, of enum `type` (full name), begins with; 0: none. */
size_t tc_enum_prefix(struct str type, struct str value);
