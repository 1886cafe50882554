/* What a Redis server answers, cut anywhere: the same replies as in one piece, within their room,
 * until the first byte that is not its protocol. */
#include "gateway/policy/limit_script.h"
#include "gateway/upstream/redis_wire.h"
#include "tests/fuzz/fuzz.h"

enum { FIRST = 2 };

/* Values of a script's answer mean something whatever they are. */
static void read_answer(const struct redis_reply *r)
{
    for (uint32_t at = FIRST; at + LIMIT_SCRIPT_VALUES <= r->n; at += LIMIT_SCRIPT_VALUES) {
        struct limit_script_answer a = limit_script_answer(&r->values[at]);
        REQUIRE(a.charged <= INT64_MAX && a.remaining <= INT64_MAX && a.reset_us <= INT64_MAX);
        REQUIRE(a.wait_us <= INT64_MAX || a.wait_us == LIMIT_NEVER);
    }
}

static void note(struct buf *all, const struct redis_reply *r)
{
    REQUIRE(r->status == REDIS_REPLIED || r->status == REDIS_FAILED);
    REQUIRE(r->n <= REDIS_VALUES_MAX && r->text.n <= REDIS_TEXT_MAX);
    REQUIRE(strnlen(r->error, sizeof r->error) < sizeof r->error);
    read_answer(r);
    REQUIRE(buf_add_char(all, (char)r->status) &&
            buf_add(all, str_of((const char *)r->values, r->n * sizeof *r->values)) &&
            buf_add(all, r->text) && buf_add(all, str_c(r->error)) && buf_add_char(all, '\0'));
}

/* Whether it ended at what is no reply. */
static bool read_all(struct str in, uint8_t cuts, struct buf *all)
{
    struct redis_parser *p = redis_parser_new();
    enum redis_parsed st = REDIS_MORE;
    struct redis_reply r;

    REQUIRE(p);
    buf_init(all, SIZE_MAX / 2);
    for (uint32_t i = 0; in.n && st == REDIS_MORE; i++) {
        if (!redis_parser_feed(p, fuzz_piece(&in, cuts, i)))
            st = REDIS_GARBAGE;
        while (st != REDIS_GARBAGE && (st = redis_parser_next(p, &r)) == REDIS_PARSED)
            note(all, &r);
    }
    redis_parser_free(p);
    return st == REDIS_GARBAGE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data, size};
    uint8_t cuts = fuzz_choice(&in);
    struct buf whole, pieces;
    bool garbage = read_all(in, 0, &whole);
    REQUIRE(read_all(in, cuts, &pieces) == garbage);
    REQUIRE(str_eq(buf_str(&whole), buf_str(&pieces)));
    buf_release(&whole);
    buf_release(&pieces);
    return 0;
}
