#include "gateway/expr/ip.h"
#include "gateway/policy/policy_internal.h"

/* What the configuration says of limits as a whole: Redis, the rate-limit service, the process's
 * own table; and which proxies are believed. */

enum { PREFIX_MAX = 8, TIMEOUT_MAX_MS = 1000, KEYS_MIN = 1000, KEYS_MAX = 100000000 };

static const struct origin file = {.prefix = STR_INIT("")};

static uint32_t read_timeout(struct compile *c, const char *path, const char *text)
{
    uint32_t ms = REDIS_TIMEOUT_DEFAULT_MS;
    if (text[0] && (!duration_parse(str_c(text), &ms) || ms == 0 || ms > TIMEOUT_MAX_MS))
        FAULT(c, &file, str_c(path),
              "\"%s\" is no time that a call could wait; from \"1ms\" to \"1s\", as in \"20ms\"",
              text);
    return ms;
}

struct str policy_redis_prefix(const Postern__V1__Redis *r)
{
    return r->prefix[0] ? str_c(r->prefix) : STR(REDIS_PREFIX);
}

static void read_redis(struct compile *c, const Postern__V1__Redis *r, struct plan_redis *out)
{
    out->config = (struct redis_config){
        .endpoint = str_c(r->address),
        .user = str_c(r->user),
        .db = r->database,
        .timeout_ms = read_timeout(c, "redis.timeout", r->timeout),
    };
    out->password_file = r->password_file[0] ? r->password_file : NULL;
    out->prefix = policy_redis_prefix(r);
    if (!r->address[0])
        FAULT(c, &file, STR("redis.address"),
              "is missing; write where Redis listens, as in "
              "\"127.0.0.1:6379\" or \"unix:/run/redis.sock\"");
    else if (!endpoint_valid(out->config.endpoint))
        FAULT(c, &file, STR("redis.address"),
              "\"%s\" is no address; write \"host:port\", \"[v6]:port\" or \"unix:/path\"",
              r->address);
    if (out->prefix.n > PREFIX_MAX)
        FAULT(c, &file, STR("redis.prefix"), "\"%s\" is longer than %d characters", r->prefix,
              PREFIX_MAX);
    if (r->user[0] && !r->password_file[0])
        FAULT(c, &file, STR("redis.password_file"), "is missing; a user has a password");
}

static void read_service(struct compile *c, const Postern__V1__RateLimitService *s,
                         struct plan_limits *out)
{
    if (!s->upstream[0])
        FAULT(c, &file, STR("rate_limit_service.upstream"),
              "is missing; name a cluster or endpoint");
    else
        out->service = policy_cluster_resolve(c, &file, STR("rate_limit_service.upstream"),
                                              s->upstream);
    if (!s->domain[0])
        FAULT(c, &file, STR("rate_limit_service.domain"),
              "is missing; the service finds its configuration by it");
    out->domain = str_c(s->domain);
    out->service_timeout_ms = read_timeout(c, "rate_limit_service.timeout", s->timeout);
}

static void read_limits(struct compile *c, const Postern__V1__Limits *l, struct plan_limits *out)
{
    static const uint8_t fields[] = {LIMIT_TELL_STANDARD, LIMIT_TELL_X,
                                     LIMIT_TELL_STANDARD | LIMIT_TELL_X, 0};
    out->fields = fields[l->fields];
    out->keys = l->keys;
    out->log_bytes = l->log_bytes;
    if (l->keys && (l->keys < KEYS_MIN || l->keys > KEYS_MAX))
        FAULT(c, &file, STR("limits.keys"), "%u is out of range; from %d to %d", l->keys, KEYS_MIN,
              KEYS_MAX);
}

void policy_redis(struct compile *c, struct plan_redis *out)
{
    const Postern__V1__Config *config = c->in->config;
    if (config && config->redis)
        read_redis(c, config->redis, out);
}

void policy_limit_stores(struct compile *c, struct plan_limits *out)
{
    const Postern__V1__Config *config = c->in->config;
    out->fields = LIMIT_TELL_STANDARD;
    out->all = c->limits;
    out->n = c->nlimits;
    if (config && config->rate_limit_service)
        read_service(c, config->rate_limit_service, out);
    if (config && config->limits)
        read_limits(c, config->limits, out);
}

void policy_proxies(struct compile *c, struct proxies *out)
{
    const Postern__V1__Config *config = c->in->config;
    size_t n = config ? config->n_trusted_proxies : 0;
    struct expr_value *prefixes = policy_array(c, n, sizeof *prefixes);
    for (size_t i = 0; i < n && prefixes; i++) {
        struct str text = str_c(config->trusted_proxies[i]);
        if (str_eq(text, STR("unix"))) {
            out->unix_sockets = true;
            continue;
        }
        if (!expr_cidr_parse(text, &prefixes[out->n]))
            out->n++;
        else
            FAULT(c, &file, TEXT(c, "trusted_proxies[%zu]", i),
                  "\"%.*s\" is no prefix; write \"10.0.0.0/8\", \"192.0.2.7/32\", "
                  "\"2001:db8::/32\" or \"unix\"",
                  STR_ARG(text));
    }
    out->prefixes = prefixes;
}
