#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/core/digest.h"
#include "gateway/policy/limiter.h"
#include "tests/unit/support/failmalloc.h"

enum { GATEWAYS = 2, MANY = 5000 }; /* more than are kept */

struct gateway {
    struct limit_table *table;
    struct limiter *limiter;
};

static struct plan_limit limits[2] = {
    {.name = STR_INIT("tokens"), .id = STR_INIT("rpc a tokens"), .rule = {.amount = 1}},
    {.name = STR_INIT("a-name-that-is-longer-than-is-shown"),
     .id = STR_INIT("rpc b"),
     .rule = {.amount = 1}},
};

static int set_up(void **state)
{
    static struct gateway gateways[GATEWAYS];
    for (unsigned i = 0; i < GATEWAYS; i++) {
        struct gateway *g = &gateways[i];
        g->table = limit_table_new(&(struct limit_table_size){.keys = 100});
        g->limiter = limiter_new(
            &(struct limiter_options){.table = g->table, .prefix = STR("postern-and-more")});
        assert_true(g->table && g->limiter);
        for (unsigned k = 0; k < 2; k++)
            assert_true(limit_bind(g->table, &limits[k]));
    }
    *state = gateways;
    return 0;
}

static int tear_down(void **state)
{
    struct gateway *gateways = *state;
    for (unsigned i = 0; i < GATEWAYS; i++) {
        limiter_free(gateways[i].limiter);
        limit_table_free(gateways[i].table);
    }
    return 0;
}

/* As it is made without being kept. */
static void expected(const struct plan_limit *l, struct str key, char out[LIMIT_KEY_TEXT])
{
    char hex[DIGEST_HEX];
    assert_true(digest_hex(l->id, key, hex));
    int name = l->name.n < 19 ? (int)l->name.n : 19;
    snprintf(out, LIMIT_KEY_TEXT, "postern-:%.*s:%c:%.32s", name, l->name.p, "bflcp"[l->rule.kind],
             hex);
}

static void check(struct gateway *g, const struct plan_limit *l, struct str key)
{
    char want[LIMIT_KEY_TEXT];
    struct limit_item i = {.limit = l, .key = key};
    expected(l, key, want);
    struct str name = limit_redis_key(g->limiter, &i);
    assert_true(str_eq(name, str_c(want)));
    assert_ptr_equal(name.p, i.redis_key);
    assert_true(str_eq(limit_redis_key(g->limiter, &i), str_c(want)));
}

static void every_gateway_has_the_same_name_for_a_key(void **state)
{
    struct gateway *g = *state;
    static const struct str keys[] = {STR_INIT("team-a"), STR_INIT("team-b"), STR_INIT(""),
                                      STR_INIT("a\0b")};
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < GATEWAYS; i++)
            for (unsigned k = 0; k < 8; k++)
                check(&g[i], &limits[k % 2], keys[k / 2]);
}

/* Names that share a place take it from each other, and are never taken for one another. */
static void more_keys_than_are_kept_have_their_own_names(void **state)
{
    struct gateway *g = *state;
    char text[16];
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < MANY; i++)
            check(&g[0], &limits[i % 2],
                  str_of(text, (size_t)snprintf(text, sizeof text, "%u", i / 2)));
}

/* A reload that changes the algorithm keeps the limit's number. */
static void each_algorithm_has_a_name_of_its_own(void **state)
{
    struct gateway *g = *state;
    for (unsigned kind = 0; kind < LIMIT_KINDS; kind++) {
        struct plan_limit l = limits[0];
        l.rule.kind = (uint8_t)kind;
        check(&g[0], &l, STR("team-a"));
    }
    check(&g[0], &limits[0], STR("team-a"));
}

static void want_of_memory_costs_time_alone(void **state)
{
    struct gateway *g = *state;
    failmalloc_start(0);
    check(&g[0], &limits[0], STR("x"));
    assert_true(failmalloc_stop());
    check(&g[0], &limits[0], STR("x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_gateway_has_the_same_name_for_a_key, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(more_keys_than_are_kept_have_their_own_names, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_algorithm_has_a_name_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(want_of_memory_costs_time_alone, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
