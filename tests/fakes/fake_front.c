#include "tests/fakes/fake_front.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void wake(struct exchange *x)
{
    struct fake_front *f = x->front_data;
    assert_ptr_equal(f->x, x);
    assert_false(x->entered);
    f->wakes++;
}

static bool fill_headers(struct exchange *x, struct str lines)
{
    bool ok = true;
    while (lines.n && ok) {
        struct str value = str_cut(&lines, '\n');
        struct str name = str_cut(&value, ':');
        ok = headers_add(&x->request.headers, &x->arena, name, str_trim(value));
    }
    return ok;
}

static bool fill(struct exchange *x, const char *method, const char *target, const char *headers)
{
    struct request *r = &x->request;
    r->method = str_c(method);
    r->target = r->query = str_c(target);
    r->path = str_cut(&r->query, '?');
    r->protocol = STR("HTTP/1.1");
    r->client = STR("127.0.0.1:4711");
    bool ok = fill_headers(x, headers ? str_c(headers) : STR_NONE);
    struct str length = headers_get(&r->headers, STR("content-length"));
    if (length.p)
        assert_true(str_to_u64(length, UINT64_MAX, &r->length));
    r->has_body = r->length || headers_get(&r->headers, STR("transfer-encoding")).p;
    return ok;
}

bool front_open(struct fake_front *f, struct exchange_host *host, const char *method,
                const char *target, const char *headers)
{
    static const struct front_ops ops = {wake};
    *f = (struct fake_front){0};
    buf_init(&f->got, SIZE_MAX);
    f->x = exchange_new(host, &ops, f);
    if (!f->x)
        return false;
    if (fill(f->x, method, target, headers))
        exchange_begin(f->x);
    else
        exchange_fail(f->x, TC_CODE_UNAVAILABLE, 503, "no memory for headers");
    return true;
}

size_t front_body(struct fake_front *f, struct str bytes)
{
    assert_false(f->ended);
    size_t taken = exchange_body(f->x, bytes);
    assert_true(taken <= bytes.n);
    return taken;
}

void front_end(struct fake_front *f)
{
    f->ended = true;
    exchange_body_end(f->x);
}

size_t front_read(struct fake_front *f, size_t most)
{
    char piece[1 << 14];
    size_t total = 0;
    while (total < most) {
        size_t cap = most - total < sizeof piece ? most - total : sizeof piece;
        size_t n = exchange_read(f->x, piece, cap);
        if (n == 0)
            break;
        f->short_got |= !buf_add(&f->got, str_of(piece, n));
        total += n;
    }
    return total;
}

void front_close(struct fake_front *f, bool delivered)
{
    struct exchange *x = f->x;
    f->x = NULL;
    if (x)
        exchange_free(x, delivered);
    buf_release(&f->got);
}

struct str front_header(const struct fake_front *f, const char *name)
{
    struct str found = STR_NONE;
    const struct headers *h = &f->x->answer.headers;
    for (uint32_t i = 0; i < h->n; i++) {
        if (!str_eq(h->items[i].name, str_c(name)))
            continue;
        if (found.p)
            fail_msg("the answer has header %s twice", name);
        found = h->items[i].value;
    }
    return found;
}
