#include "gateway/upstream/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

enum { HOST_MAX = 254 };

struct host_port {
    char host[HOST_MAX], port[6];
};

static bool copy_text(char *to, size_t room, struct str s)
{
    if (s.n == 0 || s.n >= room || memchr(s.p, '\0', s.n))
        return false;
    memcpy(to, s.p, s.n);
    to[s.n] = '\0';
    return true;
}

/* At the last colon; brackets around a v6 address are dropped. */
static bool split(struct str endpoint, struct host_port *out)
{
    uint64_t port;
    size_t colon = endpoint.n;

    while (colon > 0 && endpoint.p[colon - 1] != ':')
        colon--;
    if (colon < 2)
        return false;
    struct str host = str_of(endpoint.p, colon - 1), digits = str_skip(endpoint, colon);
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = str_of(host.p + 1, host.n - 2);
    return str_to_u64(digits, 65535, &port) && copy_text(out->port, sizeof out->port, digits) &&
           copy_text(out->host, sizeof out->host, host);
}

static enum resolve_kind unix_address(struct str path, struct address *out)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    if (!copy_text(un.sun_path, sizeof un.sun_path, path))
        return RESOLVE_INVALID;
    memcpy(&out->socket, &un, sizeof un);
    out->n = sizeof un;
    return RESOLVE_DONE;
}

static struct addrinfo hints(int flags)
{
    return (struct addrinfo){
        .ai_flags = flags | AI_NUMERICSERV,
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
    };
}

enum resolve_kind resolve_numeric(struct str endpoint, struct address *out)
{
    struct host_port text;
    struct addrinfo want = hints(AI_NUMERICHOST), *found;

    *out = (struct address){.n = 0};
    if (str_starts(endpoint, STR("unix:")))
        return unix_address(str_skip(endpoint, 5), out);
    if (!split(endpoint, &text))
        return RESOLVE_INVALID;
    if (getaddrinfo(text.host, text.port, &want, &found) != 0)
        return RESOLVE_NAME;
    memcpy(&out->socket, found->ai_addr, found->ai_addrlen);
    out->n = found->ai_addrlen;
    freeaddrinfo(found);
    return RESOLVE_DONE;
}

static bool has(const struct address *list, uint32_t n, const struct address *a)
{
    for (uint32_t i = 0; i < n; i++) {
        if (address_eq(&list[i], a))
            return true;
    }
    return false;
}

static void on_found(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct resolver *r = request->data;
    struct address list[ADDRESSES_MAX];
    uint32_t n = 0;

    for (struct addrinfo *i = found; i && n < ADDRESSES_MAX; i = i->ai_next) {
        struct address a = {.n = i->ai_addrlen};
        memcpy(&a.socket, i->ai_addr, i->ai_addrlen);
        if (!has(list, n, &a))
            list[n++] = a;
    }
    uv_freeaddrinfo(found);
    r->busy = false;
    r->done(r, list, n, n ? NULL : status ? uv_strerror(status) : "no address");
}

bool resolve_start(struct resolver *r, uv_loop_t *loop, struct str endpoint,
                   void (*done)(struct resolver *, const struct address *, uint32_t, const char *))
{
    struct host_port text;
    struct addrinfo want = hints(AI_ADDRCONFIG);

    if (r->busy || !split(endpoint, &text))
        return false;
    r->request.data = r;
    r->done = done;
    r->busy = uv_getaddrinfo(loop, &r->request, on_found, text.host, text.port, &want) == 0;
    return r->busy;
}

void resolve_cancel(struct resolver *r)
{
    if (r->busy)
        uv_cancel((uv_req_t *)&r->request);
}

struct str address_text(const struct address *a, char out[ADDRESS_TEXT])
{
    char host[INET6_ADDRSTRLEN] = "?";
    const struct sockaddr *sa = (const struct sockaddr *)&a->socket;
    int n;

    if (sa->sa_family == AF_UNIX) {
        n = snprintf(out, ADDRESS_TEXT, "unix:%s",
                     ((const struct sockaddr_un *)(const void *)sa)->sun_path);
    } else if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)sa;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        n = snprintf(out, ADDRESS_TEXT, "[%s]:%u", host, ntohs(v6->sin6_port));
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)sa;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        n = snprintf(out, ADDRESS_TEXT, "%s:%u", host, ntohs(v4->sin_port));
    }
    return str_of(out, n < ADDRESS_TEXT ? (size_t)n : ADDRESS_TEXT - 1);
}

bool address_eq(const struct address *a, const struct address *b)
{
    return a->n == b->n && memcmp(&a->socket, &b->socket, a->n) == 0;
}
