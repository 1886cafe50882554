#include "gateway/front/http1_internal.h"
#include "gateway/front/socket_info.h"

/* The head of a request as the exchange sees it, and the rules for it that MHD leaves to us. */

/* The characters of a token (RFC 9110 5.6.2), each in lower case; 0 for all others. */
/* clang-format off */
static const char token_lower[256] = {
    ['!'] = '!', ['#'] = '#', ['$'] = '$', ['%'] = '%', ['&'] = '&', ['\''] = '\'', ['*'] = '*',
    ['+'] = '+', ['-'] = '-', ['.'] = '.', ['^'] = '^', ['_'] = '_', ['`'] = '`', ['|'] = '|',
    ['~'] = '~', ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5',
    ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9', ['a'] = 'a', ['b'] = 'b', ['c'] = 'c',
    ['d'] = 'd', ['e'] = 'e', ['f'] = 'f', ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j',
    ['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n', ['o'] = 'o', ['p'] = 'p', ['q'] = 'q',
    ['r'] = 'r', ['s'] = 's', ['t'] = 't', ['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x',
    ['y'] = 'y', ['z'] = 'z', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd', ['E'] = 'e',
    ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k', ['L'] = 'l',
    ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's',
    ['T'] = 't', ['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z',
};
/* clang-format on */

static bool token(struct str s)
{
    size_t n = 0;
    while (n < s.n && token_lower[(unsigned char)s.p[n]])
        n++;
    return n == s.n && n > 0;
}

/* The first byte that is not visible ASCII or begins a fragment (RFC 9112 3.2), or target.n. */
static size_t target_fault(struct str target)
{
    size_t i = 0;
    while (i < target.n && target.p[i] > ' ' && target.p[i] < 0x7f && target.p[i] != '#')
        i++;
    return i;
}

/* A header's name as lists hold it. A name that is no token stays as it is, and false is returned.
 */
static bool lower(char *p, size_t n)
{
    size_t i = 0;
    for (; i < n && token_lower[(unsigned char)p[i]]; i++)
        p[i] = token_lower[(unsigned char)p[i]];
    return i == n && n > 0;
}

static enum MHD_Result add_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                  size_t name_n, const char *value, size_t value_n)
{
    struct http1_connection *c = cls;
    struct exchange *x = c->x;
    (void)kind;
    struct str key = arena_copy(&x->arena, str_of(name, name_n));
    if (!key.p || !headers_add(&x->request.headers, &x->arena, key, str_of(value, value_n)))
        return MHD_NO;
    if (!lower((char *)(uintptr_t)key.p, key.n))
        c->bad_name = key;
    return MHD_YES;
}

/* "http://host/path" -> "/path"; the host must be the one of the Host header (RFC 9112 3.2.2). */
static bool strip_authority(struct exchange *x, struct str *target)
{
    if (target->n && target->p[0] == '/')
        return true;
    struct str rest = *target;
    for (size_t i = 0; i < 2; i++) {
        static const struct str schemes[] = {STR_INIT("http://"), STR_INIT("https://")};
        if (rest.n < schemes[i].n || !str_eq_nocase(str_of(rest.p, schemes[i].n), schemes[i]))
            continue;
        rest = str_skip(rest, schemes[i].n);
        size_t end = str_find(rest, '/');
        struct str host = headers_get(&x->request.headers, STR("host"));
        *target = end < rest.n ? str_skip(rest, end) : STR("/");
        return str_eq_nocase(str_of(rest.p, end), host);
    }
    return false;
}

static bool content_length(struct http1_connection *c, struct exchange *x)
{
    struct str text = headers_get(&x->request.headers, STR("content-length"));
    bool chunked = headers_get(&x->request.headers, STR("transfer-encoding")).p != NULL;
    x->request.length = 0;
    if (text.p && !str_to_u64(text, UINT64_MAX, &x->request.length))
        return false;
    c->chunked = chunked;
    if (chunked)
        c->received = socket_received(c->fd);
    x->request.has_body = chunked || x->request.length > 0;
    return true;
}

bool http1_fill(struct http1_connection *c, struct exchange *x, const char *method,
                const char *version)
{
    struct request *r = &x->request;
    /* MHD has cut these out of the head and ended them with a NUL. */
    r->method = str_c(method);
    r->protocol = str_c(version);
    r->client = str_c(c->peer);
    r->target = buf_str(&c->target);
    c->bad_name = STR_NONE;
    MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, add_header, c);
    struct str path = r->target;
    struct str rest = path;
    path = str_cut(&rest, '?');
    r->query = rest.p ? rest : STR("");
    if (target_fault(r->target) < r->target.n || !strip_authority(x, &path))
        return false;
    r->path = path;
    return content_length(c, x);
}

static bool version_ok(struct str version)
{
    return str_eq(version, STR("HTTP/1.1")) || str_eq(version, STR("HTTP/1.0"));
}

static bool digits(struct str s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n == s.n;
}

/* uri-host [ ":" port ] of RFC 9110 7.2, as far as it could mislead somebody: no user, no path, no
 * blanks, one port. */
static bool host_ok(struct str host)
{
    for (size_t i = 0; i < host.n; i++)
        if (host.p[i] <= ' ' || host.p[i] >= 0x7f || strchr("@/\\?#<>\"{}|^`,", host.p[i]))
            return false;
    struct str rest = host;
    if (host.n && host.p[0] == '[')
        str_cut(&rest, ']');
    str_cut(&rest, ':');
    return digits(rest);
}

static bool expectation_ok(struct str expect)
{
    return !expect.p || str_eq_nocase(expect, STR("100-continue"));
}

static void refuse_target(struct exchange *x)
{
    struct str target = x->request.target;
    size_t at = target_fault(target);
    x->error.in_target = true;
    if (at < target.n)
        tc_fail(&x->error, TC_INVALID, at, "",
                "byte 0x%02x cannot stand in a request target; write it as %%%02X",
                (unsigned)(unsigned char)target.p[at], (unsigned)(unsigned char)target.p[at]);
    else
        tc_fail(&x->error, TC_INVALID, 0, "",
                "the request target must be a path, or a URL of the host in Host");
    exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 400, "%s", x->error.text);
}

static void refuse_header(struct exchange *x, struct str name, const char *why)
{
    struct str path = arena_printf(&x->arena, "headers[\"%.*s\"]", STR_ARG(name));
    tc_fail(&x->error, TC_INVALID, TC_NO_OFFSET, path.p, "%s", why);
    exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 0, "%.*s: %s", STR_ARG(path), why);
}

bool http1_head_ok(struct http1_connection *c, struct exchange *x, bool filled)
{
    const struct bounds *b = &x->snapshot->bounds;
    const union MHD_ConnectionInfo *size = MHD_get_connection_info(
        c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (c->target.n > b->uri_bytes || c->target.n == 0)
        exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 414,
                      "the request target is longer than %u bytes", b->uri_bytes);
    else if (size && size->header_size > b->header_bytes)
        exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 431,
                      "the head of the request is longer than %u bytes", b->header_bytes);
    else if (x->request.headers.n > b->header_count)
        exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 431, "more than %u headers", b->header_count);
    else if (!version_ok(x->request.protocol))
        exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 505, "only HTTP/1.1 and HTTP/1.0 are spoken");
    else if (!token(x->request.method))
        exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 400, "the request method is not a token");
    else if (str_eq(x->request.method, STR("CONNECT")))
        exchange_fail(x, TC_CODE_UNIMPLEMENTED, 0, "CONNECT asks for a proxy; this is none");
    else if (!host_ok(headers_get(&x->request.headers, STR("host"))))
        refuse_header(x, STR("host"), "the value is not a host");
    else if (!expectation_ok(headers_get(&x->request.headers, STR("expect"))))
        exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 417, "only 100-continue may be expected");
    else if (c->bad_name.p)
        refuse_header(x, c->bad_name, "the name is not a token");
    else if (!filled)
        refuse_target(x);
    return !x->answer.ready;
}
