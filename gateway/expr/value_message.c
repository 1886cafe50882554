#include "gateway/expr/seek.h"

/* Messages are equal when each field that one of them has is equal in the other. Fields that the
 * schema does not know are the same when their bytes are, in any order. */
struct unknown {
    uint64_t sum;
    uint32_t n;
};

static bool sum_unknown(const struct tc_message *m, struct str bytes, struct unknown *u)
{
    struct tc_wire_field w;
    enum tc_status st;
    *u = (struct unknown){0, 0};
    for (struct str here = bytes; (st = tc_wire_next(&bytes, &w)) == TC_OK; here = bytes) {
        if (tc_field_by_number(m, w.number))
            continue;
        u->sum += str_hash(str_of(here.p, here.n - bytes.n));
        u->n++;
    }
    return st == TC_MORE;
}

/* What an Any holds cannot be read in both: they are equal when their bytes are. */
static bool equal_raw(const struct expr_value *a, const struct expr_value *b,
                      const struct tc_field *f)
{
    struct expr_seek x = {.field = f}, y = {.field = f};
    return expr_seek_all(a->message, a->s, &x, 1) && expr_seek_all(b->message, b->s, &y, 1) &&
           str_eq(x.last.bytes, y.last.bytes);
}

/* One field in both. */
static bool equal_field(struct expr_run *r, const struct expr_value *a, const struct expr_value *b,
                        const struct tc_field *f, bool *equal, struct expr_value *error)
{
    struct expr_value x = expr_has_field(r, a, f), y = expr_has_field(r, b, f);
    if (x.kind == EXPR_ERROR || y.kind == EXPR_ERROR) {
        *error = x.kind == EXPR_ERROR ? x : y;
        return false;
    }
    *equal = x.b == y.b;
    if (!x.b || !y.b)
        return true;
    x = expr_field(r, a, f);
    y = expr_field(r, b, f);
    if ((x.kind == EXPR_ERROR || y.kind == EXPR_ERROR) && !(f->flags & TC_REPEATED) && f->message &&
        f->message->wkt == TC_WKT_ANY) {
        *equal = equal_raw(a, b, f);
        return true;
    }
    return expr_equal(r, &x, &y, equal, error);
}

/* Every field that stands in `a`, compared with `b`. */
static bool covers(struct expr_run *r, const struct expr_value *a, const struct expr_value *b,
                   bool *equal, struct expr_value *error)
{
    struct str rest = a->s;
    struct tc_wire_field w;
    uint32_t last = 0;
    while (*equal && tc_wire_next(&rest, &w) == TC_OK) {
        const struct tc_field *f = tc_field_by_number(a->message, w.number);
        if (!f || w.number == last)
            continue;
        last = w.number;
        if (!equal_field(r, a, b, f, equal, error))
            return false;
    }
    return true;
}

bool expr_equal_messages(struct expr_run *r, const struct expr_value *a, const struct expr_value *b,
                         bool *equal, struct expr_value *error)
{
    struct unknown u, v;
    *equal = a->message == b->message || str_eq(a->message->full_name, b->message->full_name);
    if (!*equal)
        return true;
    if (!sum_unknown(a->message, a->s, &u) || !sum_unknown(b->message, b->s, &v)) {
        *error = expr_malformed(r, a->message);
        return false;
    }
    *equal = u.sum == v.sum && u.n == v.n;
    return covers(r, a, b, equal, error) && (!*equal || covers(r, b, a, equal, error));
}
