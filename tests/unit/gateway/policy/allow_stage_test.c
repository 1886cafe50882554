#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/bench_setup.h"

static const char config[] =
    "overrides:\n"
    "- selector: calls.Calls.Unary\n"
    "  policy:\n"
    "    allow:\n"
    "    - { name: head, expr: \"headers['x-ok'] == 'yes'\" }\n"
    "    - { name: few, expr: \"request.count < 10\" }\n"
    "    - { name: lenient, expr: \"headers['x-there'] == 'a'\", on_error: PASS }\n"
    "    - { name: sound, expr: \"10 / request.count > 0\" }\n";

static int set_up(void **state)
{
    static struct bench b;
    bench_init_with(&b, config);
    *state = &b;
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, bench_tear_down)

/* NULL: it is let through. */
static void check(struct bench *b, const char *headers, const char *body, const char *refused_by)
{
    struct fake_front f;
    char text[100];
    uint32_t calls = b->channels[bench_cluster(b, "main")].ncalls;
    assert_true(front_open(&f, &b->host, "POST", "/unary", headers));
    front_body(&f, str_c(body));
    front_end(&f);
    if (!refused_by) {
        fake_message(bench_call(b, calls), STR(""));
        fake_end(bench_call(b, calls), TC_CODE_OK, "");
    }
    assert_int_equal(f.x->answer.status, refused_by ? 403 : 200);
    front_read(&f, SIZE_MAX);
    snprintf(text, sizeof text, "this call is not allowed: condition \\\"%s\\\"",
             refused_by ? refused_by : "");
    if (refused_by)
        assert_has(buf_str(&f.got), text);
    assert_int_equal(f.x->refusal, refused_by ? REFUSAL_CONDITION : REFUSAL_NONE);
    front_close(&f, true);
    assert_int_equal(b->event.refusal, refused_by ? REFUSAL_CONDITION : REFUSAL_NONE);
}

#define OK "content-type: application/json\nx-ok: yes\n"

static void all_conditions_must_hold(void **state)
{
    check(*state, OK, "{\"count\":1}", NULL);
    check(*state, OK "x-there: a\n", "{\"count\":9}", NULL);
    check(*state, OK, "{\"count\":10}", "few");
    check(*state, OK "x-there: b\n", "{\"count\":1}", "lenient");
    check(*state, "content-type: application/json\nx-ok: no\n", "{\"count\":1}", "head");
}

/* What cannot be said does not hold, unless the condition is told to pass then. */
static void an_error_refuses_unless_told_otherwise(void **state)
{
    struct bench *b = *state;
    check(b, OK, "{\"count\":0}", "sound");
    assert_int_equal(b->event.rule_errors, 2); /* "lenient" has none of its header */
    check(b, "content-type: application/json\n", "{\"count\":1}", "head");
    assert_int_equal(b->event.rule_errors, 1);
}

static void what_needs_no_message_is_judged_before_the_body(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    assert_true(front_open(&f, &b->host, "POST", "/unary", "x-ok: no\n"));
    assert_true(f.x->answer.complete);
    assert_int_equal(f.x->answer.status, 403);
    assert_str(f.x->rule, "head");
    front_close(&f, true);
    assert_true(front_open(&f, &b->host, "POST", "/unary", OK));
    assert_false(f.x->answer.complete);
    front_close(&f, false);
}

static void another_method_has_none_of_it(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    assert_true(front_open(&f, &b->host, "GET", "/watch/x", NULL));
    front_end(&f);
    assert_str(bench_call(b, 0)->path, "/calls.Calls/Watch");
    front_close(&f, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_conditions_must_hold),
        TEST(an_error_refuses_unless_told_otherwise),
        TEST(what_needs_no_message_is_judged_before_the_body),
        TEST(another_method_has_none_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
