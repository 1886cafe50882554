#include "gateway/core/metadata.h"
#include "gateway/policy/policy_expr.h"

/* Conditions and metadata of one method: they add up over the levels, the same name replaces. */

enum { RULES_MAX = 256 };

/* An entry and where it stands. */
struct found {
    const struct layer *layer;
    size_t index;
    struct str name;
};

struct list {
    struct found *items;
    size_t n;
};

static void add(struct list *list, const struct layer *l, size_t index, struct str name)
{
    size_t at = 0;

    while (at < list->n && !str_eq(list->items[at].name, name))
        at++;
    list->items[at] = (struct found){l, index, name};
    list->n += at == list->n;
}

static size_t count(const struct compile *c, bool metadata)
{
    size_t n = 0;
    for (size_t i = 0; i < c->nlayers; i++) {
        const Postern__V1__Policy *p = c->layers[i]->policy;
        n += !p ? 0 : metadata ? p->n_metadata : p->n_allow;
    }
    return n;
}

/* ---- allow ---- */

static void compile_condition(struct compile *c, struct method_policy *p, const struct found *f,
                              struct plan_expr *out)
{
    const Postern__V1__Condition *condition = f->layer->policy->allow[f->index];
    struct expr_at at = {f->layer, TEXT(c, "allow[%zu].expr", f->index), condition};

    out->name = f->name;
    out->pass_on_error = condition->on_error == POSTERN__V1__ON_ERROR__PASS;
    if (condition->expr[0]) /* else it has been said that it is missing */
        policy_expr_compile(c, p, &at, condition->expr, &expr_type_bool, PLAN_MESSAGE, out);
}

static void read_allow(struct compile *c, struct method_policy *p)
{
    struct list list = {policy_array(c, count(c, false), sizeof *list.items), 0};

    for (size_t i = 0; i < c->nlayers && !c->no_memory; i++) {
        const struct layer *l = c->layers[i];
        for (size_t j = 0; l->policy && j < l->policy->n_allow; j++)
            add(&list, l, j, str_c(l->policy->allow[j]->name));
    }
    struct plan_expr *allow = policy_array(c, list.n, sizeof *allow);
    for (size_t i = 0; i < list.n && !c->no_memory; i++)
        compile_condition(c, p, &list.items[i], &allow[i]);
    p->allow = allow;
    p->nallow = (uint16_t)list.n;
}

/* ---- metadata ---- */

static bool is_binary(struct str key)
{
    return str_ends(key, STR("-bin"));
}

/* string, or bytes for a "-bin" key, or optional of it; a dyn value is judged when it runs. */
static bool fits(struct str key, const struct expr_type *t)
{
    enum expr_kind wanted = is_binary(key) ? EXPR_BYTES : EXPR_STRING;
    if (t->kind == EXPR_OPTIONAL)
        t = t->of;
    return t->kind == wanted || t->kind == EXPR_DYN;
}

static void compile_metadata(struct compile *c, struct method_policy *p, const struct found *f,
                             struct plan_metadata *out)
{
    const Postern__V1__MetadataRule *rule = f->layer->policy->metadata[f->index];
    struct expr_at at = {f->layer, TEXT(c, "metadata[%zu].value", f->index), rule};

    out->key = out->value.name = f->name;
    out->value.pass_on_error = rule->on_error == POSTERN__V1__ON_ERROR__PASS;
    if (!rule->_value_case)
        return;
    if (!policy_expr_compile(c, p, &at, rule->value, NULL, PLAN_MESSAGE, &out->value))
        return;
    const struct expr_type *type = out->value.program->type;
    if (!fits(f->name, type))
        FAULT(c, &f->layer->origin, at.path,
              "is of type %.*s; \"%.*s\" carries %s, or an optional of it",
              STR_ARG(policy_text(c, expr_type_text(c->arena, type))), STR_ARG(f->name),
              is_binary(f->name) ? "bytes" : "a string: write string(...)");
}

static void read_metadata(struct compile *c, struct method_policy *p)
{
    struct list list = {policy_array(c, count(c, true), sizeof *list.items), 0};

    for (size_t i = 0; i < c->nlayers && !c->no_memory; i++) {
        const struct layer *l = c->layers[i];
        for (size_t j = 0; l->policy && j < l->policy->n_metadata; j++)
            add(&list, l, j, str_c(l->policy->metadata[j]->key));
    }
    struct plan_metadata *metadata = policy_array(c, list.n, sizeof *metadata);
    for (size_t i = 0; i < list.n && !c->no_memory; i++)
        compile_metadata(c, p, &list.items[i], &metadata[i]);
    p->metadata = metadata;
    p->nmetadata = (uint16_t)list.n;
}

void policy_rules_compile(struct compile *c, struct method_policy *p)
{
    read_allow(c, p);
    read_metadata(c, p);
}

/* ---- what can be judged without a method ---- */

static void check_names(struct compile *c, const struct layer *l)
{
    for (size_t i = 0; i < l->policy->n_allow; i++) {
        const Postern__V1__Condition *condition = l->policy->allow[i];
        if (!condition->name[0])
            FAULT(c, &l->origin, TEXT(c, "allow[%zu].name", i),
                  "is missing; answers and logs name the condition that has refused a call");
        if (!condition->expr[0])
            FAULT(c, &l->origin, TEXT(c, "allow[%zu].expr", i),
                  "is missing; write a condition, as in \"'infer' in caller.scopes\"");
        for (size_t j = 0; j < i; j++)
            if (condition->name[0] && !strcmp(condition->name, l->policy->allow[j]->name))
                FAULT(c, &l->origin, TEXT(c, "allow[%zu].name", i),
                      "\"%s\" is the name of allow[%zu] too; give each condition its own",
                      condition->name, j);
    }
}

static void check_keys(struct compile *c, const struct layer *l)
{
    for (size_t i = 0; i < l->policy->n_metadata; i++) {
        const char *key = l->policy->metadata[i]->key;
        struct str path = TEXT(c, "metadata[%zu].key", i);
        if (!metadata_settable(str_c(key)))
            FAULT(c, &l->origin, path,
                  "\"%s\" is no metadata that a rule can set: lower-case letters, digits, '-', '_' "
                  "and '.', and none of gRPC's or HTTP's own",
                  key);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(key, l->policy->metadata[j]->key))
                FAULT(c, &l->origin, path, "\"%s\" is set by metadata[%zu] already", key, j);
    }
}

void policy_rules_check(struct compile *c, const struct layer *l)
{
    if (l->policy->n_allow > RULES_MAX || l->policy->n_metadata > RULES_MAX) {
        FAULT(c, &l->origin, l->policy->n_allow > RULES_MAX ? STR("allow") : STR("metadata"),
              "has more than %d entries", RULES_MAX);
        return;
    }
    check_names(c, l);
    check_keys(c, l);
}
