#include "gateway/core/proxies.h"

#include "gateway/expr/ip.h"

/* "1.2.3.4", "1.2.3.4:567", "::1", "[::1]", "[::1]:567". */
static struct str without_port(struct str s)
{
    size_t colon = str_find(s, ':');
    if (s.n && s.p[0] == '[')
        return str_of(s.p + 1, str_find(s, ']') - 1);
    if (colon < s.n && str_find(str_skip(s, colon + 1), ':') == s.n - colon - 1)
        return str_of(s.p, colon);
    return s;
}

static struct expr_value address_of(struct str text)
{
    struct expr_value ip;
    struct str host = without_port(str_trim(text)), mapped = STR("::ffff:");
    if (str_starts(host, mapped) && str_find(host, '.') < host.n)
        host = str_skip(host, mapped.n); /* of a socket for both families */
    return host.n && !expr_ip_parse(host, &ip) ? ip : expr_absent();
}

static bool trusted(const struct proxies *p, const struct expr_value *ip)
{
    if (ip->kind == EXPR_ABSENT)
        return p->unix_sockets;
    for (uint32_t i = 0; i < p->n; i++)
        if (expr_cidr_contains(&p->prefixes[i], ip))
            return true;
    return false;
}

/* Takes the last element off a list. */
static struct str cut_last(struct str *list)
{
    size_t at = list->n;
    while (at > 0 && list->p[at - 1] != ',')
        at--;
    struct str last = str_skip(*list, at);
    list->n = at > 0 ? at - 1 : 0;
    return last;
}

struct expr_value proxies_client(const struct proxies *p, struct str peer,
                                 const struct headers *request)
{
    struct expr_value found = address_of(peer);
    unsigned hops = 0;
    for (uint32_t i = request->n; i-- > 0;) {
        struct str list = request->items[i].value;
        if (!str_eq(request->items[i].name, STR("x-forwarded-for")))
            continue;
        while (list.n) {
            if (!trusted(p, &found) || ++hops > PROXIES_HOPS_MAX)
                return found;
            struct expr_value before = address_of(cut_last(&list));
            if (before.kind != EXPR_IP)
                return found;
            found = before;
        }
    }
    return found;
}
