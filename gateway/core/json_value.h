/* JSON text as a value of the expression language: token claims, key sets, answers of authorization
 * servers. Strict as a request body is: RFC 8259, no name twice in an object, UTF-8 throughout.
 *
 *     struct expr_value claims;
 *     if (json_value_parse(text, &arena, &claims, &error)) ... json_text(&claims, "iss") ...
 *
 * Integers that fit int64 are EXPR_INT, other numbers EXPR_DOUBLE, null is EXPR_NULL. Lists and
 * maps need no struct expr_run. All memory is the arena's; the text need not stay. */
#pragma once

#include "gateway/expr/value.h"
#include "transcoder/buf.h"
#include "transcoder/error.h"

enum { JSON_VALUE_DEPTH_MAX = 32, JSON_VALUE_ITEMS_MAX = 4 << 20, JSON_VALUE_MEMBERS_MAX = 1000 };

/* False: error says what is wrong and where (TC_INVALID, TC_LIMIT, TC_NOMEM). */
bool json_value_parse(struct str text, struct arena *arena, struct expr_value *out,
                      struct tc_error *error);

/* Appends the value as JSON text, members one a line, `indent` spaces deep. Values that
 * json_value_parse makes; false when `out` is full. */
bool json_value_print(struct buf *out, const struct expr_value *v, uint32_t indent);

/* A member of an object; EXPR_ABSENT when there is none, or when `v` is no object. */
struct expr_value json_member(const struct expr_value *v, const char *name);
/* The same, when it is a string; else p == NULL. */
struct str json_text(const struct expr_value *v, const char *name);
