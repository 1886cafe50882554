#include "gateway/expr/check.h"
#include "gateway/expr/values.h"
#include "transcoder/suggest.h"

#define TEXT(c, ...) arena_printf((c)->arena, __VA_ARGS__)

/* The type of an entry's value; of "?value" that of what the optional holds. */
static const struct expr_type *value_type(struct expr_check *c, struct expr_entry *e)
{
    expr_check_node(c, e->value);
    const struct expr_type *t = expr_check_type(c, e->value);
    if (!e->optional || t->kind == EXPR_DYN || t->kind == EXPR_ERROR)
        return e->value->type;
    if (t->kind == EXPR_OPTIONAL)
        return t->of;
    expr_check_fault(c, e->value, STR_NONE,
                     TEXT(c,
                          "`?` before an entry wants an optional, as optional.of(x); this is "
                          "%.*s",
                          STR_ARG(expr_check_text(c, t))));
    return &expr_type_error;
}

static const struct expr_type *join(struct expr_check *c, const struct expr_type *all,
                                    const struct expr_type *one)
{
    return all ? expr_infer_join(&c->infer, all, one) : one;
}

void expr_check_list(struct expr_check *c, struct expr_node *n)
{
    const struct expr_type *of = NULL;

    for (uint32_t i = 0; i < n->nentries; i++)
        of = join(c, of, value_type(c, &n->entries[i]));
    expr_check_set(c, n, expr_type_list(c->arena, of ? of : expr_infer_fresh(&c->infer)));
}

static void check_key(struct expr_check *c, struct expr_node *key)
{
    expr_check_node(c, key);
    switch (expr_check_type(c, key)->kind) {
    case EXPR_BOOL:
    case EXPR_INT:
    case EXPR_UINT:
    case EXPR_STRING:
    case EXPR_DYN:
    case EXPR_PARAM:
    case EXPR_ERROR: return;
    default:
        expr_check_fault(c, key, STR_NONE,
                         TEXT(c, "a key is a bool, int, uint or string; this one is %.*s",
                              STR_ARG(expr_check_text(c, key->type))));
    }
}

void expr_check_map(struct expr_check *c, struct expr_node *n)
{
    const struct expr_type *key = NULL, *of = NULL;

    for (uint32_t i = 0; i < n->nentries; i++) {
        check_key(c, n->entries[i].key);
        key = join(c, key, n->entries[i].key->type);
        of = join(c, of, value_type(c, &n->entries[i]));
    }
    if (!n->nentries) {
        key = expr_infer_fresh(&c->infer);
        of = expr_infer_fresh(&c->infer);
    }
    expr_check_set(c, n, expr_type_map(c->arena, key, of));
}

static void check_field(struct expr_check *c, struct expr_node *n, struct expr_entry *e)
{
    const struct expr_type *given = value_type(c, e);
    const struct tc_message *m = n->message;

    e->into = expr_field_named(m, e->field);
    if (!e->into) {
        struct tc_suggestion s = tc_suggest_for(e->field);
        tc_suggest_fields(&s, m);
        expr_check_fault(c, n, e->field,
                         TEXT(c, "%.*s has no field `%.*s`%s%.*s%s", STR_ARG(m->full_name),
                              STR_ARG(e->field), s.best.p ? "; did you mean `" : "",
                              STR_ARG(s.best), s.best.p ? "`?" : ""));
        return;
    }
    const struct expr_type *type = expr_type_field(c->arena, e->into);
    if (!type)
        c->faults->out_of_memory = true;
    else if (!expr_infer_fits(&c->infer, type, given))
        expr_check_fault(c, e->value, STR_NONE,
                         TEXT(c, "field `%.*s` is %.*s; this value is %.*s", STR_ARG(e->field),
                              STR_ARG(expr_check_text(c, type)),
                              STR_ARG(expr_check_text(c, given))));
}

static void check_twice(struct expr_check *c, struct expr_node *n, uint32_t last)
{
    for (uint32_t i = 0; i < last; i++)
        if (n->entries[i].into && n->entries[i].into == n->entries[last].into)
            expr_check_fault(c, n, n->entries[last].field,
                             TEXT(c, "field `%.*s` is set twice", STR_ARG(n->entries[last].field)));
}

static void no_message(struct expr_check *c, struct expr_node *n)
{
    if (expr_check_enough(c, n))
        return;
    struct tc_suggestion s = tc_suggest_for(n->name);
    const struct tc_schema *schema = c->env->target.schema;
    struct str package = c->env->container;

    for (uint32_t i = 0; schema && i < schema->nmessages; i++) {
        struct str name = schema->messages[i]->full_name;
        tc_suggest(&s, name);
        if (package.n && name.n > package.n && str_starts(name, package))
            tc_suggest(&s, str_skip(name, package.n + 1));
    }
    expr_check_fault(c, n, n->name,
                     TEXT(c, "there is no message type `%.*s`%s%.*s%s", STR_ARG(n->name),
                          s.best.p ? "; did you mean `" : "", STR_ARG(s.best),
                          s.best.p ? "`?" : ""));
}

enum { FIELDS_COMPARED = 256 }; /* for being set twice; the evaluator takes the last of more */

void expr_check_struct(struct expr_check *c, struct expr_node *n)
{
    n->message = expr_check_message(c, n->name);
    if (!n->message) {
        for (uint32_t i = 0; i < n->nentries; i++)
            value_type(c, &n->entries[i]);
        no_message(c, n);
        return;
    }
    expr_check_set(c, n, expr_type_message(c->arena, n->message));
    for (uint32_t i = 0; i < n->nentries; i++) {
        check_field(c, n, &n->entries[i]);
        if (i < FIELDS_COMPARED)
            check_twice(c, n, i);
    }
}
