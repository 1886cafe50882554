#include "gateway/expr/writer.h"
#include "transcoder/wire.h"

void expr_writer_open(struct expr_writer *w, struct expr_run *r)
{
    *w = (struct expr_writer){r, r->scratch->n, expr_null()};
}

struct expr_value expr_writer_close(struct expr_writer *w, struct str *bytes)
{
    struct expr_scratch *m = w->run->scratch;
    size_t n = w->end - m->n;
    char *to = m->p + m->used;

    memmove(to, m->p + m->n, n);
    m->n = w->end;
    m->used += n;
    *bytes = str_of(to, n);
    return w->error;
}

bool expr_write_fail(struct expr_writer *w, struct expr_value error)
{
    if (w->error.kind != EXPR_ERROR)
        w->error = error;
    return false;
}

bool expr_write_refuse(struct expr_writer *w, struct str name)
{
    return expr_write_fail(w, expr_fail(w->run, EXPR_FAIL_NO_OVERLOAD,
                                        "unsupported field type: the value does not fit %.*s",
                                        STR_ARG(name)));
}

bool expr_write_bytes(struct expr_writer *w, struct str s)
{
    struct expr_scratch *m = w->run->scratch;
    if (w->error.kind == EXPR_ERROR)
        return false;
    if (m->n - m->used < s.n)
        return expr_write_fail(w, expr_no_memory());
    if (!expr_spend_bytes(w->run, s.n))
        return expr_write_fail(w, expr_no_steps());
    m->n -= s.n;
    if (s.n)
        memcpy(m->p + m->n, s.p, s.n);
    return true;
}

bool expr_write_varint(struct expr_writer *w, uint64_t v)
{
    char out[10];
    return expr_write_bytes(w, str_of(out, tc_varint_put(out, v)));
}

bool expr_write_fixed(struct expr_writer *w, uint64_t v, size_t n)
{
    char out[8];
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(v >> (8 * i));
    return expr_write_bytes(w, str_of(out, n));
}

bool expr_write_key(struct expr_writer *w, uint32_t number, enum tc_wire_type type)
{
    return expr_write_varint(w, (uint64_t)number << 3 | type);
}

size_t expr_write_mark(const struct expr_writer *w)
{
    return w->run->scratch->n;
}

bool expr_write_length(struct expr_writer *w, size_t mark, uint32_t number)
{
    return expr_write_varint(w, mark - w->run->scratch->n) && expr_write_key(w, number, TC_LEN);
}
