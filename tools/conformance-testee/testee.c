#include "tools/conformance-testee/testee.h"

#include "tools/conformance-testee/canonical.h"
#include "transcoder/decode.h"
#include "transcoder/encode.h"
#include "transcoder/wire.h"

enum { PAYLOAD_MAX = 256 << 20, SLICE = 64 << 10 };

/* Fields of ConformanceRequest. */
enum {
    IN_PROTOBUF = 1,
    IN_JSON = 2,
    IN_FORMAT = 3, /* enum format */
    IN_TYPE = 4,
    IN_CATEGORY = 5,
    IN_JSPB = 7,
    IN_TEXT = 8,
};

/* Fields of ConformanceResponse. */
enum {
    OUT_PARSE_ERROR = 1,
    OUT_RUNTIME_ERROR = 2,
    OUT_PROTOBUF = 3,
    OUT_JSON = 4,
    OUT_SKIPPED = 5,
    OUT_SERIALIZE_ERROR = 6,
};

enum format { FORMAT_PROTOBUF = 1, FORMAT_JSON = 2 };
enum { CATEGORY_JSON_IGNORE_UNKNOWN = 3 };

struct request {
    uint32_t payload; /* IN_PROTOBUF ... IN_TEXT */
    struct str bytes, type;
    uint64_t format, category;
};

struct test {
    const struct tc_schema *schema;
    struct request request;
    const struct tc_message *type;
    struct arena *arena;
    struct tc_error error;
    struct buf *out;
};

static bool read_request(struct str bytes, struct request *r)
{
    struct tc_wire_field w;
    enum tc_status st;

    *r = (struct request){.bytes = STR("")};
    while ((st = tc_wire_next(&bytes, &w)) == TC_OK) {
        switch (w.number) {
        case IN_FORMAT: r->format = w.value; break;
        case IN_CATEGORY: r->category = w.value; break;
        case IN_TYPE: r->type = w.bytes; break;
        case IN_PROTOBUF:
        case IN_JSON:
        case IN_JSPB:
        case IN_TEXT:
            r->payload = w.number;
            r->bytes = w.bytes;
            break;
        default: break;
        }
    }
    return st == TC_MORE;
}

static bool say(struct test *t, uint32_t what, struct str text)
{
    return tc_put_bytes(t->out, what, text);
}

static bool say_error(struct test *t, uint32_t what)
{
    struct str text = arena_printf(t->arena, "%s: %s (byte %zu)", t->error.path, t->error.text,
                                   t->error.offset);

    return text.p && say(t, what, text);
}

/* ---- the two directions */

static enum tc_status encode(struct test *t, struct buf *message)
{
    bool lenient = t->request.category == CATEGORY_JSON_IGNORE_UNKNOWN;
    struct tc_encode_spec spec = {.schema = t->schema,
                                  .message = t->type,
                                  .ignore_unknown_fields = lenient,
                                  .ignore_unknown_enums = lenient};
    struct tc_encoder *e = tc_encoder_new(t->arena, &spec, message, &t->error);
    enum tc_status st = e ? tc_encode_feed(e, t->request.bytes) : TC_NOMEM;

    return st == TC_OK || st == TC_MORE ? tc_encode_finish(e) : st;
}

static bool answer_json(struct test *t, struct str message)
{
    struct tc_decode_spec spec = {.schema = t->schema, .message = t->type};
    struct tc_decoder *d = tc_decoder_new(t->arena, &spec, message, &t->error);
    enum tc_status st = d ? TC_FULL : TC_NOMEM;
    struct buf json;
    bool ok;

    buf_init(&json, PAYLOAD_MAX);
    while (st == TC_FULL)
        st = tc_decode_some(d, &json, json.n + SLICE);
    ok = st == TC_OK ? say(t, OUT_JSON, buf_str(&json)) : say_error(t, OUT_SERIALIZE_ERROR);
    buf_release(&json);
    return ok;
}

/* `raw` is the message as it came, `message` as a parser and serialiser leave it. JSON is made from
 * what came: a backend need not put its fields in order either. */
static bool answer(struct test *t, struct str raw, struct str message)
{
    switch (t->request.format) {
    case FORMAT_PROTOBUF: return say(t, OUT_PROTOBUF, message);
    case FORMAT_JSON: return answer_json(t, raw);
    default: return say(t, OUT_SKIPPED, STR("text format and JSPB are not spoken here"));
    }
}

static bool from_protobuf(struct test *t, struct buf *message)
{
    if (canonical(t->arena, t->type, t->request.bytes, message, &t->error) != TC_OK)
        return say_error(t, OUT_PARSE_ERROR);
    return answer(t, t->request.bytes, buf_str(message));
}

static bool from_json(struct test *t, struct buf *message)
{
    if (encode(t, message) != TC_OK)
        return say_error(t, OUT_PARSE_ERROR);
    return answer(t, buf_str(message), buf_str(message));
}

bool testee_answer(const struct tc_schema *schema, struct str request, struct arena *arena,
                   struct buf *out)
{
    struct test t = {.schema = schema, .arena = arena, .out = out};
    struct buf message;
    bool ok;

    if (!read_request(request, &t.request))
        return false;
    if (t.request.payload != IN_PROTOBUF && t.request.payload != IN_JSON)
        return say(&t, OUT_SKIPPED, STR("text format and JSPB are not spoken here"));
    t.type = tc_schema_message(schema, t.request.type);
    if (!t.type)
        return say(&t, OUT_RUNTIME_ERROR, STR("the type is not in the descriptor set"));
    buf_init(&message, PAYLOAD_MAX);
    ok = t.request.payload == IN_JSON ? from_json(&t, &message) : from_protobuf(&t, &message);
    buf_release(&message);
    return ok;
}
