#include "gateway/expr/function.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"

static void base64_goes_both_ways(void **state)
{
    static const struct eval_row rows[] = {
        {"base64.encode(b'')", "\"\""},
        {"base64.encode(b'f')", "\"Zg==\""},
        {"base64.encode(b'fo')", "\"Zm8=\""},
        {"base64.encode(b'foo')", "\"Zm9v\""},
        {"base64.encode(b'\\xfb\\xff')", "\"+/8=\""},
        {"base64.decode('Zm9v')", "b\"foo\""},
        {"base64.decode('Zg==')", "b\"f\""},
        {"base64.decode('Zg')", "b\"f\""},
        {"base64.decode('')", "b\"\""},
        {"base64.decode('Z')", "error: base64.decode: not base64"},
        {"base64.decode('Zm9v!')", "error: base64.decode: not base64"},
        {"base64.decode('Zg=')", "error: base64.decode: not base64"},
        {"base64.decode('====')", "error: base64.decode: not base64"},
    };
    EVAL_ROWS(*state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_goes_both_ways),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
