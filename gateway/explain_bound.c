#include "gateway/explain_internal.h"
#include "transcoder/decode.h"

/* The fields that path and query have set: the path of each, its value as JSON, its type. */

static const char *const scalars[] = {
    [TC_DOUBLE] = "double",     [TC_FLOAT] = "float",   [TC_INT64] = "int64",
    [TC_UINT64] = "uint64",     [TC_INT32] = "int32",   [TC_FIXED64] = "fixed64",
    [TC_FIXED32] = "fixed32",   [TC_BOOL] = "bool",     [TC_STRING] = "string",
    [TC_BYTES] = "bytes",       [TC_UINT32] = "uint32", [TC_SFIXED32] = "sfixed32",
    [TC_SFIXED64] = "sfixed64", [TC_SINT32] = "sint32", [TC_SINT64] = "sint64",
};

static struct str single_type(const struct tc_field *f)
{
    if (f->message)
        return f->message->full_name;
    return f->type == TC_ENUM ? f->enumeration->full_name : str_c(scalars[f->type]);
}

static struct str type_of(const struct explanation *e, const struct tc_field *f)
{
    if (f->flags & TC_MAP)
        return arena_printf(e->arena, "map<%.*s, %.*s>",
                            STR_ARG(single_type(&f->message->fields[0])),
                            STR_ARG(single_type(&f->message->fields[1])));
    return arena_printf(e->arena, "%s%.*s", f->flags & TC_REPEATED ? "repeated " : "",
                        STR_ARG(single_type(f)));
}

/* The leaf's value, as an answer would show it; p == NULL for one that was refused. */
static struct str value_of(const struct explanation *e, const struct tc_message *m,
                           const struct tc_bound *leaf)
{
    struct tc_decode_spec spec = {
        .schema = e->s->plan->schema, .message = m, .field = leaf->field, .int64_as_numbers = true};
    struct tc_decoder *d = tc_decoder_new(e->arena, &spec, buf_str(&leaf->wire), NULL);
    struct buf json;

    buf_init(&json, SIZE_MAX / 2);
    bool ok = d && tc_decode_some(d, &json, SIZE_MAX) == TC_OK;
    struct str text = ok ? arena_copy(e->arena, buf_str(&json)) : STR_NONE;
    buf_release(&json);
    return text;
}

static void explain_leaf(const struct explanation *e, struct str path, const struct tc_message *m,
                         const struct tc_bound *leaf)
{
    struct str value = value_of(e, m, leaf), type = type_of(e, leaf->field);

    if (value.p)
        EXPLAIN(e, leaf->from_path ? "path" : "query", "%.*s = %.*s  (%.*s)", STR_ARG(path),
                STR_ARG(value), STR_ARG(type));
}

/* At most as deep as a parameter's name may be. */
static void explain_level(const struct explanation *e, struct str before,
                          const struct tc_message *m, const struct tc_bound *first)
{
    for (const struct tc_bound *n = first; n; n = n->next) {
        struct str path = arena_printf(e->arena, "%.*s%s%.*s", STR_ARG(before), before.n ? "." : "",
                                       STR_ARG(n->field->name));
        if (n->child)
            explain_level(e, path, n->field->message, n->child);
        else
            explain_leaf(e, path, m, n);
    }
}

void explain_bound(const struct explanation *e, const struct tc_bound *root)
{
    explain_level(e, STR(""), e->route->policy->method->input, root);
}
