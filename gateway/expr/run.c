#include "gateway/expr/run.h"

#include <stdarg.h>
#include <stdio.h>

enum { ALIGN = 16, TEXT_MAX = 256 };

void *expr_alloc(struct expr_run *r, size_t n)
{
    struct expr_scratch *s = r->scratch;
    uintptr_t at = (uintptr_t)s->p + s->used;
    size_t pad = (size_t)(-at & (ALIGN - 1));

    if (n > s->n || s->used > s->n - n || pad > s->n - n - s->used)
        return NULL;
    void *p = s->p + s->used + pad;
    s->used += pad + n;
    return p;
}

void *expr_alloc_array(struct expr_run *r, size_t count, size_t size)
{
    size_t n;
    return __builtin_mul_overflow(count, size, &n) ? NULL : expr_alloc(r, n);
}

struct expr_value expr_no_memory(void)
{
    static const struct expr_error e = {
        .code = EXPR_FAIL_BUDGET,
        .text = STR_INIT("the expression needs more memory than it is given"),
    };
    return (struct expr_value){.kind = EXPR_ERROR, .error = &e};
}

struct expr_value expr_no_steps(void)
{
    static const struct expr_error e = {
        .code = EXPR_FAIL_BUDGET,
        .text = STR_INIT("the expression takes more steps than it is given"),
    };
    return (struct expr_value){.kind = EXPR_ERROR, .error = &e};
}

struct expr_value expr_fail(struct expr_run *r, enum expr_error_code code, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t length = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    struct expr_error *e = expr_alloc(r, sizeof *e + length);
    if (!e)
        return expr_no_memory();
    char *copy = (char *)(e + 1);
    memcpy(copy, text, length);
    *e = (struct expr_error){code, str_of(copy, length), r->offset};
    return (struct expr_value){.kind = EXPR_ERROR, .error = e};
}

struct expr_value expr_no_overload(struct expr_run *r, const char *function)
{
    return expr_fail(r, EXPR_FAIL_NO_OVERLOAD, "no such overload: %s of values of these types",
                     function);
}
