/* One evaluation while it runs: what the rows of the function tables and the forms of lists and
 * maps work with. Nothing here allocates from the heap: memory comes from the scratch, and its end
 * is the error EXPR_FAIL_BUDGET, as is the end of the steps. One thread at a time. */
#pragma once

#include "gateway/expr/expr.h"

struct expr_run {
    struct expr_scratch *scratch;
    const struct tc_schema *schema; /* what Any may hold; NULL: nothing */
    uint64_t steps;                 /* left */
    uint32_t max_items;
    uint32_t offset; /* of the part of the source that runs: where errors are */
    uint32_t depth;  /* of nested values while they are compared, written or shown */
};

enum {
    EXPR_VALUE_DEPTH_MAX = 64, /* of nested lists, maps and messages that are compared or written */
    EXPR_STEP_BYTES = 64,      /* bytes that one step may touch */
};

/* Memory that lives as long as the evaluation's values, aligned for any of them, not zeroed. NULL:
 * none left; the caller answers expr_no_memory(). */
void *expr_alloc(struct expr_run *r, size_t n);
/* `count` elements of `size`; NULL also when the product overflows. */
void *expr_alloc_array(struct expr_run *r, size_t count, size_t size);

/* An error value at the place that runs. The text is made in scratch; without room for it the error
 * is EXPR_FAIL_BUDGET. */
__attribute__((format(printf, 3, 4))) struct expr_value expr_fail(struct expr_run *r,
                                                                  enum expr_error_code code,
                                                                  const char *format, ...);
struct expr_value expr_no_memory(void);
struct expr_value expr_no_steps(void);
/* "no such overload": a dyn of the wrong type. */
struct expr_value expr_no_overload(struct expr_run *r, const char *function);

/* Takes `n` steps. False when they are used up: answer expr_no_steps(). */
static inline bool expr_spend(struct expr_run *r, uint64_t n)
{
    if (r->steps < n) {
        r->steps = 0;
        return false;
    }
    r->steps -= n;
    return true;
}

static inline bool expr_spend_bytes(struct expr_run *r, size_t n)
{
    return expr_spend(r, n / EXPR_STEP_BYTES);
}
