/* A schema written by hand that has every kind of field, so that the decoder's tests need no
 * compiler of schemas. Field names say the type: `i32` is an int32, `r_` repeated, `m_` a map, `o_`
 * a member of the oneof, `p_` with presence, `d_` with a default. */
#pragma once

#include "transcoder/schema.h"

/* "t.All": recursive in every way a field can be. */
extern const struct tc_message test_all;
/* Resolves t.All and the well-known types it uses. */
extern const struct tc_schema test_schema;
