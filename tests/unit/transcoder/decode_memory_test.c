/* The JSON that the decoder writes is the caller's to drain and does not count; all that is
 * allocated besides does. */
#include "transcoder/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/hostile.h"
#include "tests/unit/support/sets.h"
#include "transcoder/wire.h"

static int load(void **state)
{
    static struct set set;

    set = set_load("kitchen_sink2.pb");
    *state = &set;
    return 0;
}

static int unload(void **state)
{
    set_release(*state);
    return 0;
}

struct wire_bomb {
    const char *name, *message;
    struct str unit; /* '#' five times: a number of its own */
    uint32_t around; /* field that holds all of it, `levels` deep; 0: none */
    unsigned levels;
};

static void build_wire(struct buf *b, const struct wire_bomb *bomb)
{
    struct buf inner;

    buf_init(b, SIZE_MAX);
    buf_init(&inner, SIZE_MAX);
    for (uint64_t number = 0; b->n < HOSTILE_INPUT;)
        hostile_unit(b, bomb->unit, number++);
    for (unsigned i = 0; i < bomb->levels; i++) {
        buf_move(&inner, b);
        assert_true(tc_put_bytes(b, bomb->around, buf_str(&inner)));
    }
    buf_release(&inner);
}

static enum tc_status decode_all(const struct set *s, const struct wire_bomb *bomb,
                                 struct str message, struct tc_error *error)
{
    struct tc_decode_spec spec = {.schema = s->schema, .message = set_message(s, bomb->message)};
    struct arena arena;
    struct buf out;
    enum tc_status st = TC_FULL;

    arena_init(&arena, 4096, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    struct tc_decoder *d = tc_decoder_new(&arena, &spec, message, error);
    for (; st == TC_FULL; out.n = 0)
        st = tc_decode_some(d, &out, HOSTILE_PIECE);
    buf_release(&out);
    arena_release(&arena);
    return st;
}

static void protobuf_makes_little_of_itself(void **state)
{
    static const struct wire_bomb bombs[] = {
        {"in order", "kitchen.Sink", STR_INIT("\xb2\x01\x00"), 0, 0},
        {"packed", "kitchen.Sink", STR_INIT("\x8a\x02\x01\x00"), 0, 0},
        {"disorder", "kitchen.Sink", STR_INIT("\x20\x01\x10\x00"), 0, 0},
        {"disorder of the shortest fields", "kitchen.Text", STR_INIT("\x12\x00\x0a\x00"), 0, 0},
        {"disorder of list and map", "kitchen.Text", STR_INIT("\x22\x00\x1a\x00"), 0, 0},
        {"empty entries", "kitchen.Text", STR_INIT("\x22\x00"), 0, 0},
        {"entries", "kitchen.Text", STR_INIT("\x22\x07\x0a\x05#####"), 0, 0},
        {"entries in disorder", "kitchen.Text", STR_INIT("\x22\x07\x0a\x05#####\x1a\x00"), 0, 0},
        {"short keys in disorder", "kitchen.Text", STR_INIT("\x22\x03\x0a\x01#\x1a\x00"), 0, 0},
        {"deep", "kitchen.Sink", STR_INIT("\x22\x00\x20\x01"), 21, 90},
        {"lists of lists", "google.protobuf.ListValue", STR_INIT("\x0a\x02\x32\x00"), 0, 0},
        {"merged", "kitchen.Sink", STR_INIT("\xaa\x01\x02\x20\x01\x10\x00"), 0, 0},
        {"merged in merged", "kitchen.Sink", STR_INIT("\xaa\x01\x07\xaa\x01\x02\x20\x01\x10\x00"),
         0, 0},
        {"structs", "google.protobuf.Struct",
         STR_INIT("\x0a\x12\x0a\x05#####\x12\x09\x11\x00\x00\x00\x00\x00\x00\xf0\x3f"), 0, 0},
        {"unknown", "kitchen.Nothing", STR_INIT("\x08\x00"), 0, 0},
        {"groups", "kitchen2.Sink2.Nested", STR_INIT("\xa3\x06\xa4\x06"), 0, 0},
    };

    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        struct tc_error error = {0};
        struct buf message;
        build_wire(&message, &bombs[i]);
        failmalloc_count_start();
        enum tc_status st = decode_all(*state, &bombs[i], buf_str(&message), &error);
        size_t held = failmalloc_count_stop();
        if (st != TC_OK && st != TC_LIMIT)
            fail_msg("%s: %s at %s, byte %zu", bombs[i].name, error.text, error.path, error.offset);
        hostile_check(bombs[i].name, held, message.n);
        buf_release(&message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protobuf_makes_little_of_itself),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
