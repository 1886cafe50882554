#include <stddef.h>
#include <uv.h>

#include "gateway/config_internal.h"
#include "gateway/core/text_values.h"
#include "gateway/watch/watch.h"

enum { WORKERS_MAX = 256, NAME_MAX_BYTES = 128 };

struct check {
    struct config *c;
    struct config_reader *r;
    bool complete;
};

#define fault(k, path, ...) config_fault_path((k)->r, (path).p ? (path).p : "", __VA_ARGS__)
#define path_of(k, ...) need_text(k, arena_printf((k)->r->arena, __VA_ARGS__))

static bool is_set(const char *text)
{
    return text && *text;
}

/* protobuf-c has no const strings; nothing of the message is ever written to or freed. */
static char *literal(const char *text)
{
    return (char *)text;
}

/* Reports memory that the arena did not give. */
static void *need(struct check *k, void *p)
{
    k->r->out_of_memory |= !p;
    return p;
}

static struct str need_text(struct check *k, struct str s)
{
    k->r->out_of_memory |= !s.p;
    return s;
}

/* ---- durations and addresses ---- */

enum zero { ZERO_IS_FINE, ZERO_IS_WRONG };

static uint32_t check_duration(struct check *k, struct str path, char **text, const char *standard,
                               enum zero zero)
{
    uint32_t ms = 0;
    if (!is_set(*text))
        *text = literal(standard);
    if (!duration_parse(str_c(*text), &ms))
        fault(
            k, path,
            "\"%s\" is no duration; write a number and a unit: \"250ms\", \"30s\", \"5m\", \"2h\"",
            *text);
    else if (ms == 0 && zero == ZERO_IS_WRONG)
        fault(k, path, "must be longer than 0; the default is \"%s\"", standard);
    return ms;
}

static void check_address(struct check *k, struct str path, const char *text)
{
    if (is_set(text) && !endpoint_valid(str_c(text)))
        fault(k, path, "\"%s\" is no address; write \"host:port\", \"[v6]:port\" or \"unix:/path\"",
              text);
    else if (!is_set(text) && k->complete)
        fault(k, path, "is missing; write where to listen, like \"127.0.0.1:8080\"");
}

/* ---- listeners ---- */

static void default_listener(struct check *k)
{
    struct {
        Postern__V1__Listener one;
        Postern__V1__Listener *all[1];
    } *made = need(k, arena_alloc(k->r->arena, sizeof *made));
    if (!made)
        return;
    postern__v1__listener__init(&made->one);
    made->one.address = literal("127.0.0.1:8080");
    made->all[0] = &made->one;
    k->c->message->listeners = made->all;
    k->c->message->n_listeners = 1;
}

static void check_listeners(struct check *k)
{
    const Postern__V1__Config *m = k->c->message;
    if (m->n_listeners == 0)
        default_listener(k);
    for (size_t i = 0; i < m->n_listeners; i++) {
        struct str path = path_of(k, "listeners[%zu].address", i);
        check_address(k, path, m->listeners[i]->address);
        for (size_t before = 0; before < i; before++)
            if (is_set(m->listeners[i]->address) &&
                strcmp(m->listeners[i]->address, m->listeners[before]->address) == 0)
                fault(k, path, "\"%s\" is listeners[%zu] already", m->listeners[i]->address,
                      before);
    }
    if (!m->admin)
        return;
    check_address(k, STR("admin.address"), m->admin->address);
    for (size_t i = 0; i < m->n_listeners; i++)
        if (is_set(m->admin->address) && strcmp(m->admin->address, m->listeners[i]->address) == 0)
            fault(k, STR("admin.address"), "\"%s\" is listeners[%zu] already; take another port",
                  m->admin->address, i);
}

/* ---- clusters ---- */

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
        if (!ok)
            return false;
    }
    return s.n > 0 && s.n <= NAME_MAX_BYTES;
}

static void check_name(struct check *k, size_t i)
{
    const Postern__V1__Config *m = k->c->message;
    const char *name = m->clusters[i]->name;
    struct str path = path_of(k, "clusters[%zu].name", i);
    if (!is_set(name)) {
        if (k->complete)
            fault(k, path, "is missing; options and \"upstream\" name the cluster by it");
        return;
    }
    if (!is_name(str_c(name)))
        fault(k, path, "\"%s\" is no name; use letters, digits, '-', '_' and '.', at most %d", name,
              NAME_MAX_BYTES);
    for (size_t before = 0; before < i; before++)
        if (strcmp(name, m->clusters[before]->name) == 0) {
            fault(k, path, "\"%s\" is the name of clusters[%zu] already", name, before);
            return;
        }
}

static void check_endpoints(struct check *k, size_t i, struct cluster_config *to)
{
    const Postern__V1__Cluster *from = k->c->message->clusters[i];
    struct str *all = need(k, arena_array(k->r->arena, from->n_endpoints, sizeof *all));
    for (size_t e = 0; e < from->n_endpoints && all; e++) {
        struct str path = path_of(k, "clusters[%zu].endpoints[%zu]", i, e);
        all[e] = str_c(from->endpoints[e]);
        if (!endpoint_valid(all[e]))
            fault(k, path,
                  "\"%s\" is no endpoint; write \"host:port\", \"[v6]:port\" or \"unix:/path\"",
                  from->endpoints[e]);
        for (size_t before = 0; before < e; before++)
            if (str_eq(all[e], all[before])) {
                fault(k, path, "\"%s\" is endpoints[%zu] already", from->endpoints[e], before);
                break;
            }
    }
    to->endpoints = all;
    to->nendpoints = (uint32_t)from->n_endpoints;
}

static void check_target(struct check *k, size_t i)
{
    static const struct str schemes[] = {STR_INIT("xds:"), STR_INIT("dns:"), STR_INIT("ipv4:"),
                                         STR_INIT("ipv6:"), STR_INIT("unix:")};
    Postern__V1__Cluster *cl = k->c->message->clusters[i];
    struct str target = str_c(cl->target);
    if (!target.n) {
        if (cl->n_endpoints == 0 && k->complete)
            fault(k, path_of(k, "clusters[%zu].endpoints", i),
                  "is missing; a cluster has \"endpoints\" or a \"target\"");
        return;
    }
    struct str path = path_of(k, "clusters[%zu].target", i);
    cl->transport = POSTERN__V1__TRANSPORT__GRPC_CORE;
    if (cl->n_endpoints)
        fault(k, path, "a cluster has \"endpoints\" or a \"target\", not both");
    for (size_t s = 0; s < sizeof schemes / sizeof *schemes; s++)
        if (str_starts(target, schemes[s]) && target.n > schemes[s].n)
            return;
    fault(k, path,
          "\"%s\" is no target of gRPC core; write \"xds:///name\" or \"dns:///name:port\"",
          cl->target);
}

static void check_authority(struct check *k, size_t i)
{
    const char *text = k->c->message->clusters[i]->authority;
    for (const char *p = text; is_set(p); p++)
        if (*p <= ' ' || *p > '~' || strchr("/?#@\\\"<>^`{|}", *p)) {
            fault(k, path_of(k, "clusters[%zu].authority", i),
                  "\"%s\" is no authority; write \"host\" or \"host:port\"", text);
            return;
        }
}

static void check_cluster(struct check *k, size_t i, struct cluster_config *to)
{
    Postern__V1__Cluster *from = k->c->message->clusters[i];
    check_name(k, i);
    check_endpoints(k, i, to);
    check_target(k, i);
    check_authority(k, i);
    to->connect_timeout_ms = check_duration(k, path_of(k, "clusters[%zu].connect_timeout", i),
                                            &from->connect_timeout, "5s", ZERO_IS_WRONG);
    to->keepalive_interval_ms = check_duration(k, path_of(k, "clusters[%zu].keepalive_interval", i),
                                               &from->keepalive_interval, "310s", ZERO_IS_FINE);
    to->keepalive_timeout_ms = check_duration(k, path_of(k, "clusters[%zu].keepalive_timeout", i),
                                              &from->keepalive_timeout, "10s", ZERO_IS_WRONG);
    if (from->max_connections == 0)
        from->max_connections = 10;
    if (from->max_pending == 0)
        from->max_pending = 4096;
    to->name = str_c(from->name);
    to->target = str_c(from->target);
    to->authority = str_c(from->authority);
    to->transport = from->transport == POSTERN__V1__TRANSPORT__GRPC_CORE ? CLUSTER_GRPC_CORE
                                                                         : CLUSTER_HTTP2;
    to->max_connections = from->max_connections;
    to->max_pending = from->max_pending;
    to->max_streams = k->c->bounds.streams;
}

static void check_clusters(struct check *k)
{
    size_t n = k->c->message->n_clusters;
    struct cluster_config *all = need(k, arena_array(k->r->arena, n, sizeof *all));
    for (size_t i = 0; i < n && all; i++)
        check_cluster(k, i, &all[i]);
    k->c->clusters = all;
    k->c->nclusters = (uint32_t)n;
}

static void check_upstream(struct check *k)
{
    const char *upstream = k->c->message->upstream;
    if (!is_set(upstream) || endpoint_valid(str_c(upstream)) || !k->complete)
        return;
    for (uint32_t i = 0; i < k->c->nclusters; i++)
        if (str_eq(k->c->clusters[i].name, str_c(upstream)))
            return;
    fault(k, STR("upstream"),
          "\"%s\" is neither a cluster of this file nor an endpoint; write the name of a cluster, "
          "\"host:port\", \"[v6]:port\" or \"unix:/path\"",
          upstream);
}

/* ---- bounds ---- */

/* A number of the message and its place in struct bounds; both 32 bits wide, or both 64. */
struct number_row {
    const char *name;
    size_t from, to;
    uint64_t least, most;
    bool wide;
};

#define NUMBER(name, field, to, least, most)                                                  \
    {                                                                                         \
        name, offsetof(Postern__V1__Bounds, field), offsetof(struct bounds, to), least, most, \
            sizeof(((struct bounds *)0)->to) == 8                                             \
    }

static const struct number_row numbers[] = {
    NUMBER("header_bytes", header_bytes, header_bytes, 1 << 10, 1 << 20),
    NUMBER("header_count", header_count, header_count, 10, 10000),
    NUMBER("uri_bytes", uri_bytes, uri_bytes, 256, 1 << 20),
    /* A gRPC message has a length of 32 bits. */
    NUMBER("request_body_bytes", request_body_bytes, request_body, 1, UINT32_MAX),
    NUMBER("response_bytes", response_bytes, response, 1, UINT32_MAX),
    NUMBER("json_depth", json_depth, json_depth, 1, 1000),
    NUMBER("streams_per_connection", streams_per_connection, streams, 1, 1 << 20),
    NUMBER("buffer_bytes", buffer_bytes, buffer, 1 << 10, 16 << 20),
    NUMBER("body_rate", body_rate, body_rate, 1, 1 << 30),
    NUMBER("connections", connections, connections, 1, 1 << 24),
};

static uint64_t get_number(const void *at, bool wide)
{
    uint32_t narrow;
    uint64_t v;
    memcpy(&narrow, at, sizeof narrow);
    if (!wide)
        return narrow;
    memcpy(&v, at, sizeof v);
    return v;
}

static void set_number(void *at, bool wide, uint64_t v)
{
    uint32_t narrow = (uint32_t)v;
    memcpy(at, wide ? (const void *)&v : (const void *)&narrow, wide ? sizeof v : sizeof narrow);
}

static void check_number(struct check *k, const struct number_row *row, Postern__V1__Bounds *from)
{
    char *field = (char *)from + row->from, *bound = (char *)&k->c->bounds + row->to;
    uint64_t v = get_number(field, row->wide);
    if (v == 0) {
        set_number(field, row->wide, get_number(bound, row->wide));
        return;
    }
    if (v < row->least || v > row->most)
        fault(k, path_of(k, "bounds.%s", row->name), "%llu is out of range; from %llu to %llu",
              (unsigned long long)v, (unsigned long long)row->least, (unsigned long long)row->most);
    else
        set_number(bound, row->wide, v);
}

static Postern__V1__Bounds *bounds_message(struct check *k)
{
    Postern__V1__Config *m = k->c->message;
    if (!m->bounds) {
        m->bounds = need(k, arena_alloc(k->r->arena, sizeof *m->bounds));
        if (m->bounds)
            postern__v1__bounds__init(m->bounds);
    }
    return m->bounds;
}

static void check_bounds(struct check *k)
{
    Postern__V1__Bounds *from = bounds_message(k);
    struct bounds *b = &k->c->bounds;
    *b = BOUNDS_DEFAULT;
    if (!from)
        return;
    bool uri_given = from->uri_bytes != 0;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        check_number(k, &numbers[i], from);
    if (b->uri_bytes > b->header_bytes && uri_given)
        fault(k, STR("bounds.uri_bytes"), "%u is more than header_bytes, which counts it too (%u)",
              b->uri_bytes, b->header_bytes);
    else if (b->uri_bytes > b->header_bytes)
        b->uri_bytes = from->uri_bytes = b->header_bytes;

    b->header_ms = check_duration(k, STR("bounds.header_deadline"), &from->header_deadline, "10s",
                                  ZERO_IS_WRONG);
    b->body_ms = check_duration(k, STR("bounds.body_deadline"), &from->body_deadline, "10s",
                                ZERO_IS_WRONG);
    b->idle_ms = check_duration(k, STR("bounds.idle"), &from->idle, "75s", ZERO_IS_WRONG);
    b->write_stall_ms = check_duration(k, STR("bounds.write_stall"), &from->write_stall, "60s",
                                       ZERO_IS_WRONG);
}

/* ---- the rest ---- */

static void check_workers(struct check *k)
{
    Postern__V1__Config *m = k->c->message;
    if (m->_workers_case != POSTERN__V1__CONFIG___WORKERS_WORKERS)
        m->workers = 1;
    else if (m->workers == 0)
        m->workers = uv_available_parallelism();
    m->_workers_case = POSTERN__V1__CONFIG___WORKERS_WORKERS;
    if (m->workers > WORKERS_MAX)
        fault(k, STR("workers"), "%u is out of range; from 0 (one per core) to %d", m->workers,
              WORKERS_MAX);
    k->c->workers = m->workers;
}

static void check_metrics(struct check *k)
{
    const Postern__V1__Metrics *m = k->c->message->metrics;
    if (m && m->callers > WATCH_CALLERS_MAX)
        fault(k, STR("metrics.callers"), "%u is out of range; from 0 to %d", m->callers,
              WATCH_CALLERS_MAX);
}

/* Paths are relative to the file that names them. */
static void check_file(struct check *k, char **path)
{
    size_t slash = k->c->name.n;
    while (slash > 0 && k->c->name.p[slash - 1] != '/')
        slash--;
    if (!is_set(*path) || **path == '/' || slash == 0)
        return;
    struct str whole = path_of(k, "%.*s%s", (int)slash, k->c->name.p, *path);
    *path = literal(whole.p);
}

static void check_files(struct check *k)
{
    Postern__V1__Config *m = k->c->message;
    if (is_set(m->descriptors) && m->reflect)
        fault(k, STR("reflect"),
              "the schema comes from \"descriptors\" or from \"reflect\", not from both");
    check_file(k, &m->descriptors);
    if (!m->access_log)
        return;
    if (!is_set(m->access_log->path) && k->complete)
        fault(k, STR("access_log.path"), "is missing; write a file, or \"-\" for standard output");
    if (strcmp(m->access_log->path, "-") != 0)
        check_file(k, &m->access_log->path);
}

void config_check(struct config *c, struct config_reader *r, bool complete)
{
    struct check k = {c, r, complete};
    check_listeners(&k);
    check_bounds(&k);
    check_clusters(&k);
    check_upstream(&k);
    check_workers(&k);
    check_files(&k);
    check_metrics(&k);
    c->grace_ms = check_duration(&k, STR("grace_period"), &c->message->grace_period, "30s",
                                 ZERO_IS_FINE);
}
