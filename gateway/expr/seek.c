#include "gateway/expr/seek.h"

struct expr_value expr_malformed(struct expr_run *r, const struct tc_message *m)
{
    return expr_fail(r, EXPR_FAIL_MALFORMED, "the bytes of a %.*s make no sense",
                     STR_ARG(m->full_name));
}

static void note(struct expr_seek *s, const struct tc_wire_field *w, struct str here)
{
    if (s->pieces++ == 0)
        s->from = here;
    s->last = *w;
    s->bytes += w->bytes.n;
}

/* Of the members of a oneof the last one on the wire is set, the others are not. */
static void clear_others(const struct tc_field *set, struct expr_seek *s, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (s[i].field != set && s[i].field->oneof == set->oneof) {
            s[i].pieces = 0;
            s[i].bytes = 0;
        }
    }
}

static bool any_oneof(const struct expr_seek *s, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (s[i].field->oneof >= 0)
            return true;
    return false;
}

bool expr_seek_all(const struct tc_message *m, struct str message, struct expr_seek *s, uint32_t n)
{
    bool oneofs = any_oneof(s, n);
    enum tc_status st;

    for (;;) {
        struct tc_wire_field w;
        struct str here = message;
        st = tc_wire_next(&message, &w);
        if (st != TC_OK)
            break;
        for (uint32_t i = 0; i < n; i++) {
            const struct tc_field *f = s[i].field;
            if (w.number != f->number)
                continue;
            if (expr_wire_takes(f, &w) || (f->flags & TC_REPEATED && w.type == TC_LEN))
                note(&s[i], &w, here);
        }
        if (oneofs) {
            const struct tc_field *f = tc_field_by_number(m, w.number);
            if (f && f->oneof >= 0 && expr_wire_takes(f, &w))
                clear_others(f, s, n);
        }
    }
    return st == TC_MORE;
}

bool expr_seek_has(const struct expr_seek *s)
{
    const struct tc_field *f = s->field;
    if (s->pieces == 0 || f->flags & (TC_PRESENCE | TC_REPEATED) || f->message || f->oneof >= 0)
        return s->pieces > 0;
    return s->last.value != 0 || s->last.bytes.n > 0;
}

bool expr_seek_message(struct expr_run *r, const struct expr_seek *s, struct str *bytes)
{
    struct str rest = s->from;
    struct tc_wire_field w;
    size_t n = 0;

    *bytes = s->pieces ? s->last.bytes : STR("");
    if (s->pieces < 2)
        return true;
    char *p = expr_alloc(r, s->bytes);
    if (!p || !expr_spend_bytes(r, s->bytes))
        return false;
    while (tc_wire_next(&rest, &w) == TC_OK) {
        if (w.number != s->field->number || w.type != s->last.type || w.bytes.n > s->bytes - n)
            continue;
        if (w.bytes.n)
            memcpy(p + n, w.bytes.p, w.bytes.n);
        n += w.bytes.n;
    }
    *bytes = str_of(p, n);
    return true;
}

/* What an absent message field is: the empty message, but null for wrappers, Value and Any. */
static struct expr_value absent_message(struct expr_run *r, const struct tc_message *m)
{
    if (m->wkt == TC_WKT_WRAPPER || m->wkt == TC_WKT_VALUE || m->wkt == TC_WKT_ANY)
        return expr_null();
    return expr_from_message(r, m, STR(""));
}

struct expr_value expr_seek_value(struct expr_run *r, const struct expr_seek *s)
{
    const struct tc_field *f = s->field;
    struct str bytes;

    if (f->flags & TC_MAP)
        return expr_wire_map(r, f, s->pieces ? s->from : STR(""));
    if (f->flags & TC_REPEATED)
        return expr_wire_list(r, f, s->pieces ? s->from : STR(""));
    if (!f->message)
        return s->pieces ? expr_scalar(r, f, &s->last) : expr_default(r, f);
    if (s->pieces == 0)
        return absent_message(r, f->message);
    return expr_seek_message(r, s, &bytes) ? expr_from_message(r, f->message, bytes)
                                           : expr_no_memory();
}

struct expr_value expr_field(struct expr_run *r, const struct expr_value *message,
                             const struct tc_field *f)
{
    struct expr_seek s = {.field = f};
    if (!expr_spend_bytes(r, message->s.n))
        return expr_no_steps();
    return expr_seek_all(message->message, message->s, &s, 1) ? expr_seek_value(r, &s)
                                                              : expr_malformed(r, message->message);
}

struct expr_value expr_has_field(struct expr_run *r, const struct expr_value *message,
                                 const struct tc_field *f)
{
    struct expr_seek s = {.field = f};
    if (!expr_spend_bytes(r, message->s.n))
        return expr_no_steps();
    if (!expr_seek_all(message->message, message->s, &s, 1))
        return expr_malformed(r, message->message);
    return expr_bool(expr_seek_has(&s));
}

const struct tc_field *expr_field_named(const struct tc_message *m, struct str name)
{
    const struct tc_field *f = tc_field_by_name(m, name);
    if (f && str_eq(f->name, name))
        return f;
    for (uint32_t i = 0; i < m->nfields; i++)
        if (str_eq(m->fields[i].name, name))
            return &m->fields[i];
    return NULL;
}
