#include "tests/unit/support/expr_env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void declare(struct env_test *t, const char *name, const struct expr_type *type,
                    uint32_t flags)
{
    assert_int_not_equal(expr_declare(t->env, str_c(name), type, flags), UINT32_MAX);
}

void env_test_init(struct env_test *t, bool refuse_dyn)
{
    struct arena *a = &t->set.arena;

    t->set = set_load("kitchen_sink.pb");
    a->max = 64 << 20;
    struct expr_env_spec spec = {
        .schema = t->set.schema, .container = STR("kitchen"), .arena = a, .refuse_dyn = refuse_dyn};
    t->env = expr_env_new(&spec);
    assert_non_null(t->env);
    const struct expr_type *sink = expr_type_message(a, set_message(&t->set, "kitchen.Sink"));
    declare(t, "request", sink, 0);
    declare(t, "response", sink, EXPR_MAY_BE_ABSENT);
    declare(t, "caller.tier", &expr_type_string, 0);
    declare(t, "caller.scopes", expr_type_list(a, &expr_type_string), EXPR_MAY_BE_ABSENT);
    declare(t, "claims", &expr_type_dyn, 0);
    declare(t, "headers", expr_type_map(a, &expr_type_string, &expr_type_string), 0);
    declare(t, "now", &expr_type_timestamp, 0);
    declare(t, "i", &expr_type_int, 0);
    declare(t, "j", &expr_type_int, 0);
    declare(t, "u", &expr_type_uint, 0);
    declare(t, "d", &expr_type_double, 0);
    declare(t, "s", &expr_type_string, 0);
    declare(t, "b", &expr_type_bool, 0);
    declare(t, "ints", expr_type_list(a, &expr_type_int), 0);
    declare(t, "ages", expr_type_map(a, &expr_type_string, &expr_type_int), 0);
    declare(t, "kitchen.inner", &expr_type_int, 0);
    declare(t, "kitchen", &expr_type_string, 0);
}

void env_test_release(struct env_test *t)
{
    set_release(&t->set);
}

struct expr_node *env_test_check(struct env_test *t, const char *source,
                                 const struct expr_type *want, struct expr_faults *faults)
{
    struct str text = str_c(source);
    struct expr_node *root = expr_parse(&t->set.arena, text, faults);
    return root && expr_check(t->env, text, root, want, faults) ? root : NULL;
}
