/* A query string bound into a message: what is taken can be written, and is valid protobuf. What it
 * lacks of required fields is what the encoder of JSON asks for, given the same message. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/messages.h"
#include "transcoder/bind.h"
#include "transcoder/decode.h"
#include "transcoder/encode.h"
#include "transcoder/required.h"
#include "transcoder/wire.h"

/* The message as JSON, encoded once more. */
static enum tc_status encode_again(const struct tc_encode_spec *spec, struct str wire)
{
    struct tc_decode_spec back = {.schema = spec->schema, .message = spec->message};
    struct tc_error error = {0};
    struct arena arena;
    struct buf json, out;

    arena_init(&arena, 4096, 64 << 20);
    buf_init(&json, 64 << 20);
    buf_init(&out, 64 << 20);
    struct tc_decoder *d = tc_decoder_new(&arena, &back, wire, &error);
    REQUIRE(tc_decode_some(d, &json, SIZE_MAX) == TC_OK);
    struct tc_encoder *e = tc_encoder_new(&arena, spec, &out, &error);
    enum tc_status st = tc_encode_feed(e, buf_str(&json));
    if (st == TC_OK || st == TC_MORE)
        st = tc_encode_finish(e);
    buf_release(&json);
    buf_release(&out);
    arena_release(&arena);
    return st;
}

static void check_required(const struct tc_message *m, const struct tc_schema *schema,
                           struct str wire)
{
    struct tc_encode_spec spec = {.schema = schema, .message = m};
    struct tc_error error = {0};
    enum tc_status st = tc_required_check(m, wire, NULL, &error);

    REQUIRE(st == TC_OK || (st == TC_INVALID && error.path[0] && error.text[0]));
    REQUIRE(m->reaches_required ? encode_again(&spec, wire) == st : st == TC_OK);
}

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
        REQUIRE(tc_wire_check(m, buf_str(&out), TC_WIRE_TYPED, NULL) == TC_OK);
        check_required(m, schema, buf_str(&out));
    }
    tc_binding_release(&binding);
    buf_release(&out);
    arena_release(&arena);
    return 0;
}
