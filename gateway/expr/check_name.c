#include "gateway/expr/check.h"
#include "transcoder/suggest.h"

#define TEXT(c, ...) arena_printf((c)->arena, __VA_ARGS__)

enum { SEGMENTS_MAX = 32 }; /* of a qualified name that is looked up: longer chains select fields */

static const struct expr_type list_type = {.kind = EXPR_LIST, .of = &expr_type_dyn};
static const struct expr_type map_type = {
    .kind = EXPR_MAP, .key = &expr_type_dyn, .of = &expr_type_dyn};
static const struct expr_type optional_type = {.kind = EXPR_OPTIONAL, .of = &expr_type_dyn};
static const struct expr_type type_type = {.kind = EXPR_TYPE, .of = &expr_type_dyn};

/* Types that are values: type(x) == int. */
static const struct {
    struct str name;
    struct expr_type type;
} type_names[] = {
    {STR_INIT("int"), {.kind = EXPR_TYPE, .of = &expr_type_int}},
    {STR_INIT("uint"), {.kind = EXPR_TYPE, .of = &expr_type_uint}},
    {STR_INIT("double"), {.kind = EXPR_TYPE, .of = &expr_type_double}},
    {STR_INIT("bool"), {.kind = EXPR_TYPE, .of = &expr_type_bool}},
    {STR_INIT("string"), {.kind = EXPR_TYPE, .of = &expr_type_string}},
    {STR_INIT("bytes"), {.kind = EXPR_TYPE, .of = &expr_type_bytes}},
    {STR_INIT("null_type"), {.kind = EXPR_TYPE, .of = &expr_type_null}},
    {STR_INIT("google.protobuf.Timestamp"), {.kind = EXPR_TYPE, .of = &expr_type_timestamp}},
    {STR_INIT("google.protobuf.Duration"), {.kind = EXPR_TYPE, .of = &expr_type_duration}},
    {STR_INIT("net.IP"), {.kind = EXPR_TYPE, .of = &expr_type_ip}},
    {STR_INIT("net.CIDR"), {.kind = EXPR_TYPE, .of = &expr_type_cidr}},
    {STR_INIT("list"), {.kind = EXPR_TYPE, .of = &list_type}},
    {STR_INIT("map"), {.kind = EXPR_TYPE, .of = &map_type}},
    {STR_INIT("type"), {.kind = EXPR_TYPE, .of = &type_type}},
    {STR_INIT("optional_type"), {.kind = EXPR_TYPE, .of = &optional_type}},
};

bool expr_check_candidate(const struct expr_check *c, struct str name, uint32_t i, char *buffer,
                          struct str *full)
{
    struct str container = c->env->container;

    if (name.n && name.p[0] == '.') {
        *full = str_skip(name, 1);
        return i == 0;
    }
    for (; i; i--) {
        if (!container.n)
            return false;
        while (container.n && container.p[container.n - 1] != '.')
            container.n--;
        container.n -= container.n > 0;
    }
    *full = name;
    if (!container.n)
        return true;
    if (container.n + 1 + name.n > EXPR_NAME_MAX) {
        *full = STR("");
        return true;
    }
    memcpy(buffer, container.p, container.n);
    buffer[container.n] = '.';
    memcpy(buffer + container.n + 1, name.p, name.n);
    *full = str_of(buffer, container.n + 1 + name.n);
    return true;
}

static bool found_variable(struct expr_check *c, struct expr_node *n, struct str full)
{
    for (uint32_t i = 0; i < c->env->nvariables; i++) {
        if (!str_eq(c->env->variables[i].name, full))
            continue;
        n->ref = EXPR_REF_SLOT;
        n->slot = i;
        expr_check_set(c, n, c->env->variables[i].type);
        return true;
    }
    return false;
}

static bool set_constant(struct expr_check *c, struct expr_node *n, struct expr_value v,
                         const struct expr_type *type)
{
    n->ref = EXPR_REF_CONSTANT;
    n->constant = v;
    expr_check_set(c, n, type);
    return true;
}

static bool set_type(struct expr_check *c, struct expr_node *n, const struct expr_type *type)
{
    struct expr_value v = {.kind = EXPR_TYPE, .type = type ? type->of : NULL};
    return set_constant(c, n, v, type);
}

static bool found_type(struct expr_check *c, struct expr_node *n, struct str full)
{
    for (size_t i = 0; i < sizeof type_names / sizeof *type_names; i++)
        if (str_eq(type_names[i].name, full))
            return set_type(c, n, &type_names[i].type);
    const struct tc_message *m = c->env->target.schema
                                     ? tc_schema_message(c->env->target.schema, full)
                                     : NULL;
    if (!m)
        return false;
    const struct expr_type *of = expr_type_message(c->arena, m);
    return set_type(c, n, of ? expr_type_type(c->arena, of) : NULL);
}

static const struct tc_enum *find_enum(const struct tc_schema *s, struct str full)
{
    uint32_t low = 0, high = s ? s->nenums : 0;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = str_cmp(s->enums[middle]->full_name, full);
        if (order == 0)
            return s->enums[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* "pkg.Color.RED". */
static bool found_enum_value(struct expr_check *c, struct expr_node *n, struct str full)
{
    size_t dot = full.n;

    while (dot && full.p[dot - 1] != '.')
        dot--;
    if (!dot)
        return false;
    const struct tc_enum *e = find_enum(c->env->target.schema, str_of(full.p, dot - 1));
    const struct tc_enum_value *v = e ? tc_enum_by_name(e, str_skip(full, dot)) : NULL;
    if (e && !v) {
        struct tc_suggestion s = tc_suggest_for(str_skip(full, dot));
        for (uint16_t i = 0; i < e->nvalues; i++)
            tc_suggest(&s, e->values[i].name);
        expr_check_fault(c, n, n->name,
                         TEXT(c, "%.*s has no value `%.*s`%s%.*s%s", STR_ARG(e->full_name),
                              STR_ARG(s.wrong), s.best.p ? "; did you mean `" : "", STR_ARG(s.best),
                              s.best.p ? "`?" : ""));
        return true;
    }
    if (v && e->is_null_value)
        return set_constant(c, n, expr_null(), &expr_type_null);
    return v && set_constant(c, n, expr_int(v->number), &expr_type_int);
}

/* Whether a chain of selections is short enough to be a name. */
static bool may_be_name(const struct expr_node *n)
{
    uint32_t segments = 1;

    for (; n->kind == EXPR_NODE_SELECT && !n->optional; n = n->operand)
        if (++segments > SEGMENTS_MAX)
            return false;
    return n->kind == EXPR_NODE_IDENT;
}

bool expr_check_name(struct expr_check *c, struct expr_node *n)
{
    char buffer[EXPR_NAME_MAX];
    struct str full, name;

    if (!may_be_name(n))
        return false;
    name = expr_node_qualified(c->arena, n);
    if (!name.p) {
        c->faults->out_of_memory = true;
        return false;
    }
    for (uint32_t i = 0; expr_check_candidate(c, name, i, buffer, &full); i++) {
        if (found_variable(c, n, full))
            return true;
        if (!n->test_only && (found_type(c, n, full) || found_enum_value(c, n, full)))
            return true;
    }
    return false;
}

/* The fold's variable of that name, innermost first; `*folds` lie between. */
static const struct expr_type *local_type(const struct expr_check *c, struct str name,
                                          uint32_t *folds)
{
    *folds = 0;
    for (const struct expr_scope *s = c->scope; s; s = s->up, ++*folds) {
        if (!s->result && str_eq(name, s->fold->var))
            return s->var;
        if (!s->result && s->fold->var2.p && str_eq(name, s->fold->var2))
            return s->var2;
        if (str_eq(name, s->fold->accu))
            return s->accu;
    }
    return NULL;
}

bool expr_check_is_local(const struct expr_check *c, const struct expr_node *n)
{
    uint32_t folds;

    while (n->kind == EXPR_NODE_SELECT)
        n = n->operand;
    return n->kind == EXPR_NODE_IDENT && local_type(c, n->name, &folds);
}

/* The variable in the group of `name` that is nearest to name.member, or just one when no member is
 * given; STR_NONE when `name` is no group, as `caller` is one of caller.tier. */
static struct str near_member(const struct expr_check *c, struct str name, struct str member)
{
    struct str any = STR_NONE;
    struct tc_suggestion s = tc_suggest_for(member);

    for (uint32_t i = 0; i < c->env->nvariables; i++) {
        struct str full = c->env->variables[i].name;
        if (!str_starts(full, name) || full.n <= name.n || full.p[name.n] != '.')
            continue;
        any = full;
        tc_suggest(&s, str_skip(full, name.n + 1));
    }
    return s.best.p && any.p ? str_of(s.best.p - name.n - 1, s.best.n + name.n + 1) : any;
}

static void undeclared(struct expr_check *c, struct expr_node *n)
{
    if (expr_check_enough(c, n))
        return;
    struct tc_suggestion s = tc_suggest_for(n->name);

    for (const struct expr_scope *scope = c->scope; scope; scope = scope->up)
        tc_suggest(&s, scope->fold->var);
    for (uint32_t i = 0; i < c->env->nvariables; i++)
        tc_suggest(&s, c->env->variables[i].name);
    struct str member = near_member(c, n->name, STR(""));
    struct str best = member.p ? member : s.best;
    if (best.p && best.p[0] == '@')
        best = STR_NONE;
    expr_check_fault(c, n, n->name,
                     TEXT(c, "undeclared name `%.*s`%s%.*s%s", STR_ARG(n->name),
                          best.p ? "; did you mean `" : "", STR_ARG(best), best.p ? "`?" : ""));
}

bool expr_check_no_member(struct expr_check *c, struct expr_node *n)
{
    const struct expr_node *group = n->operand;
    uint32_t folds;

    if (group->kind != EXPR_NODE_IDENT || local_type(c, group->name, &folds))
        return false;
    for (uint32_t i = 0; i < c->env->nvariables; i++)
        if (str_eq(c->env->variables[i].name, group->name))
            return false;
    struct str near = near_member(c, group->name, n->name);
    if (!near.p)
        return false;
    expr_check_fault(c, n, n->name,
                     TEXT(c, "undeclared name `%.*s.%.*s`; did you mean `%.*s`?",
                          STR_ARG(group->name), STR_ARG(n->name), STR_ARG(near)));
    return true;
}

/* has(name): of a variable that each call has the answer is no question. */
static void check_presence(struct expr_check *c, struct expr_node *n)
{
    if (n->ref != EXPR_REF_SLOT || !(c->env->variables[n->slot].flags & EXPR_MAY_BE_ABSENT))
        expr_check_fault(c, n, STR_NONE,
                         TEXT(c,
                              "`%.*s` is always there; has() asks for a field: "
                              "has(request.model)",
                              STR_ARG(n->name)));
    else
        expr_check_set(c, n, &expr_type_bool);
}

void expr_check_ident(struct expr_check *c, struct expr_node *n)
{
    const struct expr_type *local = local_type(c, n->name, &n->slot);

    if (local) {
        n->ref = EXPR_REF_LOCAL;
        expr_check_set(c, n, local);
    } else if (!expr_check_name(c, n)) {
        undeclared(c, n);
        return;
    }
    if (n->test_only)
        check_presence(c, n);
}

const struct tc_message *expr_check_message(struct expr_check *c, struct str name)
{
    char buffer[EXPR_NAME_MAX];
    struct str full;

    for (uint32_t i = 0; c->env->target.schema && expr_check_candidate(c, name, i, buffer, &full);
         i++) {
        const struct tc_message *m = tc_schema_message(c->env->target.schema, full);
        if (m)
            return m;
    }
    return NULL;
}
