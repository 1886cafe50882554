/* What the tests of the answer share: a call that has sent its request, and how its answer may
 * look. Included once per test program, behind cmocka.h. */
#pragma once

#include "tests/unit/support/bench_setup.h"

/* A call that has sent its request and waits for the answer. */
static inline struct fake_call *call_to(struct bench *b, struct fake_front *f, const char *method,
                                        const char *target, const char *headers, const char *body)
{
    assert_true(front_open(f, &b->host, method, target, headers));
    if (body)
        assert_int_equal(front_body(f, str_c(body)), str_c(body).n);
    front_end(f);
    assert_false(f->x->answer.ready);
    return bench_call(b, 0);
}

static inline struct str body_of(const struct fake_front *f)
{
    return buf_str(&f->got);
}

static inline void check_failed(struct bench *b, struct fake_front *f, uint16_t http,
                                const char *part)
{
    assert_true(f->x->answer.ready);
    assert_true(f->x->answer.complete);
    assert_false(f->x->answer.broken);
    assert_int_equal(f->x->answer.status, http);
    assert_str(front_header(f, "content-type"), "application/json");
    front_read(f, SIZE_MAX);
    assert_has(body_of(f), part);
    uint32_t ended = b->ended;
    front_close(f, true);
    assert_int_equal(b->ended, ended + 1);
    assert_int_equal(b->event.http_status, http);
    assert_true(b->event.complete);
}

/* A message whose JSON is longer than the buffer of a stream. */
static inline struct str long_message(struct bench *b, size_t n, const char *tail)
{
    struct str end = str_c(tail);
    char *p = arena_alloc(&b->arena, n + end.n + 8);
    struct buf out = {p, 0, n + end.n + 8, n + end.n + 8};
    buf_add_char(&out, 0x0a); /* name */
    for (size_t left = n;; left >>= 7) {
        buf_add_char(&out, (char)((left & 0x7f) | (left > 0x7f ? 0x80 : 0)));
        if (left <= 0x7f)
            break;
    }
    memset(out.p + out.n, 'x', n);
    out.n += n;
    buf_add(&out, end);
    return buf_str(&out);
}
