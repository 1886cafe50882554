#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/bench_setup.h"
#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/splits.h"

/* Bodies that are no JSON: the bytes of an HttpBody, and forms. */

#define RAW "transfer-encoding: chunked\ncontent-type: a/b"
#define FORM "transfer-encoding: chunked\ncontent-type: multipart/form-data; boundary=b"

static void open_for(struct bench *b, struct fake_front *f, const char *method, const char *target,
                     const char *headers)
{
    assert_true(front_open(f, &b->host, method, target, headers));
    assert_false(f->x->answer.ready);
}

static void over(struct bench *b, struct fake_front *f)
{
    front_close(f, false);
    fake_channel_release(&b->channels[bench_cluster(b, "main")]);
    arena_reset(&b->arena);
}

struct feeding {
    struct bench *b;
    const char *method, *target, *headers, *wire;
};

static void feed_unary(void *arg, const struct str *pieces, size_t n)
{
    const struct feeding *c = arg;
    struct fake_front f;

    open_for(c->b, &f, c->method, c->target, c->headers);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(front_body(&f, pieces[i]), pieces[i].n);
    assert_int_equal(c->b->channels[0].ncalls, 0);
    front_end(&f);
    struct fake_call *call = bench_call(c->b, 0);
    assert_int_equal(call->nsent, 1);
    assert_true(call->closed);
    assert_true(str_eq(fake_sent(call, 0), bench_wire(c->b, c->wire)));
    over(c->b, &f);
}

static void bytes_may_come_in_any_pieces(void **state)
{
    struct feeding c = {*state, "PUT", "/raw/n", RAW, "1:'n' 2:{1:'a/b' 2:'{\"not\": json}'}"};

    splits_each(STR("{\"not\": json}"), feed_unary, &c);
}

static void a_form_may_come_in_any_pieces(void **state)
{
    struct feeding c = {*state, "POST", "/form", FORM, "3:'bytes' 1:'n'"};

    splits_each(STR("--b\r\nContent-Disposition: form-data; name=data; filename=f\r\n\r\nbytes\r\n"
                    "--b\r\nContent-Disposition: form-data; name=name\r\n\r\nn\r\n--b--"),
                feed_unary, &c);
}

static void each_piece_of_a_stream_is_a_message_at_once(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    open_for(b, &f, "POST", "/rawstream/n", RAW);
    assert_int_equal(front_body(&f, STR("one")), 3);
    struct fake_call *call = bench_call(b, 0);
    assert_int_equal(call->nsent, 1);
    assert_int_equal(front_body(&f, STR("two")), 3);
    assert_int_equal(call->nsent, 2);
    assert_false(call->closed);
    front_end(&f);
    assert_int_equal(call->nsent, 2);
    assert_true(call->closed);
    assert_true(str_eq(fake_sent(call, 0), bench_wire(b, "1:'n' 2:{1:'a/b' 2:'one'}")));
    assert_true(str_eq(fake_sent(call, 1), bench_wire(b, "1:'n' 2:{2:'two'}")));
    over(b, &f);
}

static void an_upstream_that_is_full_is_waited_for(void **state)
{
    static char bytes[200 << 10];
    struct bench *b = *state;
    struct fake_channel *channel = &b->channels[bench_cluster(b, "main")];
    struct fake_front f;
    struct str rest = str_of(bytes, sizeof bytes);
    uint32_t rounds = 0;

    channel->full = true;
    open_for(b, &f, "POST", "/rawstream/n", RAW);
    while (rest.n && rounds++ < 10) {
        size_t taken = front_body(&f, rest);
        assert_true(taken > 0 && taken <= 64 << 10);
        rest = str_skip(rest, taken);
        assert_int_equal(front_body(&f, rest), 0); /* not before there is room */
        if (rest.n)
            fake_writable(bench_call(b, 0));
    }
    assert_int_equal(rest.n, 0);
    front_end(&f);
    assert_false(bench_call(b, 0)->closed); /* it still waits */
    fake_writable(bench_call(b, 0));
    assert_true(bench_call(b, 0)->closed);
    channel->full = false;
    over(b, &f);
}

static void an_empty_stream_is_one_message(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    open_for(b, &f, "POST", "/rawstream/n", RAW);
    front_end(&f);
    struct fake_call *call = bench_call(b, 0);
    assert_int_equal(call->nsent, 1);
    assert_true(call->closed);
    assert_true(str_eq(fake_sent(call, 0), bench_wire(b, "1:'n' 2:{1:'a/b'}")));
    over(b, &f);
}

static void the_bytes_of_an_answer_are_its_body(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    open_for(b, &f, "PUT", "/raw/n", RAW);
    front_end(&f);
    fake_message(bench_call(b, 0), bench_wire(b, "1:'x' 2:{1:'c/d'} 2:{2:'some bytes'}"));
    fake_end(bench_call(b, 0), TC_CODE_OK, "");
    assert_true(f.x->answer.complete);
    front_read(&f, SIZE_MAX);
    assert_str(buf_str(&f.got), "some bytes");
    assert_str(front_header(&f, "content-type"), "c/d");
    over(b, &f);
}

/* True when the whole call went well; anything else must be a clean refusal. */
static bool call_once(void *arg)
{
    const struct feeding *c = arg;
    struct fake_front f;

    if (!front_open(&f, &c->b->host, c->method, c->target, c->headers))
        return false;
    front_body(&f, STR("--b\r\nContent-Disposition: form-data; name=data; filename=f\r\n\r\nx\r\n"
                       "--b--"));
    front_end(&f);
    struct fake_channel *channel = &c->b->channels[bench_cluster(c->b, "main")];
    if (channel->ncalls && !channel->calls[0].gone) {
        fake_message(&channel->calls[0], STR("\x12\x03\x12\x01z"));
        if (!channel->calls[0].gone)
            fake_end(&channel->calls[0], TC_CODE_OK, "");
    }
    front_read(&f, SIZE_MAX);
    bool ok = f.x && f.x->answer.complete && f.x->answer.status == 200 && f.got.n > 0;
    front_close(&f, true);
    fake_channel_release(channel);
    return ok;
}

static void short_memory_is_an_error_and_no_more(void **state)
{
    struct feeding raw = {*state, "PUT", "/raw/n", RAW, NULL};
    struct feeding form = {*state, "POST", "/form", FORM, NULL};

    assert_true(failmalloc_each(call_once, &raw) > 0);
    assert_true(failmalloc_each(call_once, &form) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(bytes_may_come_in_any_pieces),
        BENCH_TEST(a_form_may_come_in_any_pieces),
        BENCH_TEST(each_piece_of_a_stream_is_a_message_at_once),
        BENCH_TEST(an_upstream_that_is_full_is_waited_for),
        BENCH_TEST(an_empty_stream_is_one_message),
        BENCH_TEST(the_bytes_of_an_answer_are_its_body),
        BENCH_TEST(short_memory_is_an_error_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
