/* Trees of expressions as text, for tests: (_+_ a (size b)), {fold e @result: range | init |
 * condition | step | result}. Literals as they would be written, bytes and strings in their quotes.
 */
#pragma once

#include "gateway/expr/internal.h"
#include "transcoder/buf.h"

void expr_tree_print(struct buf *b, const struct expr_node *n);
