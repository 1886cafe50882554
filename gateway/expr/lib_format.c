/* string.format(list) of the strings extension: %s %d %b %o %x %X %f %e, "%.3f". */
#include "gateway/expr/strings.h"
#include "gateway/expr/time.h"
#include "transcoder/number.h"

#include <math.h>

enum { PRECISION_MAX = 100 };

struct clause {
    struct expr_text *text;
    struct expr_run *run;
    int precision;
    bool upper;
};

static bool put(struct expr_text *t, const struct expr_value *v, struct expr_value *error);

static bool refuse(struct expr_run *r, const char *what, const struct expr_value *v,
                   struct expr_value *error)
{
    struct expr_value type = expr_type_of(r, v);
    *error = type.kind == EXPR_ERROR ? type
                                     : expr_fail(r, EXPR_FAIL_NO_OVERLOAD,
                                                 "error during formatting: %s, was given %.*s",
                                                 what, STR_ARG(expr_type_name(type.type)));
    return false;
}

static bool put_special(struct expr_text *t, double d)
{
    if (isnan(d))
        expr_text_add(t, STR("NaN"));
    else if (isinf(d))
        expr_text_add(t, d > 0 ? STR("Infinity") : STR("-Infinity"));
    else
        return false;
    return true;
}

static void put_double(struct expr_text *t, double d)
{
    char out[TC_NUMBER_TEXT_MAX];
    if (!put_special(t, d))
        expr_text_add(t, str_of(out, tc_print_double(out, d)));
}

static bool put_list(struct expr_text *t, const struct expr_value *v, struct expr_value *error)
{
    uint32_t n = expr_list_size(v);
    expr_text_add(t, STR("["));
    for (uint32_t i = 0; i < n; i++) {
        struct expr_value item = expr_list_at(t->run, v, i);
        if (i > 0)
            expr_text_add(t, STR(", "));
        if (!put(t, &item, error))
            return false;
    }
    expr_text_add(t, STR("]"));
    return true;
}

/* Pairs of a map and the texts of their keys, by which they are sorted. */
struct shown_map {
    struct expr_pair *pairs;
    struct str *keys;
};

static bool key_precedes(void *context, uint32_t a, uint32_t b)
{
    const struct shown_map *m = context;
    return str_cmp(m->keys[a], m->keys[b]) < 0;
}

static struct str key_text(struct expr_run *r, const struct expr_value *key)
{
    if (key->kind == EXPR_STRING)
        return key->s;
    if (key->kind == EXPR_BOOL)
        return key->b ? STR("true") : STR("false");
    char *p = expr_alloc(r, TC_NUMBER_TEXT_MAX);
    if (!p)
        return STR("");
    return str_of(p,
                  key->kind == EXPR_UINT ? tc_print_uint64(p, key->u) : tc_print_int64(p, key->i));
}

static bool put_sorted(struct expr_text *t, const struct shown_map *m, const uint32_t *order,
                       uint32_t n, struct expr_value *error)
{
    expr_text_add(t, STR("{"));
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0)
            expr_text_add(t, STR(", "));
        expr_text_add(t, m->keys[order[i]]);
        expr_text_add(t, STR(": "));
        if (!put(t, &m->pairs[order[i]].value, error))
            return false;
    }
    expr_text_add(t, STR("}"));
    return true;
}

static bool put_map(struct expr_text *t, const struct expr_value *v, struct expr_value *error)
{
    uint32_t n = expr_map_size(v);
    struct shown_map m = {expr_alloc_array(t->run, n, sizeof *m.pairs),
                          expr_alloc_array(t->run, n, sizeof *m.keys)};
    uint32_t *order = expr_alloc_array(t->run, 2 * (size_t)n, sizeof *order);

    if (!m.pairs || !m.keys || !order) {
        *error = expr_no_memory();
        return false;
    }
    if (!expr_spend(t->run, n)) {
        *error = expr_no_steps();
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        v->map->at(v->map, t->run, i, &m.pairs[i].key, &m.pairs[i].value);
        m.keys[i] = key_text(t->run, &m.pairs[i].key);
        order[i] = i;
    }
    expr_sort(order, order + n, n, key_precedes, &m);
    return put_sorted(t, &m, order, n, error);
}

static bool put_time(struct expr_text *t, const struct expr_value *v)
{
    char out[EXPR_TIME_TEXT_MAX];
    expr_text_add(t, str_of(out, v->kind == EXPR_TIMESTAMP ? expr_timestamp_print(out, v->time)
                                                           : expr_duration_print(out, v->time)));
    return true;
}

static bool put_scalar(struct expr_text *t, const struct expr_value *v)
{
    switch (v->kind) {
    case EXPR_NULL: expr_text_add(t, STR("null")); return true;
    case EXPR_BOOL: expr_text_add(t, v->b ? STR("true") : STR("false")); return true;
    case EXPR_INT: expr_text_printf(t, "%lld", (long long)v->i); return true;
    case EXPR_UINT: expr_text_printf(t, "%llu", (unsigned long long)v->u); return true;
    case EXPR_DOUBLE: put_double(t, v->d); return true;
    case EXPR_STRING:
    case EXPR_BYTES: expr_text_add(t, v->s); return true;
    case EXPR_TYPE: expr_text_add(t, expr_type_name(v->type)); return true;
    case EXPR_TIMESTAMP:
    case EXPR_DURATION: return put_time(t, v);
    default: return false;
    }
}

static bool put(struct expr_text *t, const struct expr_value *v, struct expr_value *error)
{
    struct expr_run *r = t->run;
    if (v->kind == EXPR_ERROR || r->depth >= EXPR_VALUE_DEPTH_MAX || !expr_spend(r, 1)) {
        *error = v->kind == EXPR_ERROR ? *v : expr_no_steps();
        return false;
    }
    if (put_scalar(t, v))
        return true;
    if (v->kind != EXPR_LIST && v->kind != EXPR_MAP)
        return refuse(r,
                      "string clause can only be used on strings, bools, bytes, ints, doubles, "
                      "maps, lists, types, durations, and timestamps",
                      v, error);
    r->depth++;
    bool ok = v->kind == EXPR_LIST ? put_list(t, v, error) : put_map(t, v, error);
    r->depth--;
    return ok;
}

static bool on_string(struct clause *c, const struct expr_value *v, struct expr_value *error)
{
    return put(c->text, v, error);
}

static bool on_decimal(struct clause *c, const struct expr_value *v, struct expr_value *error)
{
    if (v->kind == EXPR_INT || v->kind == EXPR_UINT)
        return put_scalar(c->text, v);
    if (v->kind == EXPR_DOUBLE && put_special(c->text, v->d))
        return true;
    return refuse(c->run, "decimal clause can only be used on integers", v, error);
}

/* Digits of a number to a base that is a power of two, 1 << shift; with a minus sign when below 0.
 */
static void put_digits(struct clause *c, const struct expr_value *v, unsigned shift)
{
    const char *digits = c->upper ? "0123456789ABCDEF" : "0123456789abcdef";
    bool negative = v->kind == EXPR_INT && v->i < 0;
    uint64_t u = v->kind == EXPR_BOOL ? v->b : negative ? 0 - v->u : v->u;
    char out[65];
    size_t at = sizeof out;
    do {
        out[--at] = digits[u & ((1u << shift) - 1)];
        u >>= shift;
    } while (u);
    if (negative)
        expr_text_add(c->text, STR("-"));
    expr_text_add(c->text, str_of(out + at, sizeof out - at));
}

static bool on_binary(struct clause *c, const struct expr_value *v, struct expr_value *error)
{
    if (v->kind != EXPR_INT && v->kind != EXPR_UINT && v->kind != EXPR_BOOL)
        return refuse(c->run, "only integers and bools can be formatted as binary", v, error);
    put_digits(c, v, 1);
    return true;
}

static bool on_octal(struct clause *c, const struct expr_value *v, struct expr_value *error)
{
    if (v->kind != EXPR_INT && v->kind != EXPR_UINT)
        return refuse(c->run, "octal clause can only be used on integers", v, error);
    put_digits(c, v, 3);
    return true;
}

static bool on_hex(struct clause *c, const struct expr_value *v, struct expr_value *error)
{
    if (v->kind == EXPR_INT || v->kind == EXPR_UINT) {
        put_digits(c, v, 4);
        return true;
    }
    if (v->kind != EXPR_STRING && v->kind != EXPR_BYTES)
        return refuse(c->run, "only integers, byte buffers, and strings can be formatted as hex", v,
                      error);
    for (size_t i = 0; i < v->s.n && !c->text->full && !c->text->tired; i++)
        expr_text_printf(c->text, c->upper ? "%02X" : "%02x", (unsigned char)v->s.p[i]);
    return true;
}

static bool real(struct clause *c, const struct expr_value *v, const char *format)
{
    double d = v->kind == EXPR_INT ? (double)v->i : v->kind == EXPR_UINT ? (double)v->u : v->d;
    if (put_special(c->text, d))
        return true;
    if (format[0] == 'f')
        expr_text_printf(c->text, "%.*f", c->precision, d);
    else
        expr_text_printf(c->text, "%.*e", c->precision, d);
    return true;
}

static bool on_fixed(struct clause *c, const struct expr_value *v, struct expr_value *error)
{
    if (!expr_is_number(v))
        return refuse(c->run, "fixed-point clause can only be used on doubles", v, error);
    return real(c, v, "f");
}

static bool on_scientific(struct clause *c, const struct expr_value *v, struct expr_value *error)
{
    if (!expr_is_number(v))
        return refuse(c->run, "scientific clause can only be used on doubles", v, error);
    return real(c, v, "e");
}

static const struct {
    char letter;
    bool upper;
    bool (*on)(struct clause *, const struct expr_value *, struct expr_value *);
} clauses[] = {
    {'s', false, on_string}, {'d', false, on_decimal},    {'b', false, on_binary},
    {'o', false, on_octal},  {'x', false, on_hex},        {'X', true, on_hex},
    {'f', false, on_fixed},  {'e', false, on_scientific},
};

/* ".3" of "%.3f". False: not a number, or more digits than there may be. */
static bool take_precision(struct str *s, int *precision)
{
    uint64_t v = 0;
    size_t n = 0;
    *precision = 6;
    if (s->n == 0 || s->p[0] != '.')
        return true;
    *s = str_skip(*s, 1);
    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    if (!str_to_u64(str_of(s->p, n), PRECISION_MAX, &v))
        return false;
    *precision = (int)v;
    *s = str_skip(*s, n);
    return true;
}

/* What stands behind a '%'. */
static bool one_clause(struct clause *c, struct str *s, const struct expr_value *list, uint32_t *i,
                       struct expr_value *error)
{
    struct expr_run *r = c->run;
    if (!take_precision(s, &c->precision) || s->n == 0) {
        *error = expr_fail(r, EXPR_FAIL_BAD_VALUE,
                           "could not parse formatting clause: unexpected end of string, or a "
                           "precision above %d",
                           PRECISION_MAX);
        return false;
    }
    for (size_t k = 0; k < sizeof clauses / sizeof *clauses; k++) {
        if (clauses[k].letter != s->p[0])
            continue;
        if (*i >= expr_list_size(list)) {
            *error = expr_fail(r, EXPR_FAIL_NO_SUCH_KEY, "index %u out of range", *i);
            return false;
        }
        struct expr_value v = expr_list_at(r, list, (*i)++);
        if (v.kind == EXPR_ERROR) {
            *error = v;
            return false;
        }
        c->upper = clauses[k].upper;
        *s = str_skip(*s, 1);
        return clauses[k].on(c, &v, error);
    }
    *error = expr_fail(r, EXPR_FAIL_BAD_VALUE,
                       "could not parse formatting clause: unrecognized formatting clause \"%.*s\"",
                       (int)expr_point_size(*s), s->p);
    return false;
}

struct expr_value expr_string_format(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct str s = args[0].s;
    struct expr_value error = {.kind = EXPR_NULL};
    struct expr_text t;
    struct clause c = {&t, r, 0, false};
    uint32_t i = 0;
    (void)n;
    expr_text_open_shared(&t, r);
    while (s.n && error.kind == EXPR_NULL) {
        size_t plain = str_find(s, '%');
        expr_text_add(&t, str_of(s.p, plain));
        s = str_skip(s, plain);
        if (s.n == 0)
            break;
        s = str_skip(s, 1);
        if (s.n && s.p[0] == '%') {
            expr_text_add(&t, STR("%"));
            s = str_skip(s, 1);
        } else {
            one_clause(&c, &s, &args[1], &i, &error);
        }
    }
    struct expr_value text = expr_text_close(&t);
    return error.kind == EXPR_ERROR ? error : text;
}
