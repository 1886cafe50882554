#include "gateway/expr/values.h"

/* An item of a list, when there is one. */
static bool list_item(struct expr_run *r, const struct expr_value *list,
                      const struct expr_value *key, struct expr_value *out)
{
    int64_t i;
    if (!expr_whole(key, &i) || i < 0 || i >= expr_list_size(list))
        return false;
    *out = expr_list_at(r, list, (uint32_t)i);
    return true;
}

static struct expr_value no_such_key(struct expr_run *r, const struct expr_value *key)
{
    switch (key->kind) {
    case EXPR_STRING:
        return expr_fail(r, EXPR_FAIL_NO_SUCH_KEY, "no such key: \"%.*s\"",
                         (int)(key->s.n < 64 ? key->s.n : 64), key->s.n ? key->s.p : "");
    case EXPR_INT:
        return expr_fail(r, EXPR_FAIL_NO_SUCH_KEY, "no such key: %lld", (long long)key->i);
    case EXPR_UINT:
        return expr_fail(r, EXPR_FAIL_NO_SUCH_KEY, "no such key: %lluu",
                         (unsigned long long)key->u);
    default: return expr_fail(r, EXPR_FAIL_NO_SUCH_KEY, "no such key");
    }
}

struct expr_value expr_optional_of(struct expr_run *r, struct expr_value v)
{
    if (v.kind == EXPR_ERROR)
        return v;
    struct expr_value *inner = expr_alloc(r, sizeof *inner);
    if (!inner)
        return expr_no_memory();
    *inner = v;
    return (struct expr_value){.kind = EXPR_OPTIONAL, .optional = inner};
}

struct expr_value expr_index(struct expr_run *r, const struct expr_value *v,
                             const struct expr_value *key)
{
    struct expr_value out;
    if (v->kind == EXPR_OPTIONAL)
        return expr_optional_index(r, v, key);
    if (v->kind == EXPR_MAP)
        return expr_map_find(r, v, key, &out) ? out : no_such_key(r, key);
    if (v->kind != EXPR_LIST)
        return expr_no_overload(r, "_[_]");
    if (!expr_is_number(key))
        return expr_no_overload(r, "index of a list");
    if (list_item(r, v, key, &out))
        return out;
    return expr_fail(r, EXPR_FAIL_NO_SUCH_KEY, "index out of bounds of a list of %u",
                     expr_list_size(v));
}

struct expr_value expr_optional_index(struct expr_run *r, const struct expr_value *v,
                                      const struct expr_value *key)
{
    struct expr_value out;
    if (v->kind == EXPR_OPTIONAL)
        return v->optional ? expr_optional_index(r, v->optional, key) : *v;
    if (v->kind == EXPR_MAP)
        return expr_map_find(r, v, key, &out) ? expr_optional_of(r, out) : expr_optional_none();
    if (v->kind == EXPR_LIST)
        return list_item(r, v, key, &out) ? expr_optional_of(r, out) : expr_optional_none();
    return expr_no_overload(r, "_[?_]");
}

static struct expr_value no_such_field(struct expr_run *r, const struct tc_message *m,
                                       struct str name)
{
    return expr_fail(r, EXPR_FAIL_NO_SUCH_KEY, "no such field: %.*s has no \"%.*s\"",
                     STR_ARG(m->full_name), (int)(name.n < 64 ? name.n : 64), name.p);
}

struct expr_value expr_select(struct expr_run *r, const struct expr_value *v, struct str name)
{
    struct expr_value key = expr_string(name);
    if (v->kind == EXPR_OPTIONAL)
        return expr_optional_select(r, v, name);
    if (v->kind == EXPR_MAP)
        return expr_index(r, v, &key);
    if (v->kind != EXPR_MESSAGE)
        return expr_no_overload(r, "selection of a field");
    const struct tc_field *f = expr_field_named(v->message, name);
    return f ? expr_field(r, v, f) : no_such_field(r, v->message, name);
}

struct expr_value expr_has(struct expr_run *r, const struct expr_value *v, struct str name)
{
    struct expr_value key = expr_string(name), out;
    if (v->kind == EXPR_OPTIONAL)
        return v->optional ? expr_has(r, v->optional, name) : expr_bool(false);
    if (v->kind == EXPR_MAP)
        return expr_bool(expr_map_find(r, v, &key, &out));
    if (v->kind != EXPR_MESSAGE)
        return expr_no_overload(r, "has()");
    const struct tc_field *f = expr_field_named(v->message, name);
    return f ? expr_has_field(r, v, f) : no_such_field(r, v->message, name);
}

struct expr_value expr_optional_select(struct expr_run *r, const struct expr_value *v,
                                       struct str name)
{
    if (v->kind == EXPR_OPTIONAL)
        return v->optional ? expr_optional_select(r, v->optional, name) : *v;
    struct expr_value has = expr_has(r, v, name);
    if (has.kind == EXPR_ERROR)
        return has;
    return has.b ? expr_optional_of(r, expr_select(r, v, name)) : expr_optional_none();
}

bool expr_is_zero(const struct expr_value *v)
{
    switch (v->kind) {
    case EXPR_NULL: return true;
    case EXPR_BOOL: return !v->b;
    case EXPR_INT:
    case EXPR_UINT: return v->u == 0;
    case EXPR_DOUBLE: return v->d == 0;
    case EXPR_STRING:
    case EXPR_BYTES:
    case EXPR_MESSAGE: return v->s.n == 0;
    case EXPR_TIMESTAMP:
    case EXPR_DURATION: return v->time.seconds == 0 && v->time.nanos == 0;
    case EXPR_LIST: return expr_list_size(v) == 0;
    case EXPR_MAP: return expr_map_size(v) == 0;
    case EXPR_OPTIONAL: return !v->optional;
    default: return false;
    }
}
