#include "gateway/expr/seek.h"

/* A repeated field where it stands. A cursor goes along, so that a walk from the front is linear;
 * going back starts again. Lives in scratch, so the cursor may move under the const of the
 * interface. */
struct wire_list {
    struct expr_list list;
    const struct tc_field *field;
    struct str bytes;
    uint32_t n;
    uint32_t next;           /* element that the cursor stands before */
    struct str rest, packed; /* behind the cursor: of the message, of a packed run */
    bool malformed;
};

static void rewind_list(struct wire_list *l)
{
    l->next = 0;
    l->rest = l->bytes;
    l->packed = STR_NONE;
}

static bool take_fixed(struct str *rest, size_t n, uint64_t *v)
{
    *v = 0;
    if (rest->n < n)
        return false;
    for (size_t i = n; i > 0; i--)
        *v = *v << 8 | (unsigned char)rest->p[i - 1];
    *rest = str_skip(*rest, n);
    return true;
}

static bool take_packed(struct wire_list *l, struct tc_wire_field *w)
{
    enum tc_wire_type type = tc_wire_type_of((enum tc_type)l->field->type);
    *w = (struct tc_wire_field){.number = l->field->number, .type = (uint8_t)type};
    if (type == TC_VARINT ? tc_wire_varint(&l->packed, &w->value)
                          : take_fixed(&l->packed, type == TC_I64 ? 8 : 4, &w->value))
        return true;
    l->malformed = true;
    return false;
}

/* The next element, or false at the end. */
static bool next_element(struct wire_list *l, struct tc_wire_field *w)
{
    for (;;) {
        if (l->packed.n) {
            if (!take_packed(l, w))
                return false;
        } else {
            enum tc_status st = tc_wire_next(&l->rest, w);
            if (st != TC_OK) {
                l->malformed = l->malformed || st != TC_MORE;
                return false;
            }
            if (w->number != l->field->number)
                continue;
            if (w->type == TC_LEN && tc_type_packable((enum tc_type)l->field->type)) {
                l->packed = w->bytes;
                continue;
            }
        }
        if (expr_wire_takes(l->field, w))
            return true;
    }
}

static uint32_t wire_size(const struct expr_list *list)
{
    return ((const struct wire_list *)list)->n;
}

static struct expr_value wire_at(const struct expr_list *list, struct expr_run *r, uint32_t i)
{
    struct wire_list *l = (struct wire_list *)(uintptr_t)list;
    struct tc_wire_field w = {.number = 0};

    if (i < l->next) {
        if (!expr_spend(r, i))
            return expr_no_steps();
        rewind_list(l);
    }
    while (l->next <= i && next_element(l, &w))
        l->next++;
    return expr_settle(r, expr_scalar(r, l->field, &w));
}

struct expr_value expr_wire_list(struct expr_run *r, const struct tc_field *f, struct str bytes)
{
    struct wire_list *l = expr_alloc(r, sizeof *l);
    struct tc_wire_field w;

    if (!l)
        return expr_no_memory();
    *l = (struct wire_list){.list = {wire_size, wire_at}, .field = f, .bytes = bytes};
    rewind_list(l);
    while (next_element(l, &w)) {
        if (++l->n > r->max_items || !expr_spend(r, 1))
            return expr_fail(r, EXPR_FAIL_BUDGET, "%.*s has more than %u elements",
                             STR_ARG(f->name), r->max_items);
    }
    if (l->malformed)
        return expr_fail(r, EXPR_FAIL_MALFORMED, "field %.*s makes no sense", STR_ARG(f->name));
    rewind_list(l);
    return (struct expr_value){.kind = EXPR_LIST, .list = &l->list};
}

/* One entry: its key, and its value, left undecoded when it is a message with a meaning of its own.
 * False: malformed. */
static bool read_entry(struct expr_run *r, const struct tc_message *entry, struct str bytes,
                       struct expr_pair *pair)
{
    struct expr_seek s[2] = {{.field = tc_field_by_number(entry, 1)},
                             {.field = tc_field_by_number(entry, 2)}};
    if (!s[0].field || !s[1].field || !expr_seek_all(entry, bytes, s, 2))
        return false;
    pair->key = s[0].pieces ? expr_scalar(r, s[0].field, &s[0].last) : expr_default(r, s[0].field);
    if (!s[1].field->message) {
        pair->value = s[1].pieces ? expr_scalar(r, s[1].field, &s[1].last)
                                  : expr_default(r, s[1].field);
        return true;
    }
    pair->value = (struct expr_value){.kind = EXPR_MESSAGE, .message = s[1].field->message};
    if (!expr_seek_message(r, &s[1], &pair->value.s))
        pair->value = expr_no_memory();
    return true;
}

struct expr_value expr_wire_map(struct expr_run *r, const struct tc_field *f, struct str bytes)
{
    struct wire_list l = {.field = f, .bytes = bytes};
    struct tc_wire_field w;
    uint32_t n = 0, i = 0;

    rewind_list(&l);
    while (next_element(&l, &w)) {
        if (++n > r->max_items || !expr_spend(r, 1))
            return expr_fail(r, EXPR_FAIL_BUDGET, "%.*s has more than %u entries", STR_ARG(f->name),
                             r->max_items);
    }
    struct expr_pair *pairs = expr_alloc_array(r, n, sizeof *pairs);
    if (!pairs)
        return expr_no_memory();
    rewind_list(&l);
    while (i < n && next_element(&l, &w)) {
        if (!read_entry(r, f->message, w.bytes, &pairs[i]))
            return expr_malformed(r, f->message);
        if (pairs[i].key.kind == EXPR_ERROR)
            return pairs[i].key;
        i++;
    }
    if (l.malformed)
        return expr_malformed(r, f->message);
    return expr_map_of(r, pairs, i, EXPR_REPEATED_WINS);
}
