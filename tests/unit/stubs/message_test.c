#include "stubs/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gen/demo/v1/echo.postern.h"
#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"

static const struct tc_message *echo_type(void)
{
    return tc_schema_message(&postern_schema_demo_v1_echo, STR("demo.v1.EchoMessage"));
}

static Demo__V1__EchoMessage *unpack(struct str bytes, struct arena *a, struct tc_error *e)
{
    return (Demo__V1__EchoMessage *)message_unpack(echo_type(), &demo__v1__echo_message__descriptor,
                                                   bytes, a, e);
}

/* text "hi", values 1.5, a turn, id -1 */
#define MESSAGE                                   \
    "\x0a\x02hi\x12\x04\0\0\xc0\x3f\x1a\x07\x0a"  \
    "\x01u\x12\x02yo\x28\xff\xff\xff\xff\xff\xff" \
    "\xff\xff\xff\x01"

static void a_message_survives_unpacking_and_packing(void **state)
{
    (void)state;
    struct arena a;
    struct buf b;
    struct guard g = guard_copy(STR(MESSAGE));
    arena_init(&a, 4096, 1 << 20);
    buf_init(&b, 1 << 20);
    Demo__V1__EchoMessage *m = unpack(g.s, &a, NULL);
    assert_non_null(m);
    assert_string_equal(m->text, "hi");
    assert_int_equal(m->n_messages, 1);
    assert_string_equal(m->messages[0]->content, "yo");
    assert_int_equal(m->id, -1);
    assert_true(message_pack(&b, &m->base));
    assert_true(str_eq(str_of(b.p, b.n), g.s));
    buf_release(&b);
    arena_release(&a);
    guard_release(&g);
}

static void what_protobuf_c_would_take_wrongly_is_refused(void **state)
{
    (void)state;
    static const struct str cases[] = {
        STR_INIT("\x0a\x03"
                 "a\0b"),         /* would be cut at the NUL */
        STR_INIT("\x0a\x01\xff"), /* no UTF-8 */
        STR_INIT("\x0a\x05"
                 "ab"),
        STR_INIT("\x00\x01"),
        STR_INIT("\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a;
        struct tc_error e = {0};
        struct guard g = guard_copy(cases[i]);
        arena_init(&a, 4096, 1 << 20);
        assert_null(unpack(g.s, &a, &e));
        assert_int_equal(e.status, TC_INVALID);
        assert_true(e.text[0] != '\0');
        arena_release(&a);
        guard_release(&g);
    }
}

static void structs_larger_than_the_arena_are_refused(void **state)
{
    (void)state;
    struct arena a;
    struct tc_error e = {0};
    char turns[4096];
    /* two bytes each: an empty turn is a struct of many more */
    for (size_t i = 0; i < sizeof turns; i += 2)
        memcpy(turns + i, "\x1a\x00", 2);
    arena_init(&a, 4096, 16 << 10);
    assert_null(unpack(str_of(turns, sizeof turns), &a, &e));
    assert_int_equal(e.status, TC_NOMEM);
    arena_release(&a);
}

static bool unpack_once(void *arg)
{
    struct arena a;
    (void)arg;
    arena_init(&a, 4096, 1 << 20);
    bool ok = unpack(STR(MESSAGE), &a, NULL) != NULL;
    arena_release(&a);
    return ok;
}

static void each_failing_allocation_gives_no_message(void **state)
{
    (void)state;
    assert_true(failmalloc_each(unpack_once, NULL) > 0);
}

static void a_full_buffer_is_left_as_it_was(void **state)
{
    (void)state;
    struct buf b;
    Demo__V1__EchoMessage m = DEMO__V1__ECHO_MESSAGE__INIT;
    m.text = "too long for that";
    buf_init(&b, 8);
    assert_true(buf_add(&b, STR("ab")));
    assert_false(message_pack(&b, &m.base));
    assert_true(str_eq(str_of(b.p, b.n), STR("ab")));
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_survives_unpacking_and_packing),
        cmocka_unit_test(what_protobuf_c_would_take_wrongly_is_refused),
        cmocka_unit_test(structs_larger_than_the_arena_are_refused),
        cmocka_unit_test(each_failing_allocation_gives_no_message),
        cmocka_unit_test(a_full_buffer_is_left_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
