#include "gateway/policy/policy_expr.h"

#include "gateway/policy/attributes.h"

/* ---- the environment of a method ---- */

static bool declared(const struct plan_attributes *a, struct str name)
{
    for (uint32_t i = 0; i < a->nclaims; i++)
        if (str_eq(a->claims[i], name))
            return true;
    return false;
}

struct claims {
    struct compile *c;
    struct plan_attributes *to;
    struct str *names;
    uint8_t *types;
};

/* A closer level may give a claim another type. */
static void add_claim(struct claims *s, const struct layer *l, size_t i)
{
    const Postern__V1__Claim *claim = l->policy->claims[i];
    struct str name = str_c(claim->name);

    if (name.n == 0)
        FAULT(s->c, &l->origin, TEXT(s->c, "claims[%zu].name", i),
              "is missing; name the claim that expressions read as claims.NAME");
    for (uint32_t j = 0; j < s->to->nclaims; j++)
        if (str_eq(s->names[j], name))
            s->types[j] = (uint8_t)claim->type;
    if (declared(s->to, name))
        return;
    s->names[s->to->nclaims] = name;
    s->types[s->to->nclaims++] = (uint8_t)claim->type;
}

static bool gather_claims(struct compile *c, struct plan_attributes *a)
{
    size_t n = 0;

    for (size_t i = 0; i < c->nlayers; i++)
        n += c->layers[i]->policy ? c->layers[i]->policy->n_claims : 0;
    struct claims s = {c, a, policy_array(c, n, sizeof *s.names), policy_array(c, n, 1)};
    a->claims = s.names;
    a->claim_types = s.types;
    if (c->no_memory)
        return false;
    for (size_t i = 0; i < c->nlayers; i++)
        for (size_t j = 0; c->layers[i]->policy && j < c->layers[i]->policy->n_claims; j++)
            add_claim(&s, c->layers[i], j);
    return !c->no_memory;
}

static bool declare_claims(struct compile *c, const struct plan_attributes *a, struct expr_env *env)
{
    for (uint32_t i = 0; i < a->nclaims; i++) {
        const struct expr_type *type = attributes_claim_type(a->claim_types[i], c->arena);
        struct str name = TEXT(c, "claims.%.*s", STR_ARG(a->claims[i]));
        if (!type || expr_declare(env, name, type, EXPR_MAY_BE_ABSENT) == UINT32_MAX)
            return false;
    }
    return true;
}

static bool declare_tables(struct compile *c, struct plan_attributes *a, struct expr_env *env)
{
    const Postern__V1__Config *config = c->in->config;
    const struct expr_type *list = expr_type_list(c->arena, &expr_type_string);
    const struct expr_type *map = list ? expr_type_map(c->arena, &expr_type_string, list) : NULL;

    a->tables = c->tables;
    for (size_t i = 0; map && config && i < config->n_tables; i++)
        if (expr_declare(env, TEXT(c, "tables.%s", config->tables[i]->name), map, 0) == UINT32_MAX)
            return false;
    return map != NULL;
}

/* Listed at once, so that it is given back whatever comes of the compilation. */
static struct expr_env *new_env(struct compile *c, const struct expr_env_spec *spec)
{
    struct plan_env *listed = policy_array(c, 1, sizeof *listed);
    if (!listed || !(listed->env = expr_env_new(spec)))
        return NULL;
    listed->next = c->envs;
    c->envs = listed;
    return listed->env;
}

static struct expr_env *make_env(struct compile *c, struct method_policy *p)
{
    const Postern__V1__Config *config = c->in->config;
    const Postern__V1__Expressions *bounds = config ? config->expressions : NULL;
    struct expr_env_spec spec = {
        .schema = c->in->schema,
        .container = p->method->service->file->package,
        .arena = c->arena,
        .max_items = bounds ? bounds->max_items : 0,
        .max_cost = bounds ? bounds->max_cost : 0,
        .refuse_failing = true,
        .refuse_dyn = bounds && bounds->refuse_dyn,
    };
    struct plan_attributes *a = policy_array(c, 1, sizeof *a);
    struct expr_env *env = a && gather_claims(c, a) ? new_env(c, &spec) : NULL;

    if (!env || !attributes_declare(env, p->method, c->arena) || !declare_claims(c, a, env) ||
        !declare_tables(c, a, env)) {
        c->no_memory = true;
        return NULL;
    }
    a->env = env;
    p->attributes = a;
    return env;
}

/* ---- faults ---- */

static bool seen(struct compile *c, const void *option)
{
    for (const struct faulty *f = c->faulty; f; f = f->next)
        if (f->option == option)
            return true;
    struct faulty *f = policy_array(c, 1, sizeof *f);
    if (f) {
        *f = (struct faulty){c->faulty, option};
        c->faulty = f;
    }
    return false;
}

/* The method's own options say by their place which RPC it is. */
static void wrong(struct compile *c, const struct method_policy *p, const struct expr_at *at,
                  struct str sentence)
{
    bool own = at->layer == c->layers[2];
    policy_fault(c, &at->layer->origin, at->path,
                 own ? sentence
                     : TEXT(c, "%.*s%s(rpc %.*s)", STR_ARG(sentence),
                            str_find(sentence, '\n') < sentence.n ? "\n  " : " ",
                            STR_ARG(p->method->full_name)));
}

static void wrong_expression(struct compile *c, const struct method_policy *p,
                             const struct expr_at *at, struct str source,
                             const struct expr_faults *faults)
{
    c->no_memory |= faults->out_of_memory;
    if (seen(c, at->option))
        return;
    for (const struct expr_fault *f = faults->first; f; f = f->next)
        wrong(c, p, at, policy_text(c, expr_fault_text(c->arena, source, f)));
}

static const char *reads_too_early(enum plan_when latest)
{
    return latest == PLAN_HEAD
               ? "reads the request message, which is not there yet when this is decided"
               : "reads `response`, which is not there yet when this is decided";
}

/* What a program that runs when the answer comes must keep of the request. */
static void note_request(struct method_policy *p, const struct plan_expr *e)
{
    struct plan_attributes *a = (struct plan_attributes *)(uintptr_t)p->attributes;
    for (uint32_t i = 0; e->when == PLAN_REPLY && i < e->program->nslots; i++)
        a->request_later |= e->program->slots[i] == ATTRIBUTE_REQUEST;
}

bool policy_expr_compile(struct compile *c, struct method_policy *p, const struct expr_at *at,
                         const char *source, const struct expr_type *want, enum plan_when latest,
                         struct plan_expr *out)
{
    struct expr_faults faults = {.tail = &faults.first};
    struct str text = str_c(source);
    struct expr_env *env = p->attributes ? c->env : (c->env = make_env(c, p));

    if (!env)
        return false;
    out->source = text;
    out->program = expr_compile(env, text, want, &faults);
    if (!out->program) {
        c->no_memory |= faults.count == 0;
        wrong_expression(c, p, at, text, &faults);
        return false;
    }
    out->when = attributes_when(out->program);
    if (out->when > latest) {
        if (!seen(c, at->option))
            wrong(c, p, at, str_c(reads_too_early(latest)));
        return false;
    }
    note_request(p, out);
    return true;
}
