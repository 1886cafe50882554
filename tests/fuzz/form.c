/* multipart/form-data into a message, cut anywhere: judged alike, and what is taken is valid
 * protobuf. */
#include "transcoder/form.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/support/sets.h"
#include "transcoder/wire.h"

/* The mask that a PATCH would get: paths and nothing else. */
static bool mask_is_whole(const struct tc_binding *binding)
{
    struct tc_wire_field path;
    struct buf mask;

    buf_init(&mask, SIZE_MAX / 2);
    bool ok = tc_binding_mask(binding, binding->root, &mask) == TC_OK;
    struct str rest = buf_str(&mask);
    while (ok && rest.n)
        ok = tc_wire_next(&rest, &path) == TC_OK && path.number == 1 && path.bytes.n;
    buf_release(&mask);
    return ok;
}

static enum tc_status read_all(struct str in, uint8_t cuts, const struct tc_message *m,
                               struct buf *out)
{
    struct tc_form_spec spec = {.ignore_unknown = cuts & 64};
    struct tc_error error = {0};
    struct tc_binding binding;
    struct arena arena;

    arena_init(&arena, 4096, SIZE_MAX);
    buf_init(out, SIZE_MAX / 2);
    tc_binding_init(&binding, &arena, m, &error);
    struct tc_form *f = tc_form_new(&spec, &binding, STR("multipart/form-data; boundary=b"));
    enum tc_status st = TC_MORE;
    for (uint32_t i = 0; in.n && st == TC_MORE; i++)
        st = tc_form_feed(f, fuzz_piece(&in, cuts & 63, i));
    if (st == TC_MORE)
        st = tc_form_finish(f);
    if (st == TC_OK)
        REQUIRE(tc_binding_write(&binding, out) == TC_OK && mask_is_whole(&binding));
    else
        REQUIRE(error.status == st && error.text[0]);
    tc_form_release(f);
    tc_binding_release(&binding);
    arena_release(&arena);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct set s; /* breach: loaded once */
    struct str in = {(const char *)data, size};
    uint8_t which = fuzz_choice(&in), cuts = fuzz_choice(&in);
    struct buf whole, pieces;
    if (!s.schema)
        s = set_load("bodies.pb");
    const struct tc_message *m = s.schema->messages[which % s.schema->nmessages];
    enum tc_status st = read_all(in, cuts & 64, m, &whole);
    REQUIRE(read_all(in, cuts, m, &pieces) == st);
    REQUIRE(str_eq(buf_str(&whole), buf_str(&pieces)));
    if (st == TC_OK)
        REQUIRE(tc_wire_check(m, buf_str(&whole), TC_WIRE_TYPED, NULL) == TC_OK);
    buf_release(&whole);
    buf_release(&pieces);
    return 0;
}
