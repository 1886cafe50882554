#include "transcoder/required.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"
#include "tests/unit/support/sets.h"
#include "tests/unit/support/wire_text.h"
#include "transcoder/wire.h"

#define SINK2 "kitchen2.Sink2"

struct required_case {
    const char *type;
    const char *wire;    /* wire_text.h */
    const char *missing; /* path; "" for none */
};

static enum tc_status check_bytes(const struct tc_message *m, const struct tc_field *later,
                                  struct str bytes, struct tc_error *error)
{
    struct guard g = guard_copy(bytes);
    enum tc_status st = tc_required_check(m, g.s, later, error);

    guard_release(&g);
    return st;
}

static void check(struct set *s, const struct required_case *c)
{
    struct tc_error error = {.status = TC_OK};
    struct str bytes = wire_text(&s->arena, c->wire);
    enum tc_status st = check_bytes(set_message(s, c->type), NULL, bytes, &error);

    if (st != (*c->missing ? TC_INVALID : TC_OK))
        print_error("%s %s: %s\n", c->type, c->wire, error.text);
    assert_int_equal(st, *c->missing ? TC_INVALID : TC_OK);
    assert_string_equal(error.path, c->missing);
}

static void the_first_required_field_that_is_missing_is_named(void **state)
{
    static const struct required_case cases[] = {
        {SINK2, "", "id"},
        {SINK2, "1:1", "label"},
        {SINK2, "2:'x' 41:7", "id"},
        {SINK2, "1:0 2:''", ""},
        {SINK2, "2:'' 1:0 1:1", ""},        /* in any order, twice */
        {SINK2, "1:1 2:'' 71:{1:'y'}", ""}, /* inside a message */
        {SINK2, "1:1 2:'' 71:{}", "nested.name"},
        {SINK2, "1:1 2:'' 71:{1:'' 2:{2:{1:'z'}}}", "nested.deeper.name"},
        {SINK2, "1:1 2:'' 71:{1:'' 2:{1:'' 2:{}}}", "nested.deeper.deeper.name"},
        {SINK2, "1:1 2:'' 1002:{}", "[kitchen2.ext_nested].name"}, /* an extension */
        {SINK2, "1:1 2:'' 1002:{1:''} 1003:{1:''}", ""},
        {SINK2, "1:1 2:'' 81:{} 83:{1:7} 999:'unknown'", ""}, /* nothing required there */
        {"kitchen2.Holder", "", ""},
        {"kitchen2.Holder", "1:{2:{}}", "middle.get.id"},
        {"kitchen2.Holder", "1:{1:{1:{2:{2:5}}} 2:{1:7}}", "middle.back.middle.get.id"},
        {"kitchen2.Shelf", "1:{1:{2:{}}} 2:{1:'k' 2:{1:{2:{}}}}", ""}, /* the encoder's to ask */
        {"kitchen2.Wrench", "", ""},
        {"kitchen2.GetRequest", "2:5", "id"},
    };
    struct set s = set_load("kitchen_sink2.pb");
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&s, &cases[i]);
    set_release(&s);
}

/* As path and body write it: each its own occurrence, the reader merges them. */
static void a_message_in_parts_counts_as_a_whole(void **state)
{
    static const struct required_case cases[] = {
        {SINK2, "71:{2:{1:'from the path'}} 1:1 2:'' 71:{1:'from the body'}", ""},
        {SINK2, "71:{2:{2:{1:''}}} 1:1 71:{1:'' 2:{1:''}} 2:''", ""},
        {SINK2, "71:{2:{2:{1:''}}} 1:1 71:{1:''} 2:''", "nested.deeper.name"},
        {SINK2, "71:{2:{}} 1:1 71:{2:{1:''}} 2:''", "nested.name"},
        {SINK2, "71:{} 1002:{1:''} 1:1 71:{1:''} 2:'' 1002:{}", ""},
        {SINK2, "71:{} 1002:{1:''} 1:1 71:{} 2:'' 1002:{}", "nested.name"},
    };
    struct set s = set_load("kitchen_sink2.pb");
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&s, &cases[i]);
    set_release(&s);
}

static void what_is_still_to_come_is_not_missed(void **state)
{
    struct set s = set_load("kitchen_sink2.pb");
    const struct tc_message *m = set_message(&s, SINK2);
    struct tc_error error = {.status = TC_OK};
    (void)state;

    assert_int_equal(
        check_bytes(m, set_field(&s, SINK2, "label"), wire_text(&s.arena, "1:1 71:{1:''}"), &error),
        TC_OK);
    assert_int_equal(check_bytes(m, set_field(&s, SINK2, "nested"),
                                 wire_text(&s.arena, "1:1 2:'' 71:{2:{}}"), &error),
                     TC_OK);
    assert_int_equal(check_bytes(m, set_field(&s, SINK2, "nested"),
                                 wire_text(&s.arena, "1:1 71:{2:{}}"), &error),
                     TC_INVALID);
    assert_string_equal(error.path, "label");
    set_release(&s);
}

/* The encoder has no bound of its own beyond the depth of JSON, so there is none here. */
static void a_thousand_levels_are_walked(void **state)
{
    enum { LEVELS = 1000, ROOM = 8 * LEVELS };
    struct set s = set_load("kitchen_sink2.pb");
    struct tc_error error = {.status = TC_OK};
    char *room = arena_room(&s.arena, ROOM), *at = room + ROOM;
    size_t n = 0;
    (void)state;

    for (unsigned i = 0; i < LEVELS; i++) { /* 1:'' 2:{...} from the inside out */
        char head[12];
        size_t used = 0;
        if (i) {
            head[used++] = 2 << 3 | TC_LEN;
            used += tc_varint_put(head + used, n);
        }
        memcpy(at -= used, head, used);
        if (i)
            memcpy(at -= 2, "\x0a\x00", 2);
        n = (size_t)(room + ROOM - at);
    }
    assert_int_equal(
        check_bytes(set_message(&s, "kitchen2.Sink2.Nested"), NULL, str_of(at, n), &error),
        TC_INVALID);
    assert_int_equal(strlen(error.path), TC_ERROR_PATH_MAX - 1);
    assert_memory_equal(error.path, "deeper.deeper.", 14);
    set_release(&s);
}

static bool check_once(void *arg)
{
    struct tc_error error = {.status = TC_OK};
    const struct tc_message *m = set_message(arg, "kitchen2.Holder");
    enum tc_status st = tc_required_check(m, STR("\x0a\x04\x12\x02\x08\x01"), NULL, &error);

    assert_int_equal(error.status, st);
    return st == TC_OK;
}

static void memory_that_is_not_there_is_told(void **state)
{
    struct set s = set_load("kitchen_sink2.pb");
    (void)state;

    assert_true(failmalloc_each(check_once, &s) >= 1);
    set_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_required_field_that_is_missing_is_named),
        cmocka_unit_test(a_message_in_parts_counts_as_a_whole),
        cmocka_unit_test(what_is_still_to_come_is_not_missed),
        cmocka_unit_test(a_thousand_levels_are_walked),
        cmocka_unit_test(memory_that_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
