#include "gateway/core/metadata.h"

#include "transcoder/text.h"

#include <stdio.h>

/* Which way a rule holds. */
enum { UP = 1, DOWN = 2 };

/* Headers that end at the gateway. Whole names, or beginnings where they end with '-'. */
static const struct {
    struct str name;
    int ways;
} not_forwarded[] = {
    /* RFC 9110 7.6.1: they speak of this connection; te, host and upgrade are set anew */
    {STR_INIT("connection"), UP | DOWN},
    {STR_INIT("keep-alive"), UP | DOWN},
    {STR_INIT("proxy-"), UP | DOWN},
    {STR_INIT("te"), UP | DOWN},
    {STR_INIT("trailer"), UP | DOWN},
    {STR_INIT("transfer-encoding"), UP | DOWN},
    {STR_INIT("upgrade"), UP | DOWN},
    {STR_INIT("host"), UP | DOWN},
    {STR_INIT("expect"), UP | DOWN},
    {STR_INIT("http2-settings"), UP | DOWN},
    {STR_INIT("sec-websocket-"), UP | DOWN},
    /* The body is another one on the other side. */
    {STR_INIT("content-"), UP | DOWN},
    {STR_INIT("accept-encoding"), UP | DOWN},
    /* gRPC's own; grpc-timeout is read elsewhere */
    {STR_INIT("grpc-"), UP | DOWN},
    /* What the client must hear from the gateway alone: a cookie, an alternative address or a
     * second Date of the model server is none of its business. */
    {STR_INIT("set-cookie"), DOWN},
    {STR_INIT("alt-svc"), DOWN},
    {STR_INIT("date"), DOWN},
};

static bool forwarded(struct str name, int way)
{
    for (size_t i = 0; i < sizeof not_forwarded / sizeof *not_forwarded; i++) {
        struct str rule = not_forwarded[i].name;
        if (!(not_forwarded[i].ways & way) || name.n == 0 || name.p[0] != rule.p[0])
            continue; /* nearly all are told apart by their first letter */
        if (rule.p[rule.n - 1] == '-' ? str_starts(name, rule) : str_eq(name, rule))
            return false;
    }
    return true;
}

/* PROTOCOL-HTTP2 Header-Name: 1*( %x30-39 / %x61-7A / "_" / "-" / "." ). Pseudo-headers and every
 * other token of RFC 9110 5.6.2 fall out here. */
static bool is_metadata_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                  c == '.';
        if (!ok)
            return false;
    }
    return name.n > 0;
}

/* PROTOCOL-HTTP2 ASCII-Value: %x20-7E. Returns the offset of the first other byte, or value.n. */
static size_t ascii_end(struct str value)
{
    size_t i = 0;
    while (i < value.n && value.p[i] >= 0x20 && value.p[i] <= 0x7e)
        i++;
    return i;
}

/* True when there is more in Connection headers than the usual: then each name must be looked for.
 */
static bool connection_names_any(const struct headers *request)
{
    for (uint32_t i = 0; i < request->n; i++) {
        struct str value = str_trim(request->items[i].value);
        if (str_eq(request->items[i].name, STR("connection")) &&
            !str_eq_nocase(value, STR("keep-alive")) && !str_eq_nocase(value, STR("close")))
            return true;
    }
    return false;
}

/* RFC 9110 7.6.1: a header whose name is an option of Connection is for this hop alone. */
static bool named_by_connection(const struct headers *request, struct str name)
{
    for (uint32_t i = 0; i < request->n; i++) {
        struct str rest = request->items[i].value;
        if (!str_eq(request->items[i].name, STR("connection")))
            continue;
        while (rest.p)
            if (str_eq_nocase(str_trim(str_cut(&rest, ',')), name))
                return true;
    }
    return false;
}

/* The base64 text of one value in the one form that every gRPC peer reads: standard alphabet, no
 * padding. p == NULL: memory is short or, with *valid false, the text is no base64. */
static struct str canonical_base64(struct str text, struct arena *arena, bool *valid)
{
    struct buf bytes, encoded;
    struct str out = STR_NONE;
    size_t bad;

    buf_init(&bytes, text.n + 4);
    buf_init(&encoded, 2 * text.n + 8);
    *valid = true;
    if (buf_reserve(&bytes, text.n + 4))
        *valid = tc_base64_decode(&bytes, text, &bad);
    if (*valid && bytes.p && tc_base64_encode(&encoded, buf_str(&bytes))) {
        struct str padded = buf_str(&encoded);
        while (padded.n && padded.p[padded.n - 1] == '=')
            padded.n--;
        out = arena_copy(arena, padded);
    }
    buf_release(&bytes);
    buf_release(&encoded);
    return out;
}

/* headers["x-name"]: as expressions write it. `sentence` is the arena's, or NULL for want of
 * memory. */
static enum tc_status refuse(struct str name, struct str sentence, struct tc_error *error)
{
    char path[TC_ERROR_PATH_MAX];

    if (!sentence.p)
        return tc_fail(error, TC_NOMEM, TC_NO_OFFSET, "", "Out of memory for headers.");
    snprintf(path, sizeof path, "headers[\"%.*s\"]", (int)(name.n < 200 ? name.n : 200), name.p);
    return tc_fail(error, TC_INVALID, TC_NO_OFFSET, path, "%.*s", STR_ARG(sentence));
}

/* One header line may hold several values, joined with commas (PROTOCOL-HTTP2). */
static enum tc_status add_binary(struct str name, const struct header *h, struct headers *out,
                                 struct arena *arena, struct tc_error *error)
{
    struct str values = h->value;

    do {
        bool valid;
        struct str value = canonical_base64(str_trim(str_cut(&values, ',')), arena, &valid);
        if (!valid)
            return refuse(
                h->name,
                STR("the value is not base64; names that end with \"-bin\" carry bytes in "
                    "base64"),
                error);
        if (!value.p || !headers_add(out, arena, name, value))
            return tc_fail(error, TC_NOMEM, TC_NO_OFFSET, "", "Out of memory for headers.");
    } while (values.p);
    return TC_OK;
}

static enum tc_status add_ascii(struct str name, const struct header *h, struct headers *out,
                                struct arena *arena, struct tc_error *error)
{
    struct str value = str_trim(h->value);
    size_t bad = ascii_end(value);
    if (bad < value.n)
        return refuse(h->name,
                      arena_printf(arena,
                                   "byte 0x%02x of the value cannot be carried by gRPC metadata; "
                                   "send printable ASCII, or base64 under the name \"%.*s-bin\"",
                                   (unsigned)(unsigned char)value.p[bad], STR_ARG(h->name)),
                      error);
    if (!headers_add(out, arena, name, value))
        return tc_fail(error, TC_NOMEM, TC_NO_OFFSET, "", "Out of memory for headers.");
    return TC_OK;
}

/* ---- there ---- */

#define PREFIX STR("grpc-metadata-")

static enum tc_status add(struct str name, const struct header *h, struct headers *out,
                          struct arena *arena, struct tc_error *error)
{
    /* That name is the one of our own HTTP/2 client. */
    if (str_eq(name, STR("user-agent")))
        name = STR("x-forwarded-user-agent");
    if (str_ends(name, STR("-bin")))
        return add_binary(name, h, out, arena, error);
    return add_ascii(name, h, out, arena, error);
}

/* Why `name` cannot be what the header `h` sets; NULL: it can. */
static const char *unfit(struct str name, const struct header *h)
{
    bool asked = name.n < h->name.n; /* by the prefix: a header of that name would stay here */

    /* Many servers read x_user as x-user: who may not set the one shall not set it as the other. */
    if (str_find(name, '_') < name.n)
        return "the name has an underscore; write a hyphen";
    if (!is_metadata_name(name))
        return "gRPC metadata cannot have this name; letters, digits, \"-\" and \".\" can";
    if (asked && !metadata_settable(name) && !str_eq(name, STR("user-agent")))
        return "this name is the gateway's, HTTP's or gRPC's own; choose another behind "
               "\"Grpc-Metadata-\"";
    return NULL;
}

struct str metadata_name(struct str header)
{
    return str_starts(header, PREFIX) ? str_skip(header, PREFIX.n) : header;
}

enum tc_status metadata_from_headers(const struct headers *request, struct headers *out,
                                     struct arena *arena, struct tc_error *error)
{
    bool look = connection_names_any(request);
    enum tc_status st = TC_OK;
    for (uint32_t i = 0; i < request->n && st == TC_OK; i++) {
        const struct header *h = &request->items[i];
        struct str name = metadata_name(h->name);
        bool asked = name.n < h->name.n;
        if (!asked && !forwarded(name, UP))
            continue;
        if (look && (named_by_connection(request, h->name) || named_by_connection(request, name)))
            continue;
        const char *why = unfit(name, h);
        st = why ? refuse(h->name, str_c(why), error) : add(name, h, out, arena, error);
    }
    return st;
}

/* ---- and back ---- */

bool metadata_to_headers(const struct header *metadata, size_t n, struct headers *out,
                         struct arena *arena)
{
    for (size_t i = 0; i < n; i++) {
        const struct header *h = &metadata[i];
        if (!is_metadata_name(h->name) || !forwarded(h->name, DOWN) ||
            ascii_end(h->value) < h->value.n)
            continue;
        struct str name = arena_copy(arena, h->name), value = arena_copy(arena, h->value);
        if (!name.p || !value.p || !headers_add(out, arena, name, value))
            return false;
    }
    return true;
}

/* From the longest to the shortest. */
static const struct {
    char unit;
    uint64_t ns;
} timeout_units[] = {
    {'H', 3600000000000}, {'M', 60000000000}, {'S', 1000000000},
    {'m', 1000000},       {'u', 1000},        {'n', 1},
};

enum { TIMEOUT_UNITS = sizeof timeout_units / sizeof *timeout_units, TIMEOUT_MAX = 99999999 };

bool metadata_timeout_parse(struct str text, uint64_t *ns)
{
    uint64_t count;
    if (text.n < 2 || !str_to_u64(str_of(text.p, text.n - 1), TIMEOUT_MAX, &count) || text.n > 9)
        return false;
    for (int i = 0; i < TIMEOUT_UNITS; i++)
        if (timeout_units[i].unit == text.p[text.n - 1]) {
            if (__builtin_mul_overflow(count, timeout_units[i].ns, ns))
                *ns = UINT64_MAX;
            return true;
        }
    return false;
}

size_t metadata_timeout_print(char *out, uint64_t ns)
{
    int i = TIMEOUT_UNITS - 1;
    if (ns == 0)
        ns = 1;
    while (ns / timeout_units[i].ns + (ns % timeout_units[i].ns != 0) > TIMEOUT_MAX)
        i--;
    uint64_t count = ns / timeout_units[i].ns + (ns % timeout_units[i].ns != 0);

    char digits[8];
    size_t n = 0, at = 0;
    for (; count; count /= 10)
        digits[n++] = (char)('0' + count % 10);
    while (n)
        out[at++] = digits[--n];
    out[at++] = timeout_units[i].unit;
    return at;
}

bool metadata_settable(struct str name)
{
    return is_metadata_name(name) && forwarded(name, UP) && !str_eq(name, STR("x-request-id")) &&
           !str_eq(name, STR("user-agent"));
}
