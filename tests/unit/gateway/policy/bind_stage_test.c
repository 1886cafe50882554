#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/bench_setup.h"

static void check_sent(struct bench *b, const char *method, const char *target, const char *wire)
{
    struct fake_front f;
    assert_true(front_open(&f, &b->host, method, target, NULL));
    if (f.x->answer.ready)
        fail_msg("%s is refused: %s", target, f.x->error.text);
    front_end(&f);
    struct str sent = fake_sent(bench_call(b, 0), 0);
    if (!str_eq(sent, bench_wire(b, wire)))
        fail_msg("%s became %zu other bytes", target, sent.n);
    front_close(&f, false);
    fake_channel_release(&b->channels[bench_cluster(b, "main")]);
}

static void path_and_query_become_fields(void **state)
{
    struct bench *b = *state;
    check_sent(b, "GET", "/unary/a", "1:'a'");
    check_sent(b, "GET", "/unary/a%2Fb", "1:'a/b'");
    check_sent(b, "GET", "/unary/a?", "1:'a'");
    check_sent(b, "GET", "/unary/a?count=-1", "1:'a' 2:-1");
    check_sent(b, "GET", "/unary/a?kind=LARGE", "1:'a' 5:2");
    check_sent(b, "GET", "/unary/a?part.part.name=x+y%21", "1:'a' 3:{2:{1:'x y!'}}");
    check_sent(b, "GET", "/unary/a?tags=x&tags=y", "1:'a' 4:'x' 4:'y'");
    check_sent(b, "GET", "/lenient?nonsense=1&count=2", "2:2");
}

static void check_refused(struct bench *b, const char *method, const char *target, const char *part)
{
    struct fake_front f;
    assert_true(front_open(&f, &b->host, method, target, NULL));
    if (!f.x->answer.complete)
        fail_msg("%s is not refused", target);
    assert_int_equal(f.x->answer.status, 400);
    front_read(&f, SIZE_MAX);
    assert_has(buf_str(&f.got), part);
    assert_has(buf_str(&f.got), "google.rpc.BadRequest");
    front_close(&f, true);
    assert_int_equal(b->event.code, TC_CODE_INVALID_ARGUMENT);
}

static void what_does_not_fit_is_400_and_named(void **state)
{
    struct bench *b = *state;
    check_refused(b, "GET", "/unary/a?count=x", "\"field\":\"count\"");
    check_refused(b, "GET", "/unary/a?nonsense=1", "nonsense");
    check_refused(b, "GET", "/unary/a?part.nonsense=1", "nonsense");
    check_refused(b, "GET", "/unary/a?name=b", "\"field\":\"name\"");
    check_refused(b, "GET", "/unary/a?count=1&count=2", "count");
    check_refused(b, "GET", "/unary/a?kind=HUGE", "kind");
    check_refused(b, "GET", "/unary/a?left=x&right.name=y", "right");
}

static void a_body_of_all_fields_leaves_none_to_the_query(void **state)
{
    check_refused(*state, "POST", "/unary?count=1", "count");
}

static void the_field_of_the_body_is_not_the_querys(void **state)
{
    check_refused(*state, "PUT", "/unary/a?part.name=x", "part");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(path_and_query_become_fields),
        BENCH_TEST(what_does_not_fit_is_400_and_named),
        BENCH_TEST(a_body_of_all_fields_leaves_none_to_the_query),
        BENCH_TEST(the_field_of_the_body_is_not_the_querys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
