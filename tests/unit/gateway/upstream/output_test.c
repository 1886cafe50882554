#include "gateway/upstream/output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct output *output_new(void)
{
    struct output *o = calloc(1, sizeof *o);
    assert_non_null(o);
    return o;
}

static void output_free(struct output *o)
{
    output_reset(o);
    free(o);
}

/* Everything in the vectors, one after the other. */
static struct str flat(const struct output *o, char *to)
{
    size_t n = 0;
    for (uint32_t i = 0; i < o->nvectors; i++) {
        memcpy(to + n, o->vectors[i].iov_base, o->vectors[i].iov_len);
        n += o->vectors[i].iov_len;
    }
    assert_int_equal(n, o->total);
    return str_of(to, n);
}

static void pieces_leave_in_the_order_they_came(void **state)
{
    struct output *o = output_new();
    char all[64];
    (void)state;

    output_copy(o, "head ", 5);
    output_refer(o, "message ", 8);
    output_copy(o, "tail", 4);
    assert_true(str_eq(flat(o, all), STR("head message tail")));
    assert_int_equal(o->nvectors, 3);
    output_free(o);
}

static void neighbours_share_a_vector(void **state)
{
    static const char text[] = "abcdef";
    struct output *o = output_new();
    char all[64];
    (void)state;

    output_copy(o, "1", 1);
    output_copy(o, "23", 2);
    assert_int_equal(o->nvectors, 1);
    output_refer(o, text, 2);
    output_refer(o, text + 2, 2);
    assert_int_equal(o->nvectors, 2);
    output_refer(o, text + 5, 1); /* one byte is left out */
    assert_int_equal(o->nvectors, 3);
    assert_true(str_eq(flat(o, all), STR("123abcdf")));
    output_free(o);
}

static void a_copy_does_not_change_with_its_source(void **state)
{
    struct output *o = output_new();
    char source[] = "before", all[64];
    (void)state;

    output_copy(o, source, 6);
    memcpy(source, "after!", 6);
    assert_true(str_eq(flat(o, all), STR("before")));
    output_free(o);
}

/* Whoever asks for room first never writes past an end, with any kind of piece. */
static void room_ends_before_any_of_the_arrays_does(void **state)
{
    static char big[OUTPUT_PIECE], far[2 * 100];
    enum { COPIES, REFERENCES, MIXED, MESSAGES, LARGE, KINDS };
    (void)state;

    for (int kind = 0; kind < KINDS; kind++) {
        struct output *o = output_new();
        uint32_t n = 0;
        while (output_has_room(o)) {
            struct buf message;
            if (kind == COPIES)
                output_copy(o, big, sizeof big);
            if (kind == MIXED)
                output_copy(o, "header...", 9);
            if (kind == REFERENCES || kind == MIXED)
                output_refer(o, &far[2 * n], 1);
            if (kind == MESSAGES) {
                buf_init(&message, 16);
                assert_true(buf_add(&message, STR("x")));
                output_spend(o, &message);
                assert_null(message.p);
            }
            if (kind == LARGE)
                output_refer(o, big, sizeof big);
            assert_true(++n < 1000);
        }
        assert_true(n > 1);
        assert_true(o->copied <= OUTPUT_COPIED);
        assert_true(o->nvectors <= OUTPUT_VECTORS);
        assert_true(o->nspent <= OUTPUT_SPENT);
        assert_true(o->total <= OUTPUT_TOTAL + OUTPUT_PIECE);
        output_reset(o); /* spent messages go: AddressSanitizer would tell */
        assert_true(output_has_room(o));
        assert_int_equal(o->nvectors + o->nspent + o->total + o->copied, 0);
        free(o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_leave_in_the_order_they_came),
        cmocka_unit_test(neighbours_share_a_vector),
        cmocka_unit_test(a_copy_does_not_change_with_its_source),
        cmocka_unit_test(room_ends_before_any_of_the_arrays_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
