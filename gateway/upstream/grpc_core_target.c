#include <grpc/grpc_security.h>
#include <limits.h>
#include <stdlib.h>

#include "gateway/upstream/cluster_internal.h"
#include "gateway/upstream/grpc_core_internal.h"

#define USER_AGENT "postern/0.1"
#define ROUND_ROBIN "{\"loadBalancingConfig\":[{\"round_robin\":{}}]}"

enum { TARGET_MAX = 64 << 10, ARGS_MAX = 24, IDENTITY_ONLY = 1 << GRPC_COMPRESS_NONE };

/* ---- how core is told to behave ---- */

struct args {
    grpc_arg items[ARGS_MAX];
    size_t n;
};

static void add_number(struct args *a, const char *key, uint64_t value)
{
    a->items[a->n++] = (grpc_arg){
        .type = GRPC_ARG_INTEGER,
        .key = (char *)(uintptr_t)key,
        .value.integer = value < INT_MAX ? (int)value : INT_MAX,
    };
}

static void add_text(struct args *a, const char *key, const char *value)
{
    a->items[a->n++] = (grpc_arg){
        .type = GRPC_ARG_STRING,
        .key = (char *)(uintptr_t)key,
        .value.string = (char *)(uintptr_t)value,
    };
}

/* As the first channel does it. */
static void add_connection_args(struct args *a, const struct cluster_config *config)
{
    /* Each loop has connections of its own, which its own queue serves. */
    add_number(a, GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    add_number(a, GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    /* Despite its name the time that one attempt to connect may take. */
    add_number(a, GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, config->connect_timeout_ms);
    add_number(a, GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, POOL_BACKOFF_FIRST);
    add_number(a, GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, POOL_BACKOFF_MAX);
    add_number(a, GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, CLUSTER_RESOLVE_MS);
    add_number(a, GRPC_ARG_DNS_ARES_QUERY_TIMEOUT_MS, config->connect_timeout_ms);
    if (config->keepalive_interval_ms) {
        add_number(a, GRPC_ARG_KEEPALIVE_TIME_MS, config->keepalive_interval_ms);
        add_number(a, GRPC_ARG_KEEPALIVE_TIMEOUT_MS, config->keepalive_timeout_ms);
        add_number(a, GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    }
}

static void add_stream_args(struct args *a)
{
    add_number(a, GRPC_ARG_HTTP2_BDP_PROBE, 0);
    add_number(a, GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, CORE_WINDOW);
    add_number(a, GRPC_ARG_MAX_METADATA_SIZE, CORE_METADATA);
    /* Judged by each call's own ceiling. */
    add_number(a, GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, UINT64_MAX);
    a->items[a->n - 1].value.integer = -1;
    /* No compression is offered, so none has to be undone. */
    add_number(a, GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, IDENTITY_ONLY);
    add_number(a, GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
}

static void add_name_args(struct args *a, const struct cluster_config *config)
{
    add_text(a, GRPC_ARG_PRIMARY_USER_AGENT_STRING, USER_AGENT);
    /* What a name's own service config or the control plane says comes before it. */
    add_text(a, GRPC_ARG_SERVICE_CONFIG, ROUND_ROBIN);
    if (config->target.n)
        add_number(a, GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 0);
    if (config->authority.n)
        add_text(a, GRPC_ARG_DEFAULT_AUTHORITY, config->authority.p);
    else if (config->nendpoints && str_starts(config->endpoints[0], STR("unix:")))
        add_text(a, GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
    else if (config->nendpoints)
        add_text(a, GRPC_ARG_DEFAULT_AUTHORITY, config->endpoints[0].p);
}

/* ---- targets ---- */

static bool dial(struct core_channel *ch, const struct cluster_config *config, const char *target)
{
    struct args a = {.n = 0};

    add_connection_args(&a, config);
    add_stream_args(&a);
    add_name_args(&a, config);
    grpc_channel_args all = {.num_args = a.n, .args = a.items};
    grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
    grpc_channel *made = grpc_channel_create(target, credentials, &all);
    grpc_channel_credentials_release(credentials);
    if (!made)
        return false;
    ch->targets[ch->ntargets++] = made;
    return true;
}

/* "ipv4:", "ipv6:" and "unix:" take lists; each name is a target of its own. */
static const char *scheme_of(struct str endpoint)
{
    struct address address;

    if (resolve_numeric(endpoint, &address) != RESOLVE_DONE)
        return "dns:///";
    switch (address.socket.ss_family) {
    case AF_INET: return "ipv4:";
    case AF_INET6: return "ipv6:";
    default: return "unix:";
    }
}

/* RFC 3986 3.3. */
static bool add_path(struct buf *b, struct str s)
{
    static const char plain[] = "-._~:/@!$&'()*+;=";

    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
        bool as_is = letter || (ch >= '0' && ch <= '9') || memchr(plain, ch, sizeof plain - 1);
        if (as_is ? !buf_add_char(b, ch) : !buf_printf(b, "%%%02X", (unsigned)(unsigned char)ch))
            return false;
    }
    return true;
}

static bool add_address(struct buf *b, const char *scheme, struct str endpoint)
{
    bool path = str_starts(endpoint, STR("unix:"));

    if (b->n == 0 ? !buf_add(b, str_c(scheme)) : !buf_add_char(b, ','))
        return false;
    return add_path(b, path ? str_skip(endpoint, sizeof "unix:" - 1) : endpoint);
}

/* Dials endpoint `i` together with the later ones that fit into the same target. */
static bool dial_group(struct core_channel *ch, const struct cluster_config *config, uint32_t i)
{
    const char *scheme = scheme_of(config->endpoints[i]);
    bool alone = str_eq(str_c(scheme), STR("dns:///"));
    struct buf target;
    bool ok = true;

    buf_init(&target, TARGET_MAX);
    for (uint32_t e = i; ok && e < (alone ? i + 1 : config->nendpoints); e++) {
        if (e > i && scheme_of(config->endpoints[e]) != scheme)
            continue;
        ok = add_address(&target, scheme, config->endpoints[e]);
        ch->turns[e] = ch->ntargets;
    }
    ok = ok && buf_add_char(&target, '\0') && dial(ch, config, target.p);
    buf_release(&target);
    return ok;
}

bool core_channel_dial(struct core_channel *ch, const struct cluster_config *config)
{
    uint32_t n = config->target.n ? 1 : config->nendpoints;

    ch->targets = calloc(n ? n : 1, sizeof(grpc_channel *)); /* breach: once, at start */
    ch->turns = calloc(n ? n : 1, sizeof *ch->turns);        /* breach: once, at start */
    if (!ch->targets || !ch->turns)
        return false;
    ch->nturns = n;
    if (config->target.n)
        return dial(ch, config, config->target.p);
    memset(ch->turns, 0xff, n * sizeof *ch->turns);
    for (uint32_t i = 0; i < n; i++) {
        if (ch->turns[i] == UINT32_MAX && !dial_group(ch, config, i))
            return false;
    }
    return true;
}

/* Within a target core goes round. Several targets are rare (names, or kinds of addresses mixed):
 * then asking for their states, which also wakes those that idle, costs little beside the call. */
grpc_channel *core_channel_pick(struct core_channel *ch)
{
    grpc_channel *second = NULL;

    if (ch->ntargets == 1)
        return ch->targets[0];
    for (uint32_t i = 0; i < ch->nturns; i++) {
        ch->turn = (ch->turn + 1) % ch->nturns;
        grpc_channel *target = ch->targets[ch->turns[ch->turn]];
        grpc_connectivity_state state = grpc_channel_check_connectivity_state(target, 1);
        if (state == GRPC_CHANNEL_READY)
            return target;
        if (!second || state != GRPC_CHANNEL_TRANSIENT_FAILURE)
            second = target;
    }
    return second;
}
