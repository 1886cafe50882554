/* Values of literals (cel-spec "Numeric Values", "String and Bytes Values"). */
#pragma once

#include "gateway/expr/lexer.h"
#include "gateway/expr/value.h"

struct expr_literal_fault {
    uint32_t offset, end;
    const char *text; /* behind the source text it points at: "... is no escape" */
    bool out_of_memory;
};

/* Of a token INT, UINT, DOUBLE, STRING or BYTES; `negative`: a minus stands before the number.
 * False: *f says why. Text that has escapes lives in the arena, other text in the source. */
bool expr_literal(struct arena *a, const struct expr_token *t, bool negative,
                  struct expr_value *out, struct expr_literal_fault *f);
