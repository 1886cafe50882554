#include "transcoder/status.h"

#include "transcoder/decode.h"
#include "transcoder/rpc_schema.h"
#include "transcoder/text.h"
#include "transcoder/wire.h"

#include <stdio.h>

static const struct {
    struct str name;
    int http;
} codes[TC_CODE_COUNT] = {
    [TC_CODE_OK] = {STR_INIT("OK"), 200},
    [TC_CODE_CANCELLED] = {STR_INIT("CANCELLED"), 499},
    [TC_CODE_UNKNOWN] = {STR_INIT("UNKNOWN"), 500},
    [TC_CODE_INVALID_ARGUMENT] = {STR_INIT("INVALID_ARGUMENT"), 400},
    [TC_CODE_DEADLINE_EXCEEDED] = {STR_INIT("DEADLINE_EXCEEDED"), 504},
    [TC_CODE_NOT_FOUND] = {STR_INIT("NOT_FOUND"), 404},
    [TC_CODE_ALREADY_EXISTS] = {STR_INIT("ALREADY_EXISTS"), 409},
    [TC_CODE_PERMISSION_DENIED] = {STR_INIT("PERMISSION_DENIED"), 403},
    [TC_CODE_RESOURCE_EXHAUSTED] = {STR_INIT("RESOURCE_EXHAUSTED"), 429},
    [TC_CODE_FAILED_PRECONDITION] = {STR_INIT("FAILED_PRECONDITION"), 400},
    [TC_CODE_ABORTED] = {STR_INIT("ABORTED"), 409},
    [TC_CODE_OUT_OF_RANGE] = {STR_INIT("OUT_OF_RANGE"), 400},
    [TC_CODE_UNIMPLEMENTED] = {STR_INIT("UNIMPLEMENTED"), 501},
    [TC_CODE_INTERNAL] = {STR_INIT("INTERNAL"), 500},
    [TC_CODE_UNAVAILABLE] = {STR_INIT("UNAVAILABLE"), 503},
    [TC_CODE_DATA_LOSS] = {STR_INIT("DATA_LOSS"), 500},
    [TC_CODE_UNAUTHENTICATED] = {STR_INIT("UNAUTHENTICATED"), 401},
};

static const struct {
    int http;
    enum tc_code code;
} from_http[] = {
    {400, TC_CODE_INTERNAL},      {401, TC_CODE_UNAUTHENTICATED}, {403, TC_CODE_PERMISSION_DENIED},
    {404, TC_CODE_UNIMPLEMENTED}, {429, TC_CODE_UNAVAILABLE},     {502, TC_CODE_UNAVAILABLE},
    {503, TC_CODE_UNAVAILABLE},   {504, TC_CODE_UNAVAILABLE},
};

static enum tc_code known_code(enum tc_code code)
{
    return (unsigned)code < TC_CODE_COUNT ? code : TC_CODE_UNKNOWN;
}

struct str tc_code_name(enum tc_code code)
{
    return codes[known_code(code)].name;
}

bool tc_code_from_name(struct str name, enum tc_code *out)
{
    for (unsigned i = 0; i < TC_CODE_COUNT; i++) {
        if (str_eq(name, codes[i].name)) {
            *out = (enum tc_code)i;
            return true;
        }
    }
    return false;
}

int tc_code_to_http(enum tc_code code)
{
    return codes[known_code(code)].http;
}

enum tc_code tc_code_from_http(int http_status)
{
    for (size_t i = 0; i < sizeof from_http / sizeof *from_http; i++)
        if (from_http[i].http == http_status)
            return from_http[i].code;
    return TC_CODE_UNKNOWN;
}

enum tc_code tc_code_parse(struct str text)
{
    /* PROTOCOL-HTTP2 Status: digits without leading zeros; "00" is a peer that does not know the
     * protocol. */
    bool padded = text.n > 1 && text.p[0] == '0';
    uint64_t number;
    return !padded && str_to_u64(text, TC_CODE_COUNT - 1, &number) ? (enum tc_code)number
                                                                   : TC_CODE_UNKNOWN;
}

/* ---- google.rpc.Status as JSON */

enum { STATUS_DETAILS = 3, ANY_TYPE_URL = 1 };

/* The array of details while it grows. */
struct details {
    struct buf *out;
    const struct tc_schema *schema;
    struct arena *arena;
    bool any; /* one was written */
};

static bool next_detail(struct details *d)
{
    bool first = !d->any;
    d->any = true;
    return first || buf_add_char(d->out, ',');
}

/* The user's schema when it knows the type, else ours. */
static const struct tc_schema *schema_for(const struct details *d, struct str any)
{
    struct tc_wire_field url;
    if (!d->schema || !tc_wire_find(any, ANY_TYPE_URL, TC_LEN, &url))
        return &tc_rpc_schema;
    struct str name = url.bytes;
    for (size_t slash; (slash = str_find(name, '/')) < name.n;)
        name = str_skip(name, slash + 1);
    return tc_schema_message(d->schema, name) ? d->schema : &tc_rpc_schema;
}

/* One Any by `schema`; nothing when that fails. */
static enum tc_status write_detail(struct details *d, struct str any,
                                   const struct tc_schema *schema)
{
    struct details before = *d;
    size_t n = d->out->n;
    struct tc_decode_spec spec = {.schema = schema, .message = &tc_rpc_any, .lenient_any = true};
    struct tc_decoder *decoder = tc_decoder_new(d->arena, &spec, any, NULL);
    if (!decoder || !next_detail(d))
        return TC_NOMEM;
    enum tc_status st = tc_decode_some(decoder, d->out, SIZE_MAX);
    if (st != TC_OK) {
        d->out->n = n;
        *d = before;
    }
    return st;
}

/* One Any. A value that is not what its type says is shown as one of a type that nobody knows; only
 * an Any that is none leaves no trace. False: a lack of room or memory. */
static bool put_detail(struct details *d, struct str any)
{
    enum tc_status st = write_detail(d, any, schema_for(d, any));
    if (st == TC_INVALID)
        st = write_detail(d, any, NULL);
    return st == TC_OK || st == TC_INVALID;
}

static bool put_details(struct details *d, struct str status)
{
    struct tc_wire_field w;
    while (tc_wire_next(&status, &w) == TC_OK)
        if (w.number == STATUS_DETAILS && w.type == TC_LEN && !put_detail(d, w.bytes))
            return false;
    return true;
}

static bool put_violation(struct details *d, const struct tc_error *e)
{
    char text[TC_ERROR_TEXT_MAX + 64];
    int n = e->offset == TC_NO_OFFSET
                ? snprintf(text, sizeof text, "%s", e->text)
                : snprintf(text, sizeof text, "%s (at byte %zu%s)", e->text, e->offset,
                           e->in_target ? " of the request target" : "");
    return n >= 0 && next_detail(d) &&
           buf_add(d->out, STR("{\"@type\":\"type.googleapis.com/google.rpc.BadRequest\","
                               "\"fieldViolations\":[{\"field\":")) &&
           tc_json_string(d->out, str_c(e->path)) && buf_add(d->out, STR(",\"description\":")) &&
           tc_json_string(d->out, str_of(text, (size_t)n)) && buf_add(d->out, STR("}]}"));
}

static bool put_status(struct details *d, const struct tc_error_info *info)
{
    return buf_printf(d->out, "{\"code\":%d,\"message\":", (int)info->code) &&
           tc_json_string(d->out, info->message) && buf_add(d->out, STR(",\"details\":[")) &&
           (!info->where || put_violation(d, info->where)) && put_details(d, info->details) &&
           buf_add(d->out, STR("]}"));
}

bool tc_status_json(struct buf *out, const struct tc_error_info *info,
                    const struct tc_schema *schema, struct arena *arena)
{
    size_t before = out->n;
    struct details d = {.out = out, .schema = schema, .arena = arena};
    if (put_status(&d, info))
        return true;
    out->n = before;
    return false;
}
