/* Strings: cel-spec's standard ones and the strings extension. Positions count code points. */
#include "gateway/expr/function.h"
#include "gateway/expr/strings.h"

static struct expr_value contains(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    if (!expr_spend_bytes(r, args[0].s.n))
        return expr_no_steps();
    return expr_bool(expr_find(args[0].s, args[1].s, 0) != EXPR_NOT_FOUND);
}

static struct expr_value starts_with(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_bool(str_starts(args[0].s, args[1].s));
}

static struct expr_value ends_with(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_bool(str_ends(args[0].s, args[1].s));
}

static struct expr_value out_of_range(struct expr_run *r, int64_t i)
{
    return expr_fail(r, EXPR_FAIL_RANGE, "index out of range: %lld", (long long)i);
}

static struct expr_value char_at(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    size_t at;
    (void)n;
    if (!expr_spend_bytes(r, args[0].s.n))
        return expr_no_steps();
    if (!expr_byte_of(args[0].s, args[1].i, &at))
        return out_of_range(r, args[1].i);
    return expr_string(str_of(args[0].s.p + at, expr_point_size(str_skip(args[0].s, at))));
}

static struct expr_value index_of(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    size_t from = 0;
    if (!expr_spend_bytes(r, args[0].s.n))
        return expr_no_steps();
    if (n > 2 && !expr_byte_of(args[0].s, args[2].i, &from))
        return out_of_range(r, args[2].i);
    size_t at = expr_find(args[0].s, args[1].s, from);
    return expr_int(at == EXPR_NOT_FOUND ? -1 : expr_points(str_of(args[0].s.p, at)));
}

static struct expr_value last_index_of(struct expr_run *r, const struct expr_value *args,
                                       uint32_t n)
{
    size_t from = args[0].s.n;
    if (!expr_spend_bytes(r, args[0].s.n))
        return expr_no_steps();
    if (n > 2 && !expr_byte_of(args[0].s, args[2].i, &from))
        return out_of_range(r, args[2].i);
    size_t at = expr_find_last(r, args[0].s, args[1].s, from);
    if (at == EXPR_TIRED)
        return expr_no_steps();
    return expr_int(at == EXPR_NOT_FOUND ? -1 : expr_points(str_of(args[0].s.p, at)));
}

static struct expr_value substring(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    size_t from, to = args[0].s.n;
    if (!expr_spend_bytes(r, args[0].s.n))
        return expr_no_steps();
    if (!expr_byte_of(args[0].s, args[1].i, &from))
        return out_of_range(r, args[1].i);
    if (n > 2 && !expr_byte_of(args[0].s, args[2].i, &to))
        return out_of_range(r, args[2].i);
    if (from > to)
        return expr_fail(r, EXPR_FAIL_RANGE, "invalid substring range. start: %lld, end: %lld",
                         (long long)args[1].i, (long long)args[2].i);
    return expr_string(str_of(args[0].s.p + from, to - from));
}

static struct expr_value changed_case(struct expr_run *r, struct str s, char first, int by)
{
    if (!expr_spend_bytes(r, s.n))
        return expr_no_steps();
    char *p = expr_alloc(r, s.n);
    if (!p)
        return expr_no_memory();
    for (size_t i = 0; i < s.n; i++) {
        bool changes = s.p[i] >= first && s.p[i] <= first + 25;
        p[i] = (char)(changes ? s.p[i] + by : s.p[i]);
    }
    return expr_string(str_of(p, s.n));
}

static struct expr_value lower_ascii(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    return changed_case(r, args[0].s, 'A', 'a' - 'A');
}

static struct expr_value upper_ascii(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    return changed_case(r, args[0].s, 'a', 'A' - 'a');
}

static struct expr_value trim(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct str s = args[0].s;
    size_t end = 0;
    (void)n;
    if (!expr_spend_bytes(r, s.n))
        return expr_no_steps();
    while (s.n && expr_is_space(expr_point(s)))
        s = str_skip(s, expr_point_size(s));
    for (size_t i = 0; i < s.n;) {
        struct str rest = str_skip(s, i);
        i += expr_point_size(rest);
        if (!expr_is_space(expr_point(rest)))
            end = i;
    }
    return expr_string(str_of(s.p, end));
}

static struct expr_value reverse(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct str s = args[0].s;
    (void)n;
    if (!expr_spend_bytes(r, s.n))
        return expr_no_steps();
    char *p = expr_alloc(r, s.n);
    if (!p)
        return expr_no_memory();
    for (size_t i = 0; i < s.n;) {
        size_t size = expr_point_size(str_skip(s, i));
        memcpy(p + s.n - i - size, s.p + i, size);
        i += size;
    }
    return expr_string(str_of(p, s.n));
}

/* The pieces that `limit` cuts at most (below 0: all). Between the points of an empty separator. */
static struct expr_value split(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct str s = args[0].s, by = args[1].s;
    int64_t limit = n > 2 ? args[2].i : -1;
    uint32_t count = 0;
    if (limit == 0)
        return expr_list_of(r, NULL, 0);
    if (!expr_spend_bytes(r, s.n))
        return expr_no_steps();
    size_t pieces = 1 + expr_count(s, by);
    if (limit > 0 && (uint64_t)limit < pieces)
        pieces = (size_t)limit;
    if (pieces > r->max_items || !expr_spend(r, pieces))
        return expr_no_steps();
    struct expr_value *items = expr_alloc_array(r, pieces, sizeof *items);
    if (!items)
        return expr_no_memory();
    while (count + 1 < pieces) {
        size_t at = by.n ? expr_find(s, by, 0) : expr_point_size(s);
        items[count++] = expr_string(str_of(s.p, at));
        s = str_skip(s, at + by.n);
    }
    items[count++] = expr_string(s);
    return expr_list_of(r, items, count);
}

static struct expr_value join(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value error;
    uint32_t count;
    struct str by = n > 1 ? args[1].s : STR("");
    const struct expr_value *items = expr_list_items(r, &args[0], &count, &error);
    struct expr_text t;
    if (!items)
        return error;
    if (!expr_spend(r, count))
        return expr_no_steps();
    for (uint32_t i = 0; i < count; i++)
        if (items[i].kind != EXPR_STRING)
            return items[i].kind == EXPR_ERROR ? items[i] : expr_no_overload(r, "join");
    expr_text_open(&t, r);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            expr_text_add(&t, by);
        expr_text_add(&t, items[i].s);
    }
    return expr_text_close(&t);
}

static struct expr_value replace(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct str s = args[0].s, from = args[1].s, to = args[2].s;
    int64_t left = n > 3 && args[3].i >= 0 ? args[3].i : INT64_MAX;
    struct expr_text t;
    if (!expr_spend_bytes(r, s.n))
        return expr_no_steps();
    expr_text_open(&t, r);
    for (size_t at; left > 0 && (at = expr_find(s, from, 0)) != EXPR_NOT_FOUND; left--) {
        expr_text_add(&t, str_of(s.p, at));
        expr_text_add(&t, to);
        s = str_skip(s, at + from.n);
        if (from.n == 0) { /* once before each point and once at the end */
            size_t size = s.n ? expr_point_size(s) : 0;
            expr_text_add(&t, str_of(s.p, size));
            s = str_skip(s, size);
            if (size == 0)
                break;
        }
    }
    expr_text_add(&t, s);
    return expr_text_close(&t);
}

static struct expr_value quote(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    static const char plain[] = "\a\b\f\n\r\t\v\\\"", letters[] = "abfnrtv\\\"";
    struct str s = args[0].s;
    struct expr_text t;
    (void)n;
    if (!expr_spend_bytes(r, s.n))
        return expr_no_steps();
    expr_text_open(&t, r);
    expr_text_add(&t, STR("\""));
    while (s.n) {
        size_t size = expr_point_size(s);
        const char *found = memchr(plain, s.p[0], sizeof plain - 1);
        char escape[] = {'\\', found ? letters[found - plain] : '\0'};
        if (found)
            expr_text_add(&t, str_of(escape, 2));
        else if (expr_point(s) == EXPR_NO_POINT)
            expr_text_add(&t, STR("\xef\xbf\xbd"));
        else
            expr_text_add(&t, str_of(s.p, size));
        s = str_skip(s, size);
    }
    expr_text_add(&t, STR("\""));
    return expr_text_close(&t);
}

static const struct expr_function rows[] = {
    {"string.contains(string) -> bool", contains, EXPR_COST_BYTES, 0},
    {"string.startsWith(string) -> bool", starts_with, EXPR_COST_BYTES, 0},
    {"string.endsWith(string) -> bool", ends_with, EXPR_COST_BYTES, 0},
    {"string.matches(string) -> bool", NULL, EXPR_COST_BYTES, 0},
    {"matches(string, string) -> bool", NULL, EXPR_COST_BYTES, 0},
    {"string.charAt(int) -> string", char_at, EXPR_COST_BYTES, 0},
    {"string.indexOf(string) -> int", index_of, EXPR_COST_BYTES, 0},
    {"string.indexOf(string, int) -> int", index_of, EXPR_COST_BYTES, 0},
    {"string.lastIndexOf(string) -> int", last_index_of, EXPR_COST_BYTES, 0},
    {"string.lastIndexOf(string, int) -> int", last_index_of, EXPR_COST_BYTES, 0},
    {"string.substring(int) -> string", substring, EXPR_COST_BYTES, 0},
    {"string.substring(int, int) -> string", substring, EXPR_COST_BYTES, 0},
    {"string.lowerAscii() -> string", lower_ascii, EXPR_COST_BYTES, 0},
    {"string.upperAscii() -> string", upper_ascii, EXPR_COST_BYTES, 0},
    {"string.trim() -> string", trim, EXPR_COST_BYTES, 0},
    {"string.reverse() -> string", reverse, EXPR_COST_BYTES, 0},
    {"string.split(string) -> list<string>", split, EXPR_COST_BYTES, 0},
    {"string.split(string, int) -> list<string>", split, EXPR_COST_BYTES, 0},
    {"list<string>.join() -> string", join, EXPR_COST_ITEMS, 0},
    {"list<string>.join(string) -> string", join, EXPR_COST_ITEMS, 0},
    {"string.replace(string, string) -> string", replace, EXPR_COST_BYTES, 0},
    {"string.replace(string, string, int) -> string", replace, EXPR_COST_BYTES, 0},
    {"strings/quote(string) -> string", quote, EXPR_COST_BYTES, 0},
    {"string.format(list<dyn>) -> string", expr_string_format, EXPR_COST_ITEMS, 0},
};

const struct expr_library expr_lib_strings = {"strings", rows, sizeof rows / sizeof *rows};
