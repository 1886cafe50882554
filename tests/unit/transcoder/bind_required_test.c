#include "transcoder/bind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/sets.h"

/* Binds `query` to a message of `type` and says which required field is missing; "" for none. */
static void check(const struct set *s, const char *type, const char *query, const char *missing)
{
    const struct tc_query_options none = {.body_field = NULL};
    struct tc_error error = {.status = TC_OK};
    struct tc_binding b;
    struct arena arena;

    arena_init(&arena, 512, 1 << 20);
    tc_binding_init(&b, &arena, set_message(s, type), &error);
    assert_int_equal(tc_bind_query(&b, str_c(query), &none), TC_OK);
    assert_int_equal(tc_binding_complete(&b), *missing ? TC_INVALID : TC_OK);
    assert_string_equal(error.path, missing);
    tc_binding_release(&b);
    arena_release(&arena);
}

static void a_required_field_that_nothing_binds_is_named(void **state)
{
    struct set s = set_load("kitchen_sink2.pb");
    (void)state;

    check(&s, "kitchen2.Sink2", "", "id");
    check(&s, "kitchen2.Sink2", "id=1", "label");
    check(&s, "kitchen2.Sink2", "label=x&box.width=1", "id");
    check(&s, "kitchen2.Sink2", "label=&id=0", "");
    check(&s, "kitchen2.Sink2", "id=1&label=x&nested.deeper.name=y", "nested.name");
    check(&s, "kitchen2.Sink2", "id=1&label=x&nested.name=y&nested.deeper.deeper.name=z",
          "nested.deeper.name");
    check(&s, "kitchen2.Sink2", "id=1&label=x&nested.name=y", "");
    set_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_required_field_that_nothing_binds_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
