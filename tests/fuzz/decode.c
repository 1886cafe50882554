/* Protobuf -> JSON, whatever a model server sends: JSON or an error, the same in slices of any
 * size, and JSON that our own lexer takes. */
#include "transcoder/decode.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/messages.h"
#include "transcoder/json_lexer.h"

static enum tc_status decode(struct str wire, size_t slice, const struct tc_decode_spec *spec,
                             struct buf *out)
{
    struct tc_error error = {0};
    struct arena arena;
    arena_init(&arena, 4096, SIZE_MAX);
    buf_init(out, SIZE_MAX / 2);
    struct tc_decoder *d = tc_decoder_new(&arena, spec, wire, &error);
    enum tc_status st;
    while ((st = tc_decode_some(d, out, slice ? out->n + slice : SIZE_MAX / 4)) == TC_FULL)
        ;
    REQUIRE(st == TC_OK || error.text[0]);
    arena_release(&arena);
    return st;
}

static void require_json(struct str text)
{
    struct tc_lexer l;
    struct arena arena;
    enum tc_json_token t;
    arena_init(&arena, 4096, SIZE_MAX);
    REQUIRE(tc_lex_init(&l, &arena, TC_LEX_DEPTH_MAX));
    tc_lex_feed(&l, text);
    while ((t = tc_lex_next(&l)) != TC_JSON_DONE) {
        if (t == TC_JSON_MORE)
            t = tc_lex_end(&l);
        if (t == TC_JSON_DONE)
            break;
        REQUIRE(t != TC_JSON_BAD && t != TC_JSON_MORE);
        if (t == TC_JSON_KEY || t == TC_JSON_STRING)
            REQUIRE(tc_lex_string(&l, NULL) == TC_OK);
    }
    REQUIRE(tc_lex_trailing(&l));
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data, size};
    uint8_t which = fuzz_choice(&in), how = fuzz_choice(&in);
    struct tc_decode_spec spec = {.emit_defaults = how & 1,
                                  .enums_as_numbers = how & 2,
                                  .proto_names = how & 4,
                                  .int64_as_numbers = how & 8,
                                  .lenient_any = how & 16};
    struct buf whole, slices;
    spec.message = fuzz_message(which, &spec.schema);
    enum tc_status st = decode(in, 0, &spec, &whole);
    REQUIRE(decode(in, 1 + how, &spec, &slices) == st);
    if (st == TC_OK) {
        REQUIRE(str_eq(buf_str(&whole), buf_str(&slices)));
        require_json(buf_str(&whole));
    }
    buf_release(&whole);
    buf_release(&slices);
    return 0;
}
