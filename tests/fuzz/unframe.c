/* A client's stream as an array or NDJSON, cut anywhere: the same messages as in one piece. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/messages.h"
#include "transcoder/framing.h"

static enum tc_status read_all(struct str in, uint8_t cuts, const struct tc_encode_spec *spec,
                               struct buf *all)
{
    struct tc_error error = {0};
    struct tc_unframer u;
    struct arena arena;
    struct buf out;
    enum tc_status st = TC_MORE;

    arena_init(&arena, 4096, SIZE_MAX);
    buf_init(&out, SIZE_MAX / 2);
    buf_init(all, SIZE_MAX / 2);
    tc_unframer_init(&u, tc_encoder_new(&arena, spec, &out, &error), &error);
    for (uint32_t i = 0; in.n && st == TC_MORE; i++) {
        struct str piece = fuzz_piece(&in, cuts, i);
        while ((st = tc_unframe(&u, &piece)) == TC_OK) {
            REQUIRE(buf_add_char(all, '|') && buf_add(all, buf_str(&out)));
            out.n = 0;
        }
    }
    while (st == TC_MORE && (st = tc_unframe_finish(&u)) == TC_MORE) {
        REQUIRE(buf_add_char(all, '|') && buf_add(all, buf_str(&out)));
        out.n = 0;
    }
    buf_release(&out);
    arena_release(&arena);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data, size};
    uint8_t which = fuzz_choice(&in), cuts = fuzz_choice(&in);
    struct buf whole, pieces;
    struct tc_encode_spec spec = {.schema = NULL};
    spec.message = fuzz_message(which, &spec.schema);
    enum tc_status st = read_all(in, 0, &spec, &whole);
    REQUIRE(read_all(in, cuts, &spec, &pieces) == st);
    REQUIRE(st != TC_OK || str_eq(buf_str(&whole), buf_str(&pieces)));
    buf_release(&whole);
    buf_release(&pieces);
    return 0;
}
