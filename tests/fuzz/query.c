/* A query string bound into a message: what is taken can be written, and is valid protobuf. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/messages.h"
#include "transcoder/bind.h"
#include "transcoder/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data, size};
    uint8_t which = fuzz_choice(&in);
    const struct tc_schema *schema;
    const struct tc_message *m = fuzz_message(which & 127, &schema);
    struct tc_query_options options = {.ignore_unknown = which & 128};
    struct tc_error error = {0};
    struct tc_binding binding;
    struct arena arena;
    struct buf out;

    arena_init(&arena, 4096, 64 << 20);
    buf_init(&out, 64 << 20);
    tc_binding_init(&binding, &arena, m, &error);
    enum tc_status st = tc_bind_query(&binding, in, &options);
    REQUIRE(st == TC_OK || (error.status == st && error.text[0]));
    if (st == TC_OK) {
        REQUIRE(tc_binding_write(&binding, &out) == TC_OK);
        REQUIRE(tc_wire_check(m, buf_str(&out), false, NULL) == TC_OK);
    }
    tc_binding_release(&binding);
    buf_release(&out);
    arena_release(&arena);
    return 0;
}
