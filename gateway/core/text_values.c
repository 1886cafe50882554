#include "gateway/core/text_values.h"

enum { UNIX_PATH_MAX_BYTES = 107, HOST_MAX_BYTES = 253 };

bool duration_parse(struct str text, uint32_t *ms)
{
    static const struct {
        struct str unit;
        uint64_t ms;
    } units[] = {
        {STR_INIT("ms"), 1},
        {STR_INIT("s"), 1000},
        {STR_INIT("m"), 60 * 1000},
        {STR_INIT("h"), 60 * 60 * 1000},
    };
    size_t digits = 0;
    while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    uint64_t count;
    if (!str_to_u64(str_of(text.p, digits), 0x7fffffff, &count))
        return false;
    struct str unit = str_skip(text, digits);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (str_eq(unit, units[i].unit)) {
            uint64_t total = count * units[i].ms;
            *ms = (uint32_t)total;
            return total <= 0x7fffffff;
        }
    return false;
}

static bool is_host(struct str host)
{
    if (host.n == 0 || host.n > HOST_MAX_BYTES)
        return false;
    for (size_t i = 0; i < host.n; i++) {
        char c = host.p[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.' || c == '_';
        if (!ok)
            return false;
    }
    return true;
}

static bool is_v6(struct str host)
{
    if (host.n < 2 || host.n > 45)
        return false;
    for (size_t i = 0; i < host.n; i++)
        if (!strchr("0123456789abcdefABCDEF:.", host.p[i]) || !host.p[i])
            return false;
    return str_find(host, ':') < host.n;
}

bool address_parse(struct str text, struct address *out)
{
    *out = (struct address){0};
    if (str_starts(text, STR("unix:"))) {
        out->host = str_skip(text, 5);
        out->is_unix = true;
        return out->host.n > 0 && out->host.n <= UNIX_PATH_MAX_BYTES &&
               str_find(out->host, '\0') == out->host.n;
    }
    size_t colon = text.n;
    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    uint64_t port;
    if (colon == 0 || !str_to_u64(str_skip(text, colon), 65535, &port) || port == 0)
        return false;
    out->port = (uint16_t)port;
    struct str host = str_of(text.p, colon - 1);
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
        out->host = str_of(host.p + 1, host.n - 2);
        return is_v6(out->host);
    }
    out->host = host;
    return is_host(host);
}

bool endpoint_valid(struct str text)
{
    struct address unused;
    return address_parse(text, &unused);
}
