#include "gateway/expr/ip.h"
#include "gateway/expr/strings.h"
#include "gateway/expr/time.h"
#include "transcoder/number.h"

#include <math.h>

/* A value as text, in scratch that the arena gives; what is cut is said to be so by three dots. */
enum { SCRATCH = 64 << 10, DOTS = 4 };

struct shower {
    struct expr_run *run;
    char *p;
    size_t n, max;
};

static void show(struct shower *s, const struct expr_value *v);

static void add(struct shower *s, struct str text)
{
    size_t n = text.n < s->max - s->n ? text.n : s->max - s->n;
    if (n)
        memcpy(s->p + s->n, text.p, n);
    s->n += n;
}

static void show_quoted(struct shower *s, struct str text, bool bytes)
{
    static const char hex[] = "0123456789abcdef", plain[] = "\n\r\t\\\"", letters[] = "nrt\\\"";
    add(s, bytes ? STR("b\"") : STR("\""));
    while (text.n && s->n < s->max) {
        size_t size = expr_point_size(text);
        unsigned char c = (unsigned char)text.p[0];
        const char *found = memchr(plain, c, sizeof plain - 1);
        char escape[4] = {'\\', found ? letters[found - plain] : 'x', hex[c >> 4], hex[c & 15]};
        if (found)
            add(s, str_of(escape, 2));
        else if (c < 0x20 || c == 0x7f || expr_point(text) == EXPR_NO_POINT)
            add(s, str_of(escape, 4));
        else
            add(s, str_of(text.p, size));
        text = str_skip(text, size);
    }
    add(s, STR("\""));
}

static void show_call(struct shower *s, struct str function, struct str argument)
{
    add(s, function);
    add(s, STR("(\""));
    add(s, argument);
    add(s, STR("\")"));
}

static void show_double(struct shower *s, double d)
{
    char out[TC_NUMBER_TEXT_MAX];
    if (isnan(d) || isinf(d)) {
        show_call(s, STR("double"), isnan(d) ? STR("NaN") : d > 0 ? STR("inf") : STR("-inf"));
        return;
    }
    struct str text = str_of(out, tc_print_double(out, d));
    add(s, text);
    if (str_find(text, '.') == text.n && str_find(text, 'e') == text.n)
        add(s, STR(".0"));
}

static void show_list(struct shower *s, const struct expr_value *v)
{
    uint32_t n = expr_list_size(v);
    add(s, STR("["));
    for (uint32_t i = 0; i < n && s->n < s->max; i++) {
        struct expr_value item = expr_list_at(s->run, v, i);
        if (i > 0)
            add(s, STR(", "));
        show(s, &item);
    }
    add(s, STR("]"));
}

static void show_map(struct shower *s, const struct expr_value *v)
{
    uint32_t n = expr_map_size(v);
    add(s, STR("{"));
    for (uint32_t i = 0; i < n && s->n < s->max; i++) {
        struct expr_value key, value;
        v->map->at(v->map, s->run, i, &key, &value);
        if (i > 0)
            add(s, STR(", "));
        show(s, &key);
        add(s, STR(": "));
        show(s, &value);
    }
    add(s, STR("}"));
}

/* The fields that are set, in the order of their numbers. */
static void show_message(struct shower *s, const struct expr_value *v)
{
    const char *between = "";
    add(s, v->message->full_name);
    add(s, STR("{"));
    for (uint32_t i = 0; i < v->message->nfields && s->n < s->max; i++) {
        const struct tc_field *f = &v->message->fields[i];
        struct expr_value has = expr_has_field(s->run, v, f);
        if (has.kind == EXPR_BOOL && !has.b)
            continue;
        struct expr_value value = has.kind == EXPR_ERROR ? has : expr_field(s->run, v, f);
        add(s, str_c(between));
        add(s, f->name);
        add(s, STR(": "));
        show(s, &value);
        between = ", ";
    }
    add(s, STR("}"));
}

static void show_time(struct shower *s, const struct expr_value *v)
{
    char out[EXPR_TIME_TEXT_MAX];
    bool timestamp = v->kind == EXPR_TIMESTAMP;
    show_call(s, timestamp ? STR("timestamp") : STR("duration"),
              str_of(out, timestamp ? expr_timestamp_print(out, v->time)
                                    : expr_duration_print(out, v->time)));
}

static void show_address(struct shower *s, const struct expr_value *v)
{
    char out[EXPR_IP_TEXT_MAX];
    show_call(s, v->kind == EXPR_IP ? STR("ip") : STR("cidr"), str_of(out, expr_ip_print(out, v)));
}

static void show_optional(struct shower *s, const struct expr_value *v)
{
    add(s, v->optional ? STR("optional.of(") : STR("optional.none("));
    if (v->optional)
        show(s, v->optional);
    add(s, STR(")"));
}

static void show_number(struct shower *s, const struct expr_value *v)
{
    char out[TC_NUMBER_TEXT_MAX];
    if (v->kind == EXPR_INT) {
        add(s, str_of(out, tc_print_int64(out, v->i)));
        return;
    }
    add(s, str_of(out, tc_print_uint64(out, v->u)));
    add(s, STR("u"));
}

static void show_inside(struct shower *s, const struct expr_value *v)
{
    switch (v->kind) {
    case EXPR_NULL: add(s, STR("null")); break;
    case EXPR_BOOL: add(s, v->b ? STR("true") : STR("false")); break;
    case EXPR_INT:
    case EXPR_UINT: show_number(s, v); break;
    case EXPR_DOUBLE: show_double(s, v->d); break;
    case EXPR_STRING:
    case EXPR_BYTES: show_quoted(s, v->s, v->kind == EXPR_BYTES); break;
    case EXPR_TIMESTAMP:
    case EXPR_DURATION: show_time(s, v); break;
    case EXPR_LIST: show_list(s, v); break;
    case EXPR_MAP: show_map(s, v); break;
    case EXPR_MESSAGE: show_message(s, v); break;
    case EXPR_TYPE: add(s, expr_type_name(v->type)); break;
    case EXPR_OPTIONAL: show_optional(s, v); break;
    case EXPR_IP:
    case EXPR_CIDR: show_address(s, v); break;
    case EXPR_ERROR:
        add(s, STR("error: "));
        add(s, v->error->text);
        break;
    default: add(s, STR("absent")); break;
    }
}

static void show(struct shower *s, const struct expr_value *v)
{
    if (s->run->depth >= EXPR_VALUE_DEPTH_MAX) {
        add(s, STR("..."));
        return;
    }
    s->run->depth++;
    show_inside(s, v);
    s->run->depth--;
}

struct str expr_value_text(struct arena *a, const struct expr_value *v, size_t max)
{
    struct expr_scratch scratch = {arena_alloc(a, SCRATCH), SCRATCH, 0};
    struct expr_run r = {
        .scratch = &scratch, .steps = EXPR_COST_DEFAULT, .max_items = EXPR_ITEMS_DEFAULT};
    struct shower s = {&r, arena_alloc(a, max + DOTS), 0, max};

    if (!scratch.p || !s.p)
        return STR_NONE;
    show(&s, v);
    if (s.n == max) {
        while (s.n > 0 && ((unsigned char)s.p[s.n - 1] & 0xc0) == 0x80)
            s.n--;
        s.n -= s.n > 0 && (unsigned char)s.p[s.n - 1] >= 0xc0;
        memcpy(s.p + s.n, "...", 3);
        s.n += 3;
    }
    return str_of(s.p, s.n);
}
