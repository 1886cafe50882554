#include "gateway/policy/policy_compile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/policy/attributes.h"
#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/policies.h"

static void open_fixture(struct policies *f, const char *yaml)
{
    *f = policies_begin("policy_good.pb");
    f->in.default_upstream = "main";
    policies_configure(f, yaml);
}

static void close_fixture(struct policies *f)
{
    plan_release(f->plan);
    set_release(&f->set);
}

static void check(const char *yaml, const char *fault)
{
    struct policies f;
    open_fixture(&f, yaml);
    policies_compile(&f);
    if (fault) {
        const struct policy_fault faults[] = {{"postern.yaml", fault}};
        CHECK_FAULTS(&f, faults);
    } else {
        assert_non_null(f.plan);
    }
    close_fixture(&f);
}

static void a_table_has_a_name_of_its_own_that_can_be_read(void **state)
{
    (void)state;
    check("tables: [ { name: a_B9 } ]", NULL);
    check("tables: [ { name: a }, { name: A } ]", NULL);
    check("tables: [ { name: a }, { name: a } ]", "tables[1].name: \"a\" is tables[0] already");
    check("tables: [ {} ]", "tables[0].name: \"\" is no name");
    check("tables: [ { name: a-b } ]", "tables[0].name: \"a-b\" is no name");
    check("tables: [ { name: 9a } ]", "tables[0].name: \"9a\" is no name");
}

static void a_key_stands_in_one_row(void **state)
{
    (void)state;
    check("tables: [ { name: t, rows: [ { key: b }, { key: a }, { key: B } ] } ]", NULL);
    check("tables: [ { name: t, rows: [ { key: a }, { key: b }, { key: a } ] } ]",
          "tables[0].rows: \"a\" is the key of two rows");
}

/* The map that expressions see, of a table with the keys that `rows` has in no order. */
static struct expr_value table_of(struct policies *f, const char *rows)
{
    char yaml[600];
    snprintf(yaml, sizeof yaml,
             "tables: [ { name: t, rows: [ %s ] } ]\n"
             "overrides: [ { selector: good.Plain.Get, policy: { allow: "
             "[ { name: n, expr: \"'x' in tables.t\" } ] } } ]\n",
             rows);
    open_fixture(f, yaml);
    policies_compile_well(f);
    return policies_of(f, "good.Plain.Get")->attributes->tables[0];
}

static bool finds(const struct expr_value *t, const char *key, struct expr_value *out)
{
    struct expr_value k = expr_string(str_c(key));
    return t->map->find(t->map, NULL, &k, out);
}

static void rows_are_found_by_their_key(void **state)
{
    struct policies f;
    struct expr_value row, number = expr_int(1);
    struct expr_value t = table_of(&f, "{ key: m, values: [x, y] }, { key: \"\" }, { key: aa }, "
                                       "{ key: z, values: [z] }, { key: a }");
    (void)state;
    assert_int_equal(t.map->size(t.map), 5);
    for (uint32_t i = 0; i < 5; i++) {
        struct expr_value key, value;
        t.map->at(t.map, NULL, i, &key, &value);
        assert_true(t.map->find(t.map, NULL, &key, &row));
        assert_ptr_equal(row.list, value.list);
    }
    assert_true(finds(&t, "m", &row));
    assert_int_equal(row.list->size(row.list), 2);
    assert_true(str_eq(row.list->at(row.list, NULL, 1).s, STR("y")));
    assert_true(finds(&t, "", &row) && row.list->size(row.list) == 0);
    assert_false(finds(&t, "mm", &row) || finds(&t, "zz", &row) || finds(&t, "A", &row));
    assert_false(t.map->find(t.map, NULL, &number, &row));
    close_fixture(&f);
}

static void an_empty_table_finds_nothing(void **state)
{
    struct policies f;
    struct expr_value row, t = table_of(&f, "");
    (void)state;
    assert_int_equal(t.map->size(t.map), 0);
    assert_false(finds(&t, "", &row));
    close_fixture(&f);
}

static void identity_keys_are_metadata_that_can_be_set(void **state)
{
    static const char *const wrong[] = {"grpc-id", "X-Id", "x id",         "id-bin",    "host",
                                        ":path",   "te",   "content-type", "connection"};
    char yaml[200], fault[200];
    (void)state;
    check("identity: { id: x-id, tenant: x.tenant, subject: \"\", scopes: x-scopes }", NULL);
    check("identity: { id: x-id, tenant: x-tenant, scopes: x-id }",
          "identity.scopes: \"x-id\" is identity.id already");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(yaml, sizeof yaml, "identity: { subject: \"%s\" }", wrong[i]);
        snprintf(fault, sizeof fault, "identity.subject: \"%s\" is no metadata", wrong[i]);
        check(yaml, fault);
    }
}

static bool compile_once(void *arg)
{
    struct policies *p = arg;
    struct arena arena;
    struct tc_faults faults;
    arena_init(&arena, 1024, 1 << 20);
    tc_faults_init(&faults, &arena);
    struct plan *plan = policy_compile(&p->in, &arena, &faults);
    plan_release(plan);
    arena_release(&arena);
    return plan != NULL;
}

static void want_of_memory_makes_no_plan(void **state)
{
    struct policies f;
    (void)state;
    open_fixture(&f, "tables: [ { name: t, rows: [ { key: a, values: [b] }, { key: c } ] } ]\n"
                     "identity: { id: x-id }\n");
    assert_true(failmalloc_each(compile_once, &f) > 0);
    f.plan = NULL;
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_has_a_name_of_its_own_that_can_be_read),
        cmocka_unit_test(a_key_stands_in_one_row),
        cmocka_unit_test(rows_are_found_by_their_key),
        cmocka_unit_test(an_empty_table_finds_nothing),
        cmocka_unit_test(identity_keys_are_metadata_that_can_be_set),
        cmocka_unit_test(want_of_memory_makes_no_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
