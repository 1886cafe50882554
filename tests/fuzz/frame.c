/* gRPC's length-prefixed messages, cut anywhere: the same messages as in one piece. */
#include "transcoder/frame.h"
#include "tests/fuzz/fuzz.h"

enum { MESSAGE_MAX = 1 << 16 };

static enum tc_status read_all(struct str in, uint8_t cuts, struct buf *out)
{
    struct tc_deframer d;
    enum tc_status st = TC_MORE;
    tc_deframer_init(&d, MESSAGE_MAX);
    buf_init(out, SIZE_MAX / 2);
    for (uint32_t i = 0; in.n && st == TC_MORE; i++) {
        struct str piece = fuzz_piece(&in, cuts, i);
        while ((st = tc_deframe(&d, &piece)) == TC_OK) {
            REQUIRE(d.message.n <= MESSAGE_MAX);
            REQUIRE(buf_add_char(out, d.compressed ? 'c' : 'm') &&
                    buf_add(out, buf_str(&d.message)));
            tc_deframe_next(&d);
        }
    }
    if (st == TC_MORE)
        REQUIRE(buf_add_char(out, tc_deframer_idle(&d) ? '.' : '-'));
    tc_deframer_release(&d);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data, size};
    uint8_t cuts = fuzz_choice(&in);
    struct buf whole, pieces;
    enum tc_status st = read_all(in, 0, &whole);
    REQUIRE(read_all(in, cuts, &pieces) == st);
    REQUIRE(str_eq(buf_str(&whole), buf_str(&pieces)));
    buf_release(&whole);
    buf_release(&pieces);
    return 0;
}
