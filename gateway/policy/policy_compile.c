#include "gateway/policy/policy_auth.h"

enum { SCRATCH_BLOCK = 32 << 10 };

struct str policy_text(struct compile *c, struct str text)
{
    if (text.p)
        return text;
    c->no_memory = true;
    return STR("");
}

void *policy_array(struct compile *c, size_t n, size_t size)
{
    void *p = arena_array(c->arena, n, size);

    c->no_memory |= !p;
    return p;
}

/* ---- places ---- */

static struct str line_place(struct compile *c, struct str name, uint32_t line)
{
    return line ? TEXT(c, "%.*s:%u", STR_ARG(name), line) : name;
}

static struct str whole_path(struct compile *c, const struct origin *o, struct str path)
{
    if (!o->prefix.p)
        return path;
    return TEXT(c, "%.*s%s%.*s", STR_ARG(o->prefix), o->prefix.n && path.n ? "." : "",
                STR_ARG(path));
}

/* The line of the closest thing that the configuration's reader knows a line of. */
static uint32_t config_line_of(struct compile *c, struct str path)
{
    const struct policy_input *in = c->in;

    while (in->config_line && path.n) {
        struct str text = policy_text(c, arena_copy(c->arena, path));
        uint32_t line = text.n ? in->config_line(in->config_places, text.p) : 0;
        if (line)
            return line;
        do
            path.n--;
        while (path.n && path.p[path.n] != '.');
    }
    return 0;
}

struct str policy_origin_place(struct compile *c, const struct origin *o, struct str path)
{
    if (!o->prefix.p)
        return o->place;
    return line_place(c, c->in->config_name, config_line_of(c, whole_path(c, o, path)));
}

void policy_fault(struct compile *c, const struct origin *o, struct str path, struct str sentence)
{
    struct str where = whole_path(c, o, path), place = policy_origin_place(c, o, path);

    /* Once memory was short what looks like a mistake may be none. */
    c->no_memory |= !sentence.p;
    if (!c->no_memory)
        tc_fault_add(c->faults, place, "%.*s%s%.*s", STR_ARG(where), where.n ? ": " : "",
                     STR_ARG(sentence));
}

/* Options first, the declaration next, else the name. */
static struct str proto_place(struct compile *c, const struct tc_file *f, uint32_t option_line,
                              uint32_t line, struct str name)
{
    uint32_t best = option_line ? option_line : line;
    return best ? line_place(c, f->name, best) : name;
}

struct origin policy_method_origin(struct compile *c, const struct tc_method *m, uint32_t number)
{
    struct str name = str_skip(m->path, 1); /* "pkg.Service/Method" */
    return (struct origin){.place = proto_place(c, m->service->file,
                                                tc_option_line(&m->options, number), m->line,
                                                name)};
}

struct origin policy_service_origin(struct compile *c, const struct tc_service *s, uint32_t number)
{
    return (struct origin){.place = proto_place(c, s->file, tc_option_line(&s->options, number),
                                                s->line, s->full_name)};
}

struct origin policy_file_origin(struct compile *c, const struct tc_file *f)
{
    return (struct origin){
        .place = line_place(c, f->name, tc_option_line(&f->options, OPTION_POSTERN))};
}

/* ---- the whole ---- */

static uint32_t count_methods(const struct tc_schema *s)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < s->nservices; i++)
        n += s->services[i].nmethods;
    return n;
}

static bool begin(struct compile *c)
{
    const struct policy_input *in = c->in;
    const Postern__V1__Config *config = in->config;

    c->policies = policy_array(c, count_methods(in->schema), sizeof *c->policies);
    c->cluster_room = in->nclusters + 8;
    c->clusters = policy_array(c, c->cluster_room, sizeof *c->clusters);
    c->noverrides = config ? (uint32_t)config->n_overrides : 0;
    c->overrides = policy_array(c, c->noverrides, sizeof *c->overrides);
    c->http_used = policy_array(c, config ? config->n_http : 0, sizeof *c->http_used);
    if (c->no_memory)
        return false;
    if (in->nclusters)
        memcpy(c->clusters, in->clusters, in->nclusters * sizeof *c->clusters);
    c->nclusters = in->nclusters;
    return true;
}

/* --upstream, or `upstream` of the configuration. */
static void read_default_upstream(struct compile *c)
{
    const struct policy_input *in = c->in;
    struct origin flag = {.place = STR("--upstream")}, file = {.prefix = STR("")};

    c->default_cluster = PLAN_NO_CLUSTER;
    if (!in->default_upstream)
        return;
    bool from_file = in->config && str_eq(str_c(in->config->upstream), str_c(in->default_upstream));
    c->default_cluster = policy_cluster_resolve(
        c, from_file ? &file : &flag, from_file ? STR("upstream") : STR(""), in->default_upstream);
}

static void read_overrides(struct compile *c)
{
    for (uint32_t i = 0; i < c->noverrides; i++) {
        const Postern__V1__Override *o = c->in->config->overrides[i];
        struct origin at = {.prefix = TEXT(c, "overrides[%u].policy", i)};
        policy_layer_read(c, &c->overrides[i], o->policy, &at);
        c->overrides[i].selector = str_c(o->selector);
    }
}

/* Far to close: file, service, method, then the overrides that name it. */
static void add_method(struct compile *c, const struct tc_method *m, const struct layer *file,
                       const struct layer *service, const struct layer **layers)
{
    struct layer own = {.policy = NULL};
    struct origin at = policy_method_origin(c, m, OPTION_POSTERN);
    size_t n = 3;

    policy_layer_read(c, &own, policy_options_policy(c, &m->options, &at), &at);
    layers[0] = file;
    layers[1] = service;
    layers[2] = &own;
    for (uint32_t i = 0; i < c->noverrides; i++) {
        if (!policy_selector_matches(c->overrides[i].selector, m->full_name))
            continue;
        c->overrides[i].matched = true;
        layers[n++] = &c->overrides[i];
    }
    struct method_policy *p = &c->policies[c->npolicies];
    p->index = c->npolicies++;
    policy_inherit(c, p, m, layers, n);
    policy_http_routes(c, p);
}

/* One fault for all RPCs of a service that nobody serves. */
static void check_upstreams(struct compile *c, const struct tc_service *s, uint32_t first)
{
    struct origin at = policy_service_origin(c, s, 0);
    const struct tc_method *missing = NULL;
    uint32_t n = 0;

    for (uint32_t i = first; i < c->npolicies; i++) {
        if (c->policies[i].cluster != PLAN_NO_CLUSTER)
            continue;
        missing = missing ? missing : c->policies[i].method;
        n++;
    }
    if (!missing)
        return;
    struct str others = n > 1 ? TEXT(c, " and %u more of its service", n - 1) : STR("");
    FAULT(
        c, &at, STR(""),
        "nobody serves %.*s%.*s: give --upstream host:port, `upstream` in the configuration, or an "
        "upstream in the options of the file, service or rpc",
        STR_ARG(missing->full_name), STR_ARG(others));
}

static void add_service(struct compile *c, const struct tc_service *s, const struct layer *file,
                        const struct layer **layers)
{
    struct layer own = {.policy = NULL};
    struct origin at = policy_service_origin(c, s, OPTION_POSTERN);
    uint32_t first = c->npolicies;

    policy_layer_read(c, &own, policy_options_policy(c, &s->options, &at), &at);
    for (uint32_t i = 0; i < s->nmethods && !c->no_memory; i++)
        add_method(c, &s->methods[i], file, &own, layers);
    if (!c->in->names_open)
        check_upstreams(c, s, first);
}

static void add_services(struct compile *c)
{
    const struct tc_schema *schema = c->in->schema;
    const struct layer **layers = policy_array(c, 3 + (size_t)c->noverrides,
                                               sizeof(struct layer *));
    struct layer file = {.policy = NULL};

    for (uint32_t i = 0; i < schema->nservices && layers && !c->no_memory; i++) {
        const struct tc_service *s = &schema->services[i];
        if (i == 0 || s->file != s[-1].file) {
            struct origin at = policy_file_origin(c, s->file);
            file = (struct layer){.policy = NULL};
            policy_layer_read(c, &file, policy_options_policy(c, &s->file->options, &at), &at);
        }
        add_service(c, s, &file, layers);
    }
}

static void check_override_selectors(struct compile *c)
{
    for (uint32_t i = 0; i < c->noverrides; i++) {
        const struct layer *l = &c->overrides[i];
        struct origin at = {.prefix = TEXT(c, "overrides[%u]", i)};
        struct tc_suggestion s = tc_suggest_for(l->selector);
        if (!l->policy)
            FAULT(c, &at, STR("policy"), "is missing; without it the override changes nothing");
        if (l->matched)
            continue;
        for (uint32_t m = 0; m < c->npolicies; m++) {
            const struct tc_method *method = c->policies[m].method;
            tc_suggest(&s, method->full_name);
            tc_suggest(&s, TEXT(c, "%.*s.*", STR_ARG(method->service->full_name)));
            tc_suggest(&s, TEXT(c, "%.*s.*", STR_ARG(method->service->file->package)));
        }
        FAULT(c, &at, STR("selector"),
              "\"%.*s\" matches no rpc; write pkg.Service.Method, pkg.Service.*, pkg.* or *%.*s",
              STR_ARG(l->selector), STR_ARG(policy_suggest_text(c, &s)));
    }
}

/* Routes that take the same requests, even when other things are wrong too. */
static void check_twins(struct compile *c)
{
    struct arena scratch;

    if (c->no_memory)
        return;
    arena_init(&scratch, SCRATCH_BLOCK, SIZE_MAX);
    router_build(c->routes, c->nroutes, &scratch, c->faults);
    c->no_memory |= c->faults->out_of_memory;
    arena_release(&scratch);
}

struct plan *policy_compile(const struct policy_input *in, struct arena *arena,
                            struct tc_faults *faults)
{
    struct compile c = {.in = in, .arena = arena, .faults = faults};
    size_t before = faults->count;

    if (begin(&c)) {
        policy_providers_read(&c);
        policy_identity_read(&c);
        policy_tables_read(&c);
        read_default_upstream(&c);
        read_overrides(&c);
        add_services(&c);
        check_override_selectors(&c);
        policy_http_check_selectors(&c);
        policy_auth_check_open(&c);
        policy_probe_check(&c);
        check_twins(&c);
    }
    struct plan_limits limits = {.service = PLAN_NO_CLUSTER};
    struct plan_redis redis = {0};
    struct proxies proxies = {0};
    struct plan_hidden hidden;
    policy_auth_hidden(&c, NULL, &hidden);
    policy_limit_stores(&c, &limits);
    policy_redis(&c, &redis);
    policy_proxies(&c, &proxies);
    struct plan *plan = policy_array(&c, 1, sizeof *plan);
    if (c.no_memory)
        faults->out_of_memory = true;
    if (c.no_memory || faults->count != before) {
        plan_release(&(struct plan){.envs = c.envs});
        return NULL;
    }
    *plan = (struct plan){.envs = c.envs,
                          .schema = in->schema,
                          .policies = c.policies,
                          .npolicies = c.npolicies,
                          .routes = c.routes,
                          .nroutes = c.nroutes,
                          .clusters = c.clusters,
                          .nclusters = c.nclusters,
                          .providers = c.providers,
                          .nproviders = c.nproviders,
                          .concealed = c.concealed,
                          .nconcealed = c.nconcealed,
                          .hidden = hidden,
                          .identity = c.identity,
                          .probe = c.probe,
                          .limits = limits,
                          .redis = redis,
                          .proxies = proxies};
    return plan;
}
