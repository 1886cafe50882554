#include "tests/unit/support/encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/support/guard.h"
#include "tests/unit/support/splits.h"

/* Byte by byte every number is cut, so all of them go the general way: what that says must come out
 * of every other cut too. */

enum { TEXT = 4096, ROOM = 1 << 16, ELEMENTS = 3000 };

static const char *const fields[] = {
    "rDouble",  "rFloat",   "rInt32",    "rInt64",    "rUint32", "rUint64", "rSint32", "rSint64",
    "rFixed32", "rFixed64", "rSfixed32", "rSfixed64", "uDouble", "uInt32",  "rColor",  "rBool",
};

/* What may stand among the numbers of an array. */
static const char *const elements[] = {
    /* of any type */
    "0",
    "7",
    "-7",
    "-0",
    "127",
    "128",
    "-128",
    "300",
    "65536",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "9999999999999999999",
    "18446744073709551615",
    "18446744073709551616",
    "100000000000000000000",
    /* reals */
    "1.5",
    "-0.0",
    "1e2",
    "1E+2",
    "12.50e1",
    "1.0",
    "0.1",
    "123456789.123456789",
    "1.00000000000000000000000",
    "16777217",
    "8388608.5",
    "9007199254740993",
    "3.4028235e38",
    "3.4028236e38",
    "1e39",
    "-1e308",
    "1.8e308",
    "1e-45",
    "1e-46",
    "5e-324",
    "1e-400",
    "1e99999",
    "1e-99999",
    "0e99999",
    "0.000000000000000000000000000000000000001",
    /* no numbers */
    "01",
    "-",
    "-01",
    "1.",
    ".5",
    "+1",
    "1e",
    "1e+",
    "1.5.2",
    "1-2",
    "1e5e5",
    "--1",
    "0x10",
    "1,",
    "",
    " ",
    "]",
    "}",
    "null",
    "true",
    "\"7\"",
    "\"NaN\"",
    "\"x\"",
    "[1]",
    "{}",
    "NaN",
    "7 8",
    /* white space */
    " 7",
    "7 ",
    "\n\t 7 \r",
    "  7.25",
    "\v7",
};

struct outcome {
    enum tc_status status;
    struct tc_error error;
    char bytes[ROOM];
    size_t n;
};

struct comparison {
    const struct set *set;
    struct outcome expected;
    struct str json;
    size_t max;
};

static void run(const struct comparison *c, const struct str *pieces, size_t n, struct outcome *o)
{
    const struct encoding encoding = {.message = "kitchen.Sink"};
    struct encoding_run r;

    assert_true(encoding_begin(&r, c->set, &encoding, c->max));
    o->status = encoding_feed(&r, pieces, n);
    o->error = r.error;
    struct str result = o->status == TC_OK ? encoding_result(&r) : STR("");
    assert_in_range(result.n, 0, sizeof o->bytes);
    memcpy(o->bytes, result.p, result.n);
    o->n = result.n;
    encoding_end(&r);
}

static void compare(void *arg, const struct str *pieces, size_t n)
{
    const struct comparison *c = arg;
    static struct outcome got;

    run(c, pieces, n, &got);
    if (got.status != c->expected.status || got.n != c->expected.n ||
        memcmp(got.bytes, c->expected.bytes, got.n) != 0 ||
        got.error.offset != c->expected.error.offset ||
        strcmp(got.error.path, c->expected.error.path) != 0 ||
        strcmp(got.error.text, c->expected.error.text) != 0)
        fail_msg("%.*s in %zu pieces, the first of %zu: %d at %zu, %s: %s, not %d at %zu, %s: %s",
                 STR_ARG(c->json), n, pieces[0].n, (int)got.status, got.error.offset,
                 got.error.path, got.error.text, (int)c->expected.status, c->expected.error.offset,
                 c->expected.error.path, c->expected.error.text);
}

static void expect_that_of_single_bytes(struct comparison *c)
{
    struct str *pieces = malloc(c->json.n * sizeof *pieces);

    assert_non_null(pieces);
    for (size_t i = 0; i < c->json.n; i++)
        pieces[i] = str_of(c->json.p + i, 1);
    run(c, pieces, c->json.n, &c->expected);
    free(pieces);
}

static void every_cut_is_the_same(const struct set *set, const char *json)
{
    static struct comparison c;
    struct guard g = guard_copy(str_c(json));

    c.set = set;
    c.json = g.s;
    c.max = ROOM;
    expect_that_of_single_bytes(&c);
    splits_each(g.s, compare, &c);
    guard_release(&g);
}

static void packed_any_element_is_read_as_elsewhere(void **state)
{
    char json[TEXT];

    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) {
        for (size_t e = 0; e < sizeof elements / sizeof *elements; e++) {
            snprintf(json, sizeof json, "{\"%s\":[1,2,%s,3],\"fString\":\"end\"}", fields[f],
                     elements[e]);
            every_cut_is_the_same(*state, json);
        }
    }
}

/* The ceiling of the output is met at the same element and said in the same words. */
static void packed_numbers_stop_at_the_ceiling(void **state)
{
    static struct comparison c;
    char json[TEXT];

    c.set = *state;
    for (size_t f = 0; f < 12; f++) {
        snprintf(json, sizeof json, "{\"%s\":[1,200,30000,4,5,6,70000,8,9,10,11,12]}", fields[f]);
        c.json = str_c(json);
        for (c.max = 0; c.max < 120; c.max++) {
            expect_that_of_single_bytes(&c);
            compare(&c, &c.json, 1);
        }
    }
}

/* Longer than any buffer at its first size, with an error at the end that names its element. */
static void packed_numbers_are_counted(void **state)
{
    static struct comparison c;
    struct arena a;

    arena_init(&a, 4096, 1 << 20);
    struct str json = arena_printf(&a, "{\"rFloat\":[");
    char *text = arena_alloc(&a, ELEMENTS * 12);
    assert_non_null(text);
    size_t n = 0;
    for (int i = 0; i < ELEMENTS; i++)
        n += (size_t)snprintf(text + n, 13, "%d.%d,", i, i);
    json = arena_printf(&a, "%.*s%.*s1e39]}", STR_ARG(json), STR_ARG(str_of(text, n)));
    c = (struct comparison){.set = *state, .json = json, .max = ROOM};
    expect_that_of_single_bytes(&c);
    assert_string_equal(c.expected.error.path, "rFloat[3000]");
    compare(&c, &json, 1);
    arena_release(&a);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_any_element_is_read_as_elsewhere),
        cmocka_unit_test(packed_numbers_stop_at_the_ceiling),
        cmocka_unit_test(packed_numbers_are_counted),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
