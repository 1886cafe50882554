/* JSON text as a value: refused with a reason, or printed as JSON that is an equal value. (Not the
 * same text once more: a double that prints "-0" or "1000" comes back as an integer.) */
#include "gateway/core/json_value.h"
#include "gateway/expr/values.h"
#include "tests/fuzz/fuzz.h"

static bool parse(struct str text, struct arena *arena, struct expr_value *v)
{
    struct tc_error error = {0};
    bool ok = json_value_parse(text, arena, v, &error);
    REQUIRE(ok == (error.status == TC_OK) && (ok || error.text[0]));
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct expr_run run = {.steps = UINT32_MAX};
    struct expr_value v, again, error;
    struct arena arena;
    struct buf out;
    bool same;

    arena_init(&arena, 4096, 64 << 20);
    buf_init(&out, 64 << 20);
    if (parse((struct str){(const char *)data, size}, &arena, &v)) {
        REQUIRE(json_value_print(&out, &v, 0));
        REQUIRE(parse(buf_str(&out), &arena, &again));
        REQUIRE(expr_equal(&run, &v, &again, &same, &error) && same);
    }
    buf_release(&out);
    arena_release(&arena);
    return 0;
}
