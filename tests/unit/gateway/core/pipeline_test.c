#include "gateway/core/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/pipeline.h"

static char trace[16];
static size_t ntrace;
static char ends_at;

static enum stage_result ran(char name)
{
    trace[ntrace++] = name;
    trace[ntrace] = 0;
    return name == ends_at ? STAGE_END : STAGE_NEXT;
}

#define STAGE(letter)                                         \
    static enum stage_result run_##letter(struct exchange *x) \
    {                                                         \
        (void)x;                                              \
        return ran(#letter[0]);                               \
    }
STAGE(a)
STAGE(b)
STAGE(c)
STAGE(d)

static const struct stage stages[] = {
    {"a", PHASE_HEAD, run_a},
    {"b", PHASE_HEAD, run_b},
    {"c", PHASE_MESSAGE, run_c},
    {"d", PHASE_MESSAGE, run_d},
};
static const struct pipeline pipeline = {stages, 4};

static void check(char end, enum stage_phase phase, enum stage_result result, const char *expected,
                  struct exchange *x)
{
    ntrace = 0;
    trace[0] = 0;
    ends_at = end;
    assert_int_equal(pipeline_run(x, phase), result);
    assert_string_equal(trace, expected);
}

static void each_phase_runs_its_rows_once_and_in_order(void **state)
{
    struct exchange_host host = {.pipeline = &pipeline};
    struct exchange x = {.host = &host};
    (void)state;

    check(0, PHASE_HEAD, STAGE_NEXT, "ab", &x);
    check(0, PHASE_HEAD, STAGE_NEXT, "", &x);
    check(0, PHASE_MESSAGE, STAGE_NEXT, "cd", &x);
    check(0, PHASE_MESSAGE, STAGE_NEXT, "", &x);
}

static void a_stage_that_has_answered_is_the_last_of_its_phase(void **state)
{
    struct exchange_host host = {.pipeline = &pipeline};
    struct exchange x = {.host = &host};
    (void)state;

    check('a', PHASE_HEAD, STAGE_END, "a", &x);
    x.stage = 2;
    check('c', PHASE_MESSAGE, STAGE_END, "c", &x);
}

static void answers_are_looked_at_by_every_row_each_time(void **state)
{
    static const struct stage rows[] = {
        {"a", PHASE_HEAD, run_a},
        {"b", PHASE_REPLY, run_b},
        {"c", PHASE_OVER, run_c},
        {"d", PHASE_REPLY, run_d},
    };
    static const struct pipeline p = {rows, 4};
    struct exchange_host host = {.pipeline = &p};
    struct exchange x = {.host = &host};
    (void)state;

    for (int again = 0; again < 2; again++) {
        ntrace = 0;
        ends_at = 0;
        assert_int_equal(pipeline_each(&x, PHASE_REPLY), STAGE_NEXT);
        assert_int_equal(pipeline_each(&x, PHASE_OVER), STAGE_NEXT);
        assert_string_equal(trace, "bdc");
    }
    ntrace = 0;
    ends_at = 'b';
    assert_int_equal(pipeline_each(&x, PHASE_REPLY), STAGE_END);
    assert_string_equal(trace, "b");
    assert_int_equal(x.stage, 0);
}

static void the_gateways_table_is_in_the_order_of_the_phases_and_calls_last(void **state)
{
    const struct stage *last = NULL;
    (void)state;

    for (uint8_t i = 0; i < gateway_pipeline.n; i++) {
        const struct stage *s = &gateway_pipeline.stages[i];
        assert_true(i == 0 || s[-1].phase <= s->phase);
        if (s->phase == PHASE_MESSAGE)
            last = s;
    }
    assert_string_equal(gateway_pipeline.stages[0].name, "route");
    assert_string_equal(last->name, "rpc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_phase_runs_its_rows_once_and_in_order),
        cmocka_unit_test(a_stage_that_has_answered_is_the_last_of_its_phase),
        cmocka_unit_test(answers_are_looked_at_by_every_row_each_time),
        cmocka_unit_test(the_gateways_table_is_in_the_order_of_the_phases_and_calls_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
