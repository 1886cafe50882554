/* Postern's transcoder, as the gateway uses it: an arena per call, the input whole. */
#include "tools/bench/micro/micro.h"

#include <stdio.h>
#include <stdlib.h>

#include "transcoder/decode.h"
#include "transcoder/encode.h"
#include "transcoder/schema_compile.h"

enum { SCHEMA_MEMORY = 64 << 20, CALL_MEMORY = 64 << 20, BLOCK = 16 << 10, DEPTH = 100 };

struct postern {
    struct arena schema_arena, arena;
    const struct tc_schema *schema;
    const struct tc_message *message;
};

static void *open_codec(struct str set, const char *type)
{
    struct postern *p = calloc(1, sizeof *p);
    struct tc_faults faults;

    if (!p)
        return NULL;
    arena_init(&p->schema_arena, BLOCK, SCHEMA_MEMORY);
    arena_init(&p->arena, BLOCK, CALL_MEMORY);
    tc_faults_init(&faults, &p->schema_arena);
    p->schema = schema_compile(set, &p->schema_arena, &faults);
    p->message = p->schema ? tc_schema_message(p->schema, str_c(type)) : NULL;
    return p->message ? p : NULL;
}

static bool to_protobuf(void *codec, struct str json, struct buf *out)
{
    struct postern *p = codec;
    struct tc_error error = {.status = TC_OK};
    struct tc_encode_spec spec = {.schema = p->schema, .message = p->message, .max_depth = DEPTH};

    arena_reset(&p->arena);
    struct tc_encoder *e = tc_encoder_new(&p->arena, &spec, out, &error);
    if (e && tc_encode_feed(e, json) == TC_OK && tc_encode_finish(e) == TC_OK)
        return true;
    fprintf(stderr, "%s: %s (at byte %zu)\n", error.path, error.text, error.offset);
    return false;
}

static bool to_json(void *codec, struct str protobuf, struct buf *out)
{
    struct postern *p = codec;
    struct tc_error error = {.status = TC_OK};
    struct tc_decode_spec spec = {.schema = p->schema, .message = p->message};

    arena_reset(&p->arena);
    struct tc_decoder *d = tc_decoder_new(&p->arena, &spec, protobuf, &error);
    return d && tc_decode_some(d, out, SIZE_MAX) == TC_OK;
}

const struct micro_codec micro_codec = {open_codec, to_protobuf, to_json};
