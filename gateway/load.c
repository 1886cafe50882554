#include "gateway/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/load_auth.h"
#include "gateway/load_file.h"
#include "gateway/policy/policy_compile.h"
#include "gateway/policy/route.h"
#include "gateway/upstream/reflect.h"
#include "gateway/upstream/transport.h"

enum { SNAPSHOT_BLOCK = 64 << 10, SNAPSHOT_MAX = 1 << 30, REFLECT_TIMEOUT_MS = 10000 };
enum { REDIS_PASSWORD_MAX = 4 << 10 };

static const char *upstream_of(const struct options *o, const struct config *c)
{
    if (o->upstream)
        return o->upstream;
    return c->message->upstream && c->message->upstream[0] ? c->message->upstream : NULL;
}

static Postern__V1__Listener *listener_at(const char *address, struct arena *arena)
{
    Postern__V1__Listener *l = arena_alloc(arena, sizeof *l);
    if (l) {
        postern__v1__listener__init(l);
        l->address = (char *)(uintptr_t)address;
    }
    return l;
}

static bool apply_listeners(const struct options *o, Postern__V1__Config *m, struct arena *arena)
{
    m->listeners = arena_array(arena, o->nlisten, sizeof(Postern__V1__Listener *));
    m->n_listeners = o->nlisten;
    for (unsigned i = 0; m->listeners && i < o->nlisten; i++)
        if (!(m->listeners[i] = listener_at(o->listen[i], arena)))
            return false;
    return m->listeners != NULL;
}

static bool apply_access_log(const struct options *o, Postern__V1__Config *m, struct arena *arena)
{
    m->access_log = arena_alloc(arena, sizeof *m->access_log);
    if (!m->access_log)
        return false;
    postern__v1__access_log__init(m->access_log);
    m->access_log->path = (char *)(uintptr_t)o->access_log;
    return true;
}

/* What the command line says stands in the configuration from then on, as if the file had said it.
 */
static bool apply_flags(const struct options *o, struct config *c, struct arena *arena)
{
    Postern__V1__Config *m = c->message;
    if (o->max_request_body)
        c->bounds.request_body = m->bounds->request_body_bytes = o->max_request_body;
    if (o->workers >= 0)
        m->workers = c->workers = o->workers ? (uint32_t)o->workers
                                             : (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    if (o->admin && !(m->admin = listener_at(o->admin, arena)))
        return false;
    return (!o->nlisten || apply_listeners(o, m, arena)) &&
           (!o->access_log || apply_access_log(o, m, arena));
}

/* Places inside a descriptor set are of little use without its own name. */
static void name_file(const char *path, struct tc_fault *f, struct arena *arena)
{
    for (; f; f = f->next) {
        struct str place = arena_printf(arena, "%s: %.*s", path, STR_ARG(f->place));
        if (place.p)
            f->place = place;
    }
}

static const struct tc_schema *schema_from_file(const char *path, struct arena *arena,
                                                struct tc_faults *faults)
{
    struct buf set;
    const struct tc_schema *schema = NULL;
    if (load_file(path, TC_SCHEMA_MAX_BYTES, &set, faults)) {
        struct tc_fault **first = faults->tail;
        schema = schema_compile(buf_str(&set), arena, faults);
        name_file(path, *first, faults->arena);
        if (!schema && !faults->count)
            tc_fault_add(faults, str_c(path), "out of memory");
    }
    buf_release(&set);
    return schema;
}

/* The cluster that --reflect asks: the named one, or the endpoint itself. */
static bool reflection_target(const struct options *o, const struct config *c,
                              struct cluster_config *target, struct str *endpoint)
{
    const char *upstream = upstream_of(o, c);
    if (!upstream)
        return false;
    for (uint32_t i = 0; i < c->nclusters; i++)
        if (str_eq(c->clusters[i].name, str_c(upstream))) {
            *target = c->clusters[i];
            return true;
        }
    *endpoint = str_c(upstream);
    *target = cluster_config_of_endpoint(endpoint);
    return endpoint_valid(*endpoint);
}

/* At the start the server may be about to start too; later whoever sent the HUP waits for the
 * outcome, and nothing is lost by telling it at once. */
static const struct tc_schema *schema_from_reflection(struct snapshot *s, const struct options *o,
                                                      const struct config *c,
                                                      struct tc_faults *faults)
{
    struct reflect_budget budget = {
        .total_ms = REFLECT_TIMEOUT_MS,
        .absent_ms = s->generation == 1 ? REFLECT_TIMEOUT_MS : 0,
    };
    struct cluster_config target;
    struct str endpoint;
    if (!reflection_target(o, c, &target, &endpoint)) {
        tc_fault_add(faults, STR("--reflect"), "needs --upstream: host:port of the server to ask");
        return NULL;
    }
    struct buf set;
    buf_init(&set, TC_SCHEMA_MAX_BYTES);
    const struct tc_schema *schema = NULL;
    if (reflect_schema(&target, budget, &set, faults))
        schema = schema_compile(buf_str(&set), &s->arena, faults);
    buf_release(&set);
    return schema;
}

static const struct tc_schema *refuse_second_schema(const struct config *c, struct arena *arena,
                                                    struct tc_faults *faults)
{
    struct str place = arena_printf(arena, "%.*s:%u", STR_ARG(c->name),
                                    config_line(c->places, "descriptors"));
    tc_fault_add(faults, place.p ? place : c->name, "descriptors: %s", OPTIONS_SCHEMA_INSIDE);
    return NULL;
}

static const struct tc_schema *load_schema(struct snapshot *s, const struct options *o,
                                           const struct config *c, struct tc_faults *faults)
{
    struct arena *arena = &s->arena;
    const char *in_config = c->message->descriptors;
    if (o->descriptors)
        return schema_from_file(o->descriptors, arena, faults);
    if (o->reflect)
        return schema_from_reflection(s, o, c, faults);
    if (in_config && in_config[0] && &postern_builtin_schema)
        return refuse_second_schema(c, arena, faults);
    if (in_config && in_config[0])
        return schema_from_file(load_beside(o->config, str_c(in_config), arena).p, arena, faults);
    if (c->message->reflect)
        return schema_from_reflection(s, o, c, faults);
    if (&postern_builtin_schema)
        return postern_builtin_schema;
    tc_fault_add(faults, STR("--descriptors"),
                 "missing: give a FileDescriptorSet (protoc --include_imports "
                 "--descriptor_set_out=api.pb api.proto), or --reflect");
    return NULL;
}

/* What a snapshot's plan holds besides its arena. */
static void release_plan(struct snapshot *s)
{
    load_auth_release(s->plan);
    plan_release(s->plan);
}

/* The first line of its file. */
static bool load_redis_password(struct plan *plan, struct snapshot *s, const char *config,
                                struct tc_faults *faults)
{
    struct plan_redis *redis = &plan->redis;
    struct buf text;
    if (!redis->password_file)
        return true;
    struct str path = load_beside(config, str_c(redis->password_file), &s->arena);
    bool ok = path.p && load_file(path.p, REDIS_PASSWORD_MAX, &text, faults);
    struct str rest = ok ? buf_str(&text) : STR(""), line = str_trim(str_cut(&rest, '\n'));
    redis->config.password = arena_copy(&s->arena, line);
    if (ok && !line.n)
        tc_fault_add(faults, path, "is empty; its first line is the password of Redis");
    if (path.p)
        buf_release(&text);
    return ok && line.n && redis->config.password.p;
}

static bool load_plan(struct snapshot *s, const struct options *o, const struct config *c,
                      struct tc_faults *faults)
{
    const struct tc_schema *schema = load_schema(s, o, c, faults);
    if (!schema)
        return false;
    struct policy_input in = {
        .schema = schema,
        .config = c->message,
        .config_name = c->name,
        .config_line = config_line,
        .config_places = c->places,
        .clusters = c->clusters,
        .nclusters = c->nclusters,
        .default_upstream = upstream_of(o, c),
        /* To explain a request nobody has to serve it. */
        .names_open = (o->explain_target || o->explain_expr) && !upstream_of(o, c),
        .probe_expr = o->explain_expr,
        .probe_method = o->explain_rpc,
        .max_request = s->bounds.request_body,
        .max_response = s->bounds.response,
        .max_streams = s->bounds.streams,
    };
    struct plan *plan = policy_compile(&in, &s->arena, faults);
    s->plan = plan;
    if (!plan)
        return false;
    s->on_free = release_plan;
    load_auth(s, o->config, faults);
    if (!load_redis_password(plan, s, o->config, faults))
        return false;
    for (uint32_t i = 0; i < s->plan->nclusters; i++) {
        const char *why = transport_check(&s->plan->clusters[i]);
        if (why)
            tc_fault_add(faults, s->plan->clusters[i].name, "%s", why);
    }
    s->router = router_build(s->plan->routes, s->plan->nroutes, &s->arena, faults);
    return s->router && !faults->count;
}

static bool load_into(struct snapshot *s, const struct options *o, struct tc_faults *faults)
{
    struct config *c = config_load(o->config, &s->arena, faults);
    if (!c)
        return false;
    if (!apply_flags(o, c, &s->arena))
        return false;
    s->config = c;
    s->bounds = c->bounds;
    s->half_close_allowed = c->message->allow_half_close;
    if (!load_plan(s, o, c, faults))
        return false;
    if (o->upstream) /* only now: its faults are the flag's, not the file's */
        c->message->upstream = (char *)(uintptr_t)o->upstream;
    return true;
}

struct snapshot *load_snapshot(const struct options *o, uint32_t generation,
                               struct tc_faults *faults)
{
    struct snapshot *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    atomic_init(&s->references, 1);
    s->generation = generation;
    arena_init(&s->arena, SNAPSHOT_BLOCK, SNAPSHOT_MAX);
    if (load_into(s, o, faults))
        return s;
    if (!faults->count)
        tc_fault_add(faults, STR("postern"), "out of memory while loading");
    snapshot_release(s);
    return NULL;
}
