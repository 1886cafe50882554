#include "gateway/core/digest.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* printf 'a\0b' | sha256sum */
static void it_is_half_of_sha_256(void **state)
{
    char hex[DIGEST_HEX], other[DIGEST_HEX];
    (void)state;
    assert_true(digest_hex(STR("a"), STR("b"), hex));
    assert_memory_equal(hex, "59b271ae1bbcb1d31d41929817f4b16f", DIGEST_HEX);
    assert_true(digest_hex(STR("ab"), STR(""), other));
    assert_memory_not_equal(hex, other, DIGEST_HEX);
    static char zeros[2000];
    assert_true(digest_hex(STR("a"), str_of(zeros, 1999), hex));
    assert_memory_equal(hex, "fa9005eb7286afc8f45c94c0fd26e0fb", DIGEST_HEX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_is_half_of_sha_256)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
