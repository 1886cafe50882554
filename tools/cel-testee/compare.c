#include "tools/cel-testee/testee.h"

#include <math.h>

#include "transcoder/decode.h"

/* A message as JSON: two that mean the same look the same. */
static struct str json(struct trial *t, const struct expr_value *v)
{
    struct tc_decode_spec spec = {.schema = t->schema, .message = v->message, .lenient_any = true};
    struct tc_error error = {.status = TC_OK};
    struct buf out;

    buf_init(&out, 16 << 20);
    struct tc_decoder *d = must(tc_decoder_new(&t->arena, &spec, v->s, &error));
    while (tc_decode_some(d, &out, 16 << 20) == TC_FULL)
        ;
    struct str text = arena_copy(&t->arena, buf_str(&out));
    must((void *)(uintptr_t)text.p);
    buf_release(&out);
    return text;
}

/* As equal as can be: kinds too, and NaN is NaN. */
static bool same(struct trial *t, const struct expr_value *a, const struct expr_value *b)
{
    struct expr_value error;
    bool equal;

    if (a->kind != b->kind)
        return false;
    if (a->kind == EXPR_DOUBLE && isnan(a->d))
        return isnan(b->d);
    if (a->kind == EXPR_DOUBLE && a->d == 0)
        return b->d == 0;
    if (a->kind == EXPR_MESSAGE)
        return a->message == b->message && str_eq(json(t, a), json(t, b));
    return expr_equal(&t->run, a, b, &equal, &error) && equal;
}

static bool same_list(struct trial *t, struct record r, const struct expr_value *v)
{
    struct str rest = r.bytes;
    struct tc_wire_field f;
    uint32_t n = 0;

    for (; record_next(r, "values", &rest, &f); n++) {
        if (n >= expr_list_size(v))
            return false;
        struct expr_value item = expr_list_at(&t->run, v, n);
        if (!spec_matches(t, record_of(r, "values", &f), &item))
            return false;
    }
    return n == expr_list_size(v);
}

static bool same_map(struct trial *t, struct record r, const struct expr_value *v)
{
    struct str rest = r.bytes;
    struct tc_wire_field f;
    uint32_t n = 0;

    for (; record_next(r, "entries", &rest, &f); n++) {
        struct record entry = record_of(r, "entries", &f);
        struct expr_value key = spec_value(t, record_sub(entry, "key")), found, own;
        if (!expr_map_find(&t->run, v, &key, &found) ||
            !spec_matches(t, record_sub(entry, "value"), &found))
            return false;
        bool kind = false;
        for (uint32_t i = 0; i < expr_map_size(v) && !kind; i++) {
            struct expr_value value;
            v->map->at(v->map, &t->run, i, &own, &value);
            kind = same(t, &key, &own);
        }
        if (!kind)
            return false;
    }
    return n == expr_map_size(v);
}

bool spec_matches(struct trial *t, struct record r, const struct expr_value *v)
{
    struct tc_wire_field f;

    if (record_find(r, "type_value", &f))
        return v->kind == EXPR_TYPE && str_eq(expr_type_name(v->type), f.bytes);
    if (record_find(r, "list_value", &f))
        return v->kind == EXPR_LIST && same_list(t, record_of(r, "list_value", &f), v);
    if (record_find(r, "map_value", &f))
        return v->kind == EXPR_MAP && same_map(t, record_of(r, "map_value", &f), v);
    struct expr_value expected = spec_value(t, r);
    return same(t, &expected, v);
}
