#include "transcoder/decode_internal.h"
#include "transcoder/text.h"

/* google.protobuf.Any: {"@type": url, fields...}, or {"@type": url, "value": ...} when the
 * message's JSON is no object of its fields. */

enum { TYPE_URL_MAX = 2000 }; /* less than TC_DEC_PIECE: written at once */

static enum tc_status read_any(struct tc_decoder *d, struct str rest, struct str *url,
                               struct str *value)
{
    struct tc_wire_field w;
    enum tc_status st;
    const char *at = rest.p;
    *url = *value = STR("");
    for (; (st = tc_wire_next(&rest, &w)) == TC_OK; at = rest.p) {
        if (w.number == 1 && w.type == TC_LEN)
            *url = w.bytes;
        else if (w.number == 2 && w.type == TC_LEN)
            *value = w.bytes;
    }
    return st == TC_MORE ? TC_OK : tc_dec_malformed(d, at);
}

/* "type.googleapis.com/pkg.Message": what follows the last slash; there has to be one. */
static const struct tc_message *resolve(const struct tc_decoder *d, struct str url)
{
    size_t slash = url.n;
    while (slash > 0 && url.p[slash - 1] != '/')
        slash--;
    return slash && d->spec.schema ? tc_schema_message(d->spec.schema, str_skip(url, slash)) : NULL;
}

static enum tc_status put_type(struct tc_decoder *d, struct str url)
{
    enum tc_status st = tc_dec_put(d, STR("{\"@type\":"));
    return st == TC_OK ? tc_dec_string(d, url) : st;
}

/* `"value":` under a frame that has only the brace left to write. */
static enum tc_status begin_value(struct tc_decoder *d, const struct tc_message *any,
                                  struct str payload)
{
    if (!tc_dec_push(d, any, payload, TC_DEC_CLOSE))
        return d->status;
    return tc_dec_put(d, STR(",\"value\":"));
}

static enum tc_status unknown_type(struct tc_decoder *d, const struct tc_message *any,
                                   struct str url, struct str value)
{
    if (!d->spec.lenient_any)
        return tc_dec_fail(d, TC_INVALID, url.p, "the type of the Any is not known: \"%.*s\"",
                           STR_ARG(tc_utf8_valid(url) ? url : STR("(not UTF-8)")));
    enum tc_status st = put_type(d, url);
    if (st == TC_OK)
        st = begin_value(d, any, value);
    return st == TC_OK ? tc_dec_bytes(d, value) : st;
}

static enum tc_status write_fields(struct tc_decoder *d, const struct tc_message *m,
                                   struct str value)
{
    struct tc_dec_frame *f = tc_dec_push(d, m, value, TC_DEC_FIELD);
    if (!f)
        return d->status;
    f->started = true; /* "@type" is the first member */
    return tc_dec_enter(d, f);
}

enum tc_status tc_dec_any(struct tc_decoder *d, const struct tc_message *any, struct str payload)
{
    struct str url, value;
    enum tc_status st = read_any(d, payload, &url, &value);
    if (st != TC_OK)
        return st;
    if (url.n == 0 && value.n == 0)
        return tc_dec_put(d, STR("{}"));
    if (url.n > TYPE_URL_MAX)
        return tc_dec_fail(d, TC_INVALID, url.p, "the type URL of the Any is longer than %d bytes",
                           TYPE_URL_MAX);
    const struct tc_message *m = resolve(d, url);
    if (!m)
        return unknown_type(d, any, url, value);
    st = put_type(d, url);
    if (st == TC_OK && (m->wkt == TC_WKT_NONE || m->wkt == TC_WKT_HTTP_BODY))
        return write_fields(d, m, value);
    if (st == TC_OK)
        st = begin_value(d, any, value);
    return st == TC_OK ? tc_dec_message(d, m, value) : st;
}
