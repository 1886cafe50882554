/* JSON -> protobuf: cut anywhere it is judged alike; what is taken is valid protobuf, and becomes
 * the same JSON again. No input costs more than ten bytes a byte. */
#include "transcoder/encode.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/messages.h"
#include "transcoder/decode.h"
#include "transcoder/required.h"
#include "transcoder/wire.h"

enum { FIXED_COST = 512 << 10, COST_PER_BYTE = 10 };

static enum tc_status encode(struct str json, uint8_t cuts, const struct tc_encode_spec *spec,
                             struct buf *out, size_t *cost)
{
    struct tc_error error = {0};
    struct arena arena;
    arena_init(&arena, 4096, SIZE_MAX);
    buf_init(out, SIZE_MAX / 2);
    struct tc_encoder *e = tc_encoder_new(&arena, spec, out, &error);
    enum tc_status st = TC_MORE;
    for (uint32_t i = 0; json.n && (st == TC_MORE || st == TC_OK); i++)
        st = tc_encode_feed(e, fuzz_piece(&json, cuts, i));
    if (st == TC_MORE || st == TC_OK)
        st = tc_encode_finish(e);
    REQUIRE(st == TC_OK || (st == error.status && error.text[0]));
    *cost = arena.used + out->cap;
    arena_release(&arena);
    return st;
}

static void decode(struct str wire, const struct tc_decode_spec *spec, struct buf *out)
{
    struct tc_error error = {0};
    struct arena arena;
    arena_init(&arena, 4096, SIZE_MAX);
    buf_init(out, SIZE_MAX / 2);
    struct tc_decoder *d = tc_decoder_new(&arena, spec, wire, &error);
    enum tc_status st;
    while ((st = tc_decode_some(d, out, out->n + 64)) == TC_FULL)
        ;
    if (st != TC_OK)
        fprintf(stderr, "%s: %s\n", error.path, error.text);
    REQUIRE(st == TC_OK);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data, size};
    uint8_t which = fuzz_choice(&in), cuts = fuzz_choice(&in);
    struct tc_encode_spec spec = {.ignore_unknown_fields = cuts & 128};
    spec.message = fuzz_message(which, &spec.schema);
    struct tc_decode_spec back = {.schema = spec.schema, .message = spec.message};
    struct buf whole, pieces, json, again, twice;
    size_t cost, other;

    enum tc_status st = encode(in, 0, &spec, &whole, &cost);
    REQUIRE(encode(in, cuts, &spec, &pieces, &other) == st);
    REQUIRE(cost <= FIXED_COST + COST_PER_BYTE * in.n);
    if (st == TC_OK) {
        REQUIRE(str_eq(buf_str(&whole), buf_str(&pieces)));
        REQUIRE(tc_wire_check(spec.message, buf_str(&whole), TC_WIRE_TYPED, NULL) == TC_OK);
        REQUIRE(tc_required_check(spec.message, buf_str(&whole), NULL, NULL) == TC_OK);
        decode(buf_str(&whole), &back, &json);
        REQUIRE(encode(buf_str(&json), 0, &spec, &again, &other) == TC_OK);
        decode(buf_str(&again), &back, &twice);
        REQUIRE(str_eq(buf_str(&json), buf_str(&twice)));
        buf_release(&json);
        buf_release(&again);
        buf_release(&twice);
    }
    buf_release(&whole);
    buf_release(&pieces);
    return 0;
}
