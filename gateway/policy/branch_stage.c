#include "gateway/policy/stages.h"
#include "transcoder/number.h"
#include "transcoder/wire.h"

/* A scalar's value as it would stand in JSON, without quotes. */
struct field_text {
    struct str text;
    char room[TC_NUMBER_TEXT_MAX];
};

static int64_t signed_value(const struct tc_field *f, uint64_t v)
{
    switch (f->type) {
    case TC_SINT32:
    case TC_SINT64: return tc_unzigzag(v);
    case TC_INT32:
    case TC_SFIXED32:
    case TC_ENUM: return (int32_t)v;
    default: return (int64_t)v;
    }
}

static size_t print_float(char *room, const struct tc_field *f, uint64_t v)
{
    uint32_t low = (uint32_t)v;
    float single;
    double twice;
    memcpy(&single, &low, sizeof single);
    memcpy(&twice, &v, sizeof twice);
    double d = f->type == TC_FLOAT ? (double)single : twice;
    if (d != d || d - d != 0)
        return 0; /* NaN and infinities match nothing */
    return f->type == TC_FLOAT ? tc_print_float(room, single) : tc_print_double(room, twice);
}

static void field_text(const struct tc_field *f, const struct tc_wire_field *w,
                       struct field_text *out)
{
    size_t n = 0;
    switch (f->type) {
    case TC_STRING:
    case TC_BYTES: out->text = w->bytes; return;
    case TC_BOOL: out->text = w->value ? STR("true") : STR("false"); return;
    case TC_FLOAT:
    case TC_DOUBLE: n = print_float(out->room, f, w->value); break;
    case TC_UINT32:
    case TC_UINT64:
    case TC_FIXED32:
    case TC_FIXED64: n = tc_print_uint64(out->room, w->value); break;
    default: n = tc_print_int64(out->room, signed_value(f, w->value)); break;
    }
    out->text = str_of(out->room, n);
}

/* The last value of the field in the message; nested messages may stand in several pieces. */
static bool find_last(struct str message, const struct tc_field_path *path, uint16_t depth,
                      struct tc_wire_field *out)
{
    const struct tc_field *f = path->fields[depth];
    struct tc_wire_field w;
    bool found = false;
    while (tc_wire_next(&message, &w) == TC_OK) {
        if (w.number != f->number)
            continue;
        if (depth + 1 == path->n) {
            *out = w;
            found = true;
        } else {
            found |= find_last(w.bytes, path, (uint16_t)(depth + 1), out);
        }
    }
    return found;
}

static bool value_equals(const struct tc_field *f, const struct tc_wire_field *w, struct str equals)
{
    if (f->type == TC_ENUM) { /* a number may have several names */
        const struct tc_enum_value *v = tc_enum_by_name(f->enumeration, equals);
        return v && v->number == (int32_t)w->value;
    }
    struct field_text value;
    field_text(f, w, &value);
    return str_eq(value.text, equals);
}

/* A field without presence is never absent: what does not stand in the message is at its zero. */
static bool field_matches(const struct exchange *x, const struct plan_branch *b)
{
    const struct tc_field *leaf = b->field.fields[b->field.n - 1];
    struct str message = str_skip(buf_str(&x->message), TC_FRAME_HEADER);
    struct tc_wire_field w = {0};
    bool found = find_last(message, &b->field, 0, &w);
    if (!b->equals.p)
        return found;
    bool tracked = leaf->flags & TC_PRESENCE || leaf->oneof >= 0;
    return (found || !tracked) && value_equals(leaf, &w, b->equals);
}

static bool header_matches(const struct exchange *x, const struct plan_branch *b)
{
    for (uint32_t i = 0; i < x->request.headers.n; i++) {
        const struct header *h = &x->request.headers.items[i];
        if (str_eq(h->name, b->header) && (!b->equals.p || str_eq(h->value, b->equals)))
            return true;
    }
    return false;
}

enum stage_result branch_stage(struct exchange *x)
{
    const struct method_policy *p = x->policy;
    x->cluster = p->cluster;
    for (uint16_t i = 0; i < p->nbranches; i++) {
        const struct plan_branch *b = &p->branches[i];
        if (b->header.p ? header_matches(x, b) : field_matches(x, b)) {
            x->cluster = b->cluster;
            break;
        }
    }
    return STAGE_NEXT;
}
