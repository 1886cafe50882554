/* What the expressions of a limit have come to: a key as text, a cost as a number. */
#pragma once

#include "gateway/expr/expr.h"
#include "transcoder/arena.h"

/* In the arena. Empty: there is no key. p == NULL: out of memory. */
struct str limit_value_key(struct arena *a, struct expr_value v);
/* Nothing (null, an empty optional) is 0. False: no number, or less than nothing. */
bool limit_value_number(struct expr_value v, uint64_t *out);
