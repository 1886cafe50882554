/* IP addresses and prefixes: the network extension, as Kubernetes has it. Addresses with a zone and
 * IPv4 ones that are written as IPv6 are refused: they would compare unlike what they reach. */
#include "gateway/expr/function.h"
#include "gateway/expr/ip.h"
#include "gateway/expr/values.h"

static struct expr_value wrong(struct expr_run *r, struct str s, const char *why)
{
    return expr_fail(r, EXPR_FAIL_BAD_VALUE, "\"%.*s\": %s", (int)(s.n < 64 ? s.n : 64),
                     s.n ? s.p : "", why);
}

static struct expr_value ip_of(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value v;
    const char *why = expr_ip_parse(args[0].s, &v);
    (void)n;
    return why ? wrong(r, args[0].s, why) : v;
}

static struct expr_value cidr_of(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value v;
    const char *why = expr_cidr_parse(args[0].s, &v);
    (void)n;
    return why ? wrong(r, args[0].s, why) : v;
}

/* An IPv6 address down to so many bits; an IPv4 address has no more than 32, so that
 * cidr(source.ip, 64) is one IPv4 address or one network of IPv6. */
static struct expr_value cidr_of_bits(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value v = args[0];
    int64_t most = v.v4 ? 32 : 128;
    (void)n;
    if (args[1].i < 0 || args[1].i > 128)
        return expr_fail(r, EXPR_FAIL_RANGE, "%lld is no length of a prefix", (long long)args[1].i);
    v.kind = EXPR_CIDR;
    v.prefix = (uint8_t)(args[1].i < most ? args[1].i : most);
    return expr_cidr_masked(&v);
}

static struct expr_value is_ip(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value v;
    (void)r, (void)n;
    return expr_bool(!expr_ip_parse(args[0].s, &v));
}

static struct expr_value is_cidr(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value v;
    (void)r, (void)n;
    return expr_bool(!expr_cidr_parse(args[0].s, &v));
}

static struct expr_value text(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    char *p = expr_alloc(r, EXPR_IP_TEXT_MAX);
    (void)n;
    return p ? expr_string(str_of(p, expr_ip_print(p, &args[0]))) : expr_no_memory();
}

static struct expr_value is_canonical(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    char out[EXPR_IP_TEXT_MAX];
    struct expr_value v = ip_of(r, args, n);
    if (v.kind == EXPR_ERROR)
        return v;
    return expr_bool(str_eq(args[0].s, str_of(out, expr_ip_print(out, &v))));
}

static struct expr_value family(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_int(args[0].v4 ? 4 : 6);
}

static struct expr_value in_class(const struct expr_value *v, const char *v4, const char *v6)
{
    return expr_bool(expr_ip_in(v, v->v4 ? v4 : v6));
}

static struct expr_value is_unspecified(struct expr_run *r, const struct expr_value *args,
                                        uint32_t n)
{
    (void)r, (void)n;
    return in_class(args, "0.0.0.0/32", "::/128");
}

static struct expr_value is_loopback(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return in_class(args, "127.0.0.0/8", "::1/128");
}

static struct expr_value is_link_local_multicast(struct expr_run *r, const struct expr_value *args,
                                                 uint32_t n)
{
    const uint8_t *b = args[0].ip.bytes;
    (void)r, (void)n;
    if (!args[0].v4)
        return expr_bool(b[0] == 0xff && (b[1] & 0x0f) == 0x02);
    return in_class(args, "224.0.0.0/24", "");
}

static struct expr_value is_link_local_unicast(struct expr_run *r, const struct expr_value *args,
                                               uint32_t n)
{
    (void)r, (void)n;
    return in_class(args, "169.254.0.0/16", "fe80::/10");
}

static struct expr_value is_global_unicast(struct expr_run *r, const struct expr_value *args,
                                           uint32_t n)
{
    static const char *const others[] = {
        "0.0.0.0/32", "127.0.0.0/8", "224.0.0.0/4", "169.254.0.0/16", "255.255.255.255/32",
        "::/128",     "::1/128",     "ff00::/8",    "fe80::/10",
    };
    (void)r, (void)n;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (expr_ip_in(&args[0], others[i]))
            return expr_bool(false);
    return expr_bool(true);
}

static struct expr_value contains_ip(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value ip = args[1].kind == EXPR_STRING ? ip_of(r, &args[1], n) : args[1];
    return ip.kind == EXPR_ERROR ? ip : expr_bool(expr_cidr_contains(&args[0], &ip));
}

static struct expr_value contains_cidr(struct expr_run *r, const struct expr_value *args,
                                       uint32_t n)
{
    struct expr_value c = args[1].kind == EXPR_STRING ? cidr_of(r, &args[1], n) : args[1];
    if (c.kind == EXPR_ERROR)
        return c;
    return expr_bool(c.prefix >= args[0].prefix && expr_cidr_contains(&args[0], &c));
}

static struct expr_value ip_of_cidr(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value v = args[0];
    (void)r, (void)n;
    v.kind = EXPR_IP;
    v.prefix = 0;
    return v;
}

static struct expr_value masked(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_cidr_masked(&args[0]);
}

static struct expr_value prefix_length(struct expr_run *r, const struct expr_value *args,
                                       uint32_t n)
{
    (void)r, (void)n;
    return expr_int(args[0].prefix);
}

static const struct expr_function rows[] = {
    {"ip(string) -> ip", ip_of, EXPR_COST_ONE, 0},
    {"isIP(string) -> bool", is_ip, EXPR_COST_ONE, 0},
    {"ip/isCanonical(string) -> bool", is_canonical, EXPR_COST_ONE, 0},
    {"cidr(string) -> cidr", cidr_of, EXPR_COST_ONE, 0},
    {"cidr(ip, int) -> cidr", cidr_of_bits, EXPR_COST_ONE, 0},
    {"isCIDR(string) -> bool", is_cidr, EXPR_COST_ONE, 0},
    {"string(ip) -> string", text, EXPR_COST_ONE, 0},
    {"string(cidr) -> string", text, EXPR_COST_ONE, 0},
    {"ip.family() -> int", family, EXPR_COST_ONE, 0},
    {"ip.isUnspecified() -> bool", is_unspecified, EXPR_COST_ONE, 0},
    {"ip.isLoopback() -> bool", is_loopback, EXPR_COST_ONE, 0},
    {"ip.isGlobalUnicast() -> bool", is_global_unicast, EXPR_COST_ONE, 0},
    {"ip.isLinkLocalMulticast() -> bool", is_link_local_multicast, EXPR_COST_ONE, 0},
    {"ip.isLinkLocalUnicast() -> bool", is_link_local_unicast, EXPR_COST_ONE, 0},
    {"cidr.containsIP(ip) -> bool", contains_ip, EXPR_COST_ONE, 0},
    {"cidr.containsIP(string) -> bool", contains_ip, EXPR_COST_ONE, 0},
    {"cidr.containsCIDR(cidr) -> bool", contains_cidr, EXPR_COST_ONE, 0},
    {"cidr.containsCIDR(string) -> bool", contains_cidr, EXPR_COST_ONE, 0},
    {"cidr.ip() -> ip", ip_of_cidr, EXPR_COST_ONE, 0},
    {"cidr.masked() -> cidr", masked, EXPR_COST_ONE, 0},
    {"cidr.prefixLength() -> int", prefix_length, EXPR_COST_ONE, 0},
};

const struct expr_library expr_lib_network = {"network", rows, sizeof rows / sizeof *rows};
