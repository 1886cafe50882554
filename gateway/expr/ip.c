#include "gateway/expr/ip.h"

#include <arpa/inet.h>
#include <stdio.h>

/* inet_pton wants a NUL: no address is longer than this. */
enum { ADDRESS_TEXT_MAX = 46 };

const char *expr_ip_parse(struct str s, struct expr_value *out)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char text[ADDRESS_TEXT_MAX] = "";

    *out = (struct expr_value){.kind = EXPR_IP};
    if (str_find(s, '%') < s.n)
        return "an IP address with a zone is not allowed";
    if (s.n >= sizeof text || str_find(s, '\0') < s.n)
        return "IP address parse error";
    memcpy(text, s.p ? s.p : "", s.n);
    out->v4 = inet_pton(AF_INET, text, out->ip.bytes) == 1;
    if (!out->v4 && inet_pton(AF_INET6, text, out->ip.bytes) != 1)
        return "IP address parse error";
    if (!out->v4 && memcmp(out->ip.bytes, mapped, sizeof mapped) == 0)
        return "an IPv4-mapped IPv6 address is not allowed";
    return NULL;
}

const char *expr_cidr_parse(struct str s, struct expr_value *out)
{
    size_t slash = str_find(s, '/');
    struct str digits = str_skip(s, slash + 1);
    uint64_t prefix;

    const char *why = expr_ip_parse(str_of(s.p, slash), out);
    if (why)
        return why;
    out->kind = EXPR_CIDR;
    if (slash == s.n || !str_to_u64(digits, out->v4 ? 32 : 128, &prefix) ||
        (digits.n > 1 && digits.p[0] == '0'))
        return "network address parse error: an address, a slash and the prefix's bits are needed";
    out->prefix = (uint8_t)prefix;
    return NULL;
}

/* The longest run of two or more zero groups, the first of equal ones: [*from, *to). */
static void longest_zeros(const uint16_t groups[8], int *from, int *to)
{
    *from = *to = 8;
    for (int i = 0; i < 8; i++) {
        int end = i;
        while (end < 8 && groups[end] == 0)
            end++;
        if (end - i >= 2 && end - i > *to - *from) {
            *from = i;
            *to = end;
        }
    }
}

static int print_v6(char *out, const uint8_t *b)
{
    uint16_t groups[8];
    int from, to, n = 0;

    for (int i = 0; i < 8; i++)
        groups[i] = (uint16_t)(b[2 * i] << 8 | b[2 * i + 1]);
    longest_zeros(groups, &from, &to);
    for (int i = 0; i < 8; i++) {
        if (i == from) {
            n += snprintf(out + n, 3, "::");
            i = to - 1;
            continue;
        }
        n += snprintf(out + n, 6, i == 0 || i == to ? "%x" : ":%x", groups[i]);
    }
    return n;
}

size_t expr_ip_print(char *out, const struct expr_value *v)
{
    const uint8_t *b = v->ip.bytes;
    int n = v->v4 ? snprintf(out, EXPR_IP_TEXT_MAX, "%d.%d.%d.%d", b[0], b[1], b[2], b[3])
                  : print_v6(out, b);
    if (v->kind == EXPR_CIDR)
        n += snprintf(out + n, 5, "/%d", v->prefix);
    return (size_t)n;
}

struct expr_value expr_cidr_masked(const struct expr_value *cidr)
{
    struct expr_value v = *cidr;
    for (unsigned i = 0; i < sizeof v.ip.bytes; i++) {
        unsigned keep = v.prefix > 8 * i ? v.prefix - 8 * i : 0;
        if (keep < 8)
            v.ip.bytes[i] &= (uint8_t)(0xff00 >> keep);
    }
    return v;
}

bool expr_cidr_contains(const struct expr_value *cidr, const struct expr_value *ip)
{
    struct expr_value other = *ip;
    if (cidr->v4 != ip->v4)
        return false;
    other.prefix = cidr->prefix;
    struct expr_value a = expr_cidr_masked(cidr), b = expr_cidr_masked(&other);
    return memcmp(a.ip.bytes, b.ip.bytes, sizeof a.ip.bytes) == 0;
}

bool expr_ip_in(const struct expr_value *ip, const char *cidr)
{
    struct expr_value v;
    return !expr_cidr_parse(str_c(cidr), &v) && expr_cidr_contains(&v, ip);
}
