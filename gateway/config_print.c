#include "gateway/config_internal.h"
#include "gen/postern/v1/config.postern.h"
#include "transcoder/decode.h"

enum { PRINT_ARENA_MAX = 1 << 20, PRINT_WIRE_MAX = 4 << 20 };

/* The way of an answer to a client: message, wire, JSON. */
static bool print(const Postern__V1__Config *m, struct buf *wire, struct buf *out)
{
    size_t n = postern__v1__config__get_packed_size(m);
    char *to = buf_reserve(wire, n);
    if (!to)
        return false;
    wire->n = postern__v1__config__pack(m, (uint8_t *)to);

    struct tc_decode_spec spec = {
        .schema = &postern_schema_postern_v1_config,
        .message = tc_schema_message(&postern_schema_postern_v1_config, STR("postern.v1.Config")),
        .proto_names = true,
        .int64_as_numbers = true,
    };
    struct arena arena;
    arena_init(&arena, 4096, PRINT_ARENA_MAX);
    struct tc_decoder *d = tc_decoder_new(&arena, &spec, buf_str(wire), NULL);
    bool ok = d && tc_decode_some(d, out, SIZE_MAX) == TC_OK;
    arena_release(&arena);
    return ok;
}

bool config_print(const struct config *c, struct buf *out)
{
    struct buf wire;
    buf_init(&wire, PRINT_WIRE_MAX);
    bool ok = print(c->message, &wire, out);
    buf_release(&wire);
    return ok;
}
