#include "tests/unit/support/encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int load(void **state)
{
    static struct set set;

    set = set_load("kitchen_sink.pb");
    *state = &set;
    return 0;
}

static int unload(void **state)
{
    set_release(*state);
    return 0;
}

static void a_key_that_comes_again_is_refused_where_it_stands(void **state)
{
    static const struct encoding cases[] = {
        REFUSED("kitchen.Sink", "{\"mString\":{\"a\":\"x\",\"a\":\"x\"}}", 20, "mString[\"a\"]",
                "the key is given twice"),
        REFUSED("kitchen.Sink", "{\"mString\":{\"a\":\"\",\"\\u0061\":\"\"}}", 19, "mString[\"a\"]",
                "given twice"),
        REFUSED("kitchen.Sink", "{\"mString\":{\"\":\"\",\"\":\"\"}}", 18, "mString[\"\"]",
                "given twice"),
        REFUSED("kitchen.Sink", "{\"mBool\":{\"true\":true,\"false\":true,\"true\":false}}", 35,
                "mBool[true]", "given twice"),
        REFUSED("kitchen.Sink", "{\"mInt32\":{\"0\":0,\"-1\":0,\"0\":0}}", 24, "mInt32[0]",
                "given twice"),
        REFUSED("kitchen.Sink",
                "{\"mUint64\":{\"18446744073709551615\":0,\"18446744073709551615\":0}}", 37,
                "mUint64[18446744073709551615]", "given twice"),
        REFUSED("kitchen.Sink", "{\"mSint64\":{\"-9\":0,\"9\":0,\"-9\":0}}", 25, "mSint64[-9]",
                "given twice"),
        REFUSED("kitchen.Sink", "{\"mFixed32\":{\"7\":0,\"7\":0}}", 19, "mFixed32[7]",
                "given twice"),
        REFUSED("kitchen.Sink", "{\"mSfixed64\":{\"-7\":0,\"-7\":0}}", 21, "mSfixed64[-7]",
                "given twice"),
        REFUSED("google.protobuf.Struct", "{\"a\":{\"b\":1,\"b\":2}}", 12, "[\"a\"][\"b\"]",
                "given twice"),
        REFUSED("google.protobuf.Struct", "{\"a\":{\"a\":1,\"b\":2},\"a\":0}", 19, "[\"a\"]",
                "given twice"),
        /* not the same map, not the same key */
        ENCODED(
            "kitchen.Sink",
            "{\"rSink\":[{\"mBool\":{\"true\":true}},{\"mBool\":{\"true\":true,\"false\":true}}]}",
            "b201078a050408011001b2010e8a0504080110018a050408001001"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void add(struct buf *json, const char *before, unsigned key, size_t filler)
{
    assert_true(buf_printf(json, "%s\"", before));
    for (size_t i = 0; i < filler; i++)
        assert_true(buf_add_char(json, 'x'));
    assert_true(buf_printf(json, "%u\":", key));
}

static enum tc_status encode(const struct set *s, struct str json, struct tc_error *error)
{
    static const struct encoding value = {.message = "google.protobuf.Value"};
    struct encoding_run r;
    enum tc_status st;

    assert_true(encoding_begin(&r, s, &value, 64 << 20));
    st = encoding_feed(&r, &json, 1);
    *error = r.error;
    encoding_end(&r);
    return st;
}

/* Keys and values of all lengths, so that entries move when they close; other maps in between. */
static void add_entry(struct buf *json, unsigned i, unsigned key)
{
    static const size_t fillers[] = {0, 0, 0, 3, 120, 128, 300, 0, 20000};
    const size_t n = COUNT(fillers);

    add(json, i ? "," : "", key, key % 50 ? fillers[key % (n - 1)] : fillers[n - 1]);
    if (i % 3 == 0) {
        add(json, "{", key, 0);
        add(json, "1,", key + 1, 200);
        assert_true(buf_add(json, STR("[{\"a\":1,\"b\":{}}]}")));
    } else {
        assert_true(buf_add_char(json, '1'));
    }
}

static void many_keys_are_all_remembered(void **state)
{
    enum { KEYS = 2000 };
    struct tc_error error = {0};
    struct buf json;

    buf_init(&json, SIZE_MAX);
    assert_true(buf_add_char(&json, '{'));
    for (unsigned i = 0; i < KEYS; i++)
        add_entry(&json, i, i);
    for (unsigned again = 0; again <= KEYS; again += 1 + again / 7) {
        size_t n = json.n;

        add_entry(&json, KEYS, again);
        assert_true(buf_add_char(&json, '}'));
        enum tc_status st = encode(*state, buf_str(&json), &error);
        if (again < KEYS && (st != TC_INVALID || error.offset != n + 1))
            fail_msg("key %u again: %s at %zu", again, error.text, error.offset);
        if (again == KEYS && st != TC_OK)
            fail_msg("all different: %s at %zu", error.text, error.offset);
        json.n = n;
        error = (struct tc_error){0};
    }
    buf_release(&json);
}

/* Of the bytes that are hashed, the length and the key, the 1st word and the 2nd differ in those
 * bits that the mixing of the 1st leaves alone, every other time by the secret. */
static void keys_made_to_collide_are_refused(void **state)
{
    enum { PAIRS = 24 };
    struct tc_error error = {0};
    struct buf json;

    buf_init(&json, SIZE_MAX);
    for (unsigned i = 0; i < PAIRS; i++)
        assert_true(
            buf_printf(&json, "%c\"%06uaxxxaxxxa\":1,\"%06u!xxx!xxx!\":1", i ? ',' : '{', i, i));
    assert_true(buf_add_char(&json, '}'));
    assert_int_equal(encode(*state, buf_str(&json), &error), TC_LIMIT);
    assert_string_equal(error.text, "the keys of the map collide");
    buf_release(&json);
}

static bool encode_some(void *arg)
{
    struct encoding_run r;
    static const struct encoding value = {.message = "google.protobuf.Value"};
    struct str json = STR("{\"a\":1,\"b\":{\"a\":1,\"c\":2},\"d\":3,\"e\":4,\"f\":5,\"g\":{}}");
    enum tc_status st = TC_NOMEM;

    if (encoding_begin(&r, arg, &value, 1 << 20))
        st = encoding_feed(&r, &json, 1);
    assert_true(st == TC_OK || st == TC_NOMEM);
    encoding_end(&r);
    return st == TC_OK;
}

static void every_failing_allocation_is_reported(void **state)
{
    assert_true(failmalloc_each(encode_some, *state) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_comes_again_is_refused_where_it_stands),
        cmocka_unit_test(many_keys_are_all_remembered),
        cmocka_unit_test(keys_made_to_collide_are_refused),
        cmocka_unit_test(every_failing_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
