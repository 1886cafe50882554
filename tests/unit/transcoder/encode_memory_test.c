#include "transcoder/encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/hostile.h"
#include "tests/unit/support/sets.h"

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

/* `unit` as often as fits between `head` and `tail`; "#####" in it becomes a number of its own,
 * in base 36, and "~~~~~" in base 10. */
struct bomb {
    const char *name, *message, *head, *unit, *tail;
};

static void build(struct buf *b, const struct bomb *bomb)
{
    uint64_t number = 0;

    buf_init(b, SIZE_MAX);
    assert_true(buf_add(b, str_c(bomb->head)));
    while (b->n < HOSTILE_INPUT)
        hostile_unit(b, str_c(bomb->unit), number++);
    assert_true(buf_add(b, str_c(bomb->tail)));
}

static enum tc_status encode_all(const struct set *s, const struct bomb *bomb, struct str json,
                                 struct tc_error *error)
{
    struct tc_encode_spec spec = {.schema = s->schema,
                                  .message = set_message(s, bomb->message),
                                  .ignore_unknown_fields = true};
    struct arena arena;
    struct buf out;
    enum tc_status st = TC_MORE;

    arena_init(&arena, 4096, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    struct tc_encoder *e = tc_encoder_new(&arena, &spec, &out, error);
    for (; json.n && st == TC_MORE; json = str_skip(json, HOSTILE_PIECE))
        st = tc_encode_feed(e, str_of(json.p, json.n < HOSTILE_PIECE ? json.n : HOSTILE_PIECE));
    if (st == TC_OK)
        st = tc_encode_finish(e);
    buf_release(&out);
    arena_release(&arena);
    return st;
}

#define TEN(text) text text text text text text text text text text

static const struct bomb taken[] = {
    {"packed", "kitchen.Sink", "{\"rDouble\":[1", ",0", "]}"},
    {"unpacked", "kitchen.Sink", "{\"uDouble\":[1", ",0", "]}"},
    {"unpacked, longest keys", "kitchen2.Sink2", "{\"[kitchen2.far_numbers]\":[1", ",0",
     "],\"id\":1,\"label\":\"\"}"},
    {"wrappers, longest keys", "kitchen2.Sink2", "{\"[kitchen2.far_wrappers]\":[1", ",1",
     "],\"id\":1,\"label\":\"\"}"},
    {"values, longest keys", "kitchen2.Sink2", "{\"[kitchen2.far_values]\":[1", ",1",
     "],\"id\":1,\"label\":\"\"}"},
    {"negative", "kitchen.Sink", "{\"uInt32\":[1", ",-1", "]}"},
    {"values", "google.protobuf.Value", "[0", ",0", "]"},
    {"nulls", "google.protobuf.Value", "[0", ",null", "]"},
    {"empty lists", "google.protobuf.Value", "[0", ",[]", "]"},
    {"empty structs", "google.protobuf.Value", "[0", ",{}", "]"},
    {"empty messages", "kitchen.Sink", "{\"rSink\":[{}", ",{}", "]}"},
    {"nested lists", "google.protobuf.Value", "[0", "," TEN("[[[[") "1" TEN("]]]]"), "]"},
    {"nested lists around 128 bytes", "google.protobuf.Value", "[0",
     "," TEN("[[[[") "\"" TEN("0123456789012") "\"" TEN("]]]]"), "]"},
    {"nested structs around 128 bytes", "google.protobuf.Value", "[0",
     "," TEN("{\"\":{\"\":{\"\":") "\"" TEN("0123456789012") "\"" TEN("}}}"), "]"},
    {"nested messages around 128 bytes", "kitchen.Sink", "{\"rSink\":[{}",
     ",{\"fSink\":" TEN("{\"fSink\":{\"fSink\":{\"fSink\":") "{\"name\":\"" TEN(
         "0123456789012") "\"}" TEN("}}}") "}",
     "]}"},
    {"keys", "google.protobuf.Struct", "{\"\":0", ",\"#####\":0", "}"},
    {"long keys", "google.protobuf.Struct", "{\"\":0", ",\"#####" TEN("0123456789012") "\":0", "}"},
    {"short keys", "kitchen.Sink", "{\"mString\":{\"\":\"\"", ",\"#####\":\"\"", "}}"},
    {"numbers as keys", "kitchen.Sink", "{\"mInt64\":{\"-1\":0", ",\"1~~~~~~\":0", "}}"},
    {"many maps", "google.protobuf.Value", "[0", ",{\"a\":0,\"b\":0,\"c\":0}", "]"},
    {"unknown", "kitchen.Nothing", "{\"a\":[0", ",0", "]}"},
    {"a string", "kitchen.Sink", "{\"name\":\"", "\\n", "\"}"},
    {"bytes", "kitchen.Sink", "{\"fBytes\":\"", "AAAA", "\"}"},
    {"any", "kitchen.Sink", "{\"rkAny\":[{}", ",{\"@type\":\"x/kitchen.Nothing\"}", "]}"},
    {"any, type last", "kitchen.Sink", "{\"rkAny\":[{}",
     ",{\"a\":[],\"@type\":\"x/google.protobuf.Struct\",\"value\":{}}", "]}"},
    {"one large any, type last", "google.protobuf.Any", "{\"a\":[0", ",0",
     "],\"@type\":\"x/kitchen.Nothing\"}"},
    {"one large any of values, type last", "google.protobuf.Any", "{\"value\":[0", ",0",
     "],\"@type\":\"x/google.protobuf.ListValue\"}"},
    {"late anys in one another", "google.protobuf.Any", TEN("{\"value\":") "{\"value\":[0", ",0",
     "],\"@type\":\"x/google.protobuf.ListValue\"}" TEN(",\"@type\":\"x/google.protobuf.Any\"}")},
    {"fields in lists", "kitchen.Sink", "{\"rSink\":[{}", ",{\"odd\":{\"tagLast\":1}}", "]}"},
};

static void json_makes_little_of_itself(void **state)
{
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        struct tc_error error = {0};
        struct buf json;
        build(&json, &taken[i]);
        failmalloc_count_start();
        enum tc_status st = encode_all(*state, &taken[i], buf_str(&json), &error);
        size_t held = failmalloc_count_stop();
        if (st != TC_OK)
            fail_msg("%s: %s at byte %zu", taken[i].name, error.text, error.offset);
        hostile_check(taken[i].name, held, json.n);
        buf_release(&json);
    }
}

/* What is refused must not have cost much before. */
static void json_that_is_refused_costs_little(void **state)
{
    static const struct bomb bombs[] = {
        {"depth", "google.protobuf.Value", "", "[", ""},
        {"depth of structs", "google.protobuf.Value", "", "{\"a\":", ""},
        {"depth of anys", "google.protobuf.Any", "",
         "{\"@type\":\"x/google.protobuf.Any\",\"value\":", ""},
        {"a number", "google.protobuf.Value", "", "1", ""},
        {"a name", "kitchen.Sink", "{\"", "a", ""},
        {"a key that comes again", "google.protobuf.Struct", "{\"a\":0", ",\"a\":0", "}"},
        {"white space", "kitchen.Sink", "", " \n", ""},
    };

    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        struct tc_error error = {0};
        struct buf json;
        build(&json, &bombs[i]);
        failmalloc_count_start();
        enum tc_status st = encode_all(*state, &bombs[i], buf_str(&json), &error);
        size_t held = failmalloc_count_stop();
        assert_true(st != TC_OK);
        if (held > HOSTILE_CONSTANT)
            fail_msg("%s: %zu bytes", bombs[i].name, held);
        buf_release(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_makes_little_of_itself),
        cmocka_unit_test(json_that_is_refused_costs_little),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
