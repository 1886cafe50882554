#include "gateway/expr/type.h"

const struct expr_type expr_type_dyn = {.kind = EXPR_DYN};
const struct expr_type expr_type_null = {.kind = EXPR_NULL};
const struct expr_type expr_type_bool = {.kind = EXPR_BOOL};
const struct expr_type expr_type_int = {.kind = EXPR_INT};
const struct expr_type expr_type_uint = {.kind = EXPR_UINT};
const struct expr_type expr_type_double = {.kind = EXPR_DOUBLE};
const struct expr_type expr_type_string = {.kind = EXPR_STRING};
const struct expr_type expr_type_bytes = {.kind = EXPR_BYTES};
const struct expr_type expr_type_timestamp = {.kind = EXPR_TIMESTAMP};
const struct expr_type expr_type_duration = {.kind = EXPR_DURATION};
const struct expr_type expr_type_ip = {.kind = EXPR_IP};
const struct expr_type expr_type_cidr = {.kind = EXPR_CIDR};
const struct expr_type expr_type_error = {.kind = EXPR_ERROR};

static const struct expr_type type_of_any = {.kind = EXPR_TYPE};
static const struct expr_type list_of_dyn = {.kind = EXPR_LIST, .of = &expr_type_dyn};
static const struct expr_type map_to_dyn = {
    .kind = EXPR_MAP, .key = &expr_type_string, .of = &expr_type_dyn};

/* Of a value on the wire, by enum tc_type. */
static const struct expr_type *const scalars[] = {
    [TC_DOUBLE] = &expr_type_double, [TC_FLOAT] = &expr_type_double,
    [TC_INT64] = &expr_type_int,     [TC_UINT64] = &expr_type_uint,
    [TC_INT32] = &expr_type_int,     [TC_FIXED64] = &expr_type_uint,
    [TC_FIXED32] = &expr_type_uint,  [TC_BOOL] = &expr_type_bool,
    [TC_STRING] = &expr_type_string, [TC_BYTES] = &expr_type_bytes,
    [TC_UINT32] = &expr_type_uint,   [TC_ENUM] = &expr_type_int,
    [TC_SFIXED32] = &expr_type_int,  [TC_SFIXED64] = &expr_type_int,
    [TC_SINT32] = &expr_type_int,    [TC_SINT64] = &expr_type_int,
};

static const struct expr_type wrappers[] = {
    [EXPR_BOOL] = {.kind = EXPR_WRAPPER, .of = &expr_type_bool},
    [EXPR_INT] = {.kind = EXPR_WRAPPER, .of = &expr_type_int},
    [EXPR_UINT] = {.kind = EXPR_WRAPPER, .of = &expr_type_uint},
    [EXPR_DOUBLE] = {.kind = EXPR_WRAPPER, .of = &expr_type_double},
    [EXPR_STRING] = {.kind = EXPR_WRAPPER, .of = &expr_type_string},
    [EXPR_BYTES] = {.kind = EXPR_WRAPPER, .of = &expr_type_bytes},
};

static const struct expr_type *keep(struct arena *a, struct expr_type t)
{
    struct expr_type *kept = arena_alloc(a, sizeof *kept);
    if (kept)
        *kept = t;
    return kept;
}

const struct expr_type *expr_type_list(struct arena *a, const struct expr_type *of)
{
    return keep(a, (struct expr_type){.kind = EXPR_LIST, .of = of});
}

const struct expr_type *expr_type_map(struct arena *a, const struct expr_type *key,
                                      const struct expr_type *of)
{
    return keep(a, (struct expr_type){.kind = EXPR_MAP, .key = key, .of = of});
}

const struct expr_type *expr_type_optional(struct arena *a, const struct expr_type *of)
{
    return keep(a, (struct expr_type){.kind = EXPR_OPTIONAL, .of = of});
}

const struct expr_type *expr_type_type(struct arena *a, const struct expr_type *of)
{
    return of ? keep(a, (struct expr_type){.kind = EXPR_TYPE, .of = of}) : &type_of_any;
}

const struct expr_type *expr_type_wrapper(const struct expr_type *of)
{
    return of->kind <= EXPR_BYTES && wrappers[of->kind].of ? &wrappers[of->kind] : NULL;
}

const struct expr_type *expr_type_message(struct arena *a, const struct tc_message *m)
{
    switch ((enum tc_wkt)m->wkt) {
    case TC_WKT_ANY:
    case TC_WKT_VALUE: return &expr_type_dyn;
    case TC_WKT_TIMESTAMP: return &expr_type_timestamp;
    case TC_WKT_DURATION: return &expr_type_duration;
    case TC_WKT_STRUCT: return &map_to_dyn;
    case TC_WKT_LIST_VALUE: return &list_of_dyn;
    case TC_WKT_WRAPPER: return &wrappers[scalars[m->fields[0].type]->kind];
    case TC_WKT_FIELD_MASK:
    case TC_WKT_HTTP_BODY:
    case TC_WKT_NONE:
    case TC_WKT_COUNT: break;
    }
    return keep(a, (struct expr_type){.kind = EXPR_MESSAGE, .message = m});
}

static const struct expr_type *element(struct arena *a, const struct tc_field *f)
{
    if (f->type == TC_ENUM && f->enumeration->is_null_value)
        return &expr_type_null;
    return scalars[f->type] ? scalars[f->type] : expr_type_message(a, f->message);
}

const struct expr_type *expr_type_field(struct arena *a, const struct tc_field *f)
{
    if (f->flags & TC_MAP) {
        const struct expr_type *key = element(a, &f->message->fields[0]);
        const struct expr_type *of = element(a, &f->message->fields[1]);
        return key && of ? expr_type_map(a, key, of) : NULL;
    }
    const struct expr_type *of = element(a, f);
    return of && f->flags & TC_REPEATED ? expr_type_list(a, of) : of;
}

bool expr_type_equal(const struct expr_type *a, const struct expr_type *b)
{
    for (; a != b; a = a->of, b = b->of) {
        if (!a || !b || a->kind != b->kind || a->param != b->param || a->message != b->message)
            return false;
        if (a->kind == EXPR_MAP && !expr_type_equal(a->key, b->key))
            return false;
    }
    return true;
}

bool expr_type_has_dyn(const struct expr_type *t)
{
    for (; t; t = t->of) {
        if (t->kind == EXPR_DYN || (t->kind == EXPR_MAP && expr_type_has_dyn(t->key)))
            return true;
        if (t->kind == EXPR_TYPE)
            return false;
    }
    return false;
}

static const char *const names[EXPR_KINDS] = {
    [EXPR_DYN] = "dyn",
    [EXPR_NULL] = "null",
    [EXPR_BOOL] = "bool",
    [EXPR_INT] = "int",
    [EXPR_UINT] = "uint",
    [EXPR_DOUBLE] = "double",
    [EXPR_STRING] = "string",
    [EXPR_BYTES] = "bytes",
    [EXPR_TIMESTAMP] = "timestamp",
    [EXPR_DURATION] = "duration",
    [EXPR_LIST] = "list",
    [EXPR_MAP] = "map",
    [EXPR_TYPE] = "type",
    [EXPR_OPTIONAL] = "optional_type",
    [EXPR_WRAPPER] = "wrapper",
    [EXPR_IP] = "ip",
    [EXPR_CIDR] = "cidr",
    [EXPR_ERROR] = "error",
};

struct str expr_type_text(struct arena *a, const struct expr_type *t)
{
    if (t->kind == EXPR_MESSAGE)
        return t->message->full_name;
    if (t->kind == EXPR_PARAM)
        return arena_printf(a, "%c", 'A' + (int)(t->param % 26));
    struct str name = str_c(names[t->kind]);
    if (!t->of)
        return name;
    struct str of = expr_type_text(a, t->of), key = t->key ? expr_type_text(a, t->key) : STR("");
    if (!of.p || !key.p)
        return STR_NONE;
    return arena_printf(a, "%.*s(%.*s%s%.*s)", STR_ARG(name), STR_ARG(key), t->key ? ", " : "",
                        STR_ARG(of));
}
