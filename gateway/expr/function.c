#include "gateway/expr/function.h"

/* The one list of libraries. */
static const struct expr_library *const libraries[] = {
    &expr_lib_standard, &expr_lib_conversions, &expr_lib_time, &expr_lib_strings,
    &expr_lib_math,     &expr_lib_lists,       &expr_lib_sets, &expr_lib_optionals,
    &expr_lib_encoders, &expr_lib_network,     NULL,
};

enum { PARAMS_MAX = 8, TYPE_PARAMS = 8 };

/* What is left of a signature. */
struct signature {
    struct arena *arena;
    struct str rest;
    uint32_t type_params; /* a bit for each letter that has been met */
    bool bad;
};

static const struct {
    struct str name;
    const struct expr_type *type;
} plain_types[] = {
    {STR_INIT("dyn"), &expr_type_dyn},
    {STR_INIT("null"), &expr_type_null},
    {STR_INIT("bool"), &expr_type_bool},
    {STR_INIT("int"), &expr_type_int},
    {STR_INIT("uint"), &expr_type_uint},
    {STR_INIT("double"), &expr_type_double},
    {STR_INIT("string"), &expr_type_string},
    {STR_INIT("bytes"), &expr_type_bytes},
    {STR_INIT("timestamp"), &expr_type_timestamp},
    {STR_INIT("duration"), &expr_type_duration},
    {STR_INIT("ip"), &expr_type_ip},
    {STR_INIT("cidr"), &expr_type_cidr},
};

#define PARAM(n)                         \
    {                                    \
        .kind = EXPR_PARAM, .param = (n) \
    }
static const struct expr_type letters[TYPE_PARAMS] = {PARAM(0), PARAM(1), PARAM(2), PARAM(3),
                                                      PARAM(4), PARAM(5), PARAM(6), PARAM(7)};

static bool take(struct signature *s, struct str text)
{
    if (!str_starts(s->rest, text))
        return false;
    s->rest = str_skip(s->rest, text.n);
    return true;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static struct str take_word(struct signature *s)
{
    size_t n = 0;
    while (n < s->rest.n && is_word(s->rest.p[n]))
        n++;
    struct str word = str_of(s->rest.p, n);
    s->rest = str_skip(s->rest, n);
    return word;
}

static const struct expr_type *take_type(struct signature *s);

static const struct expr_type *take_argument(struct signature *s, struct str before)
{
    const struct expr_type *t = take(s, before) ? take_type(s) : NULL;
    s->bad = s->bad || !t;
    return t ? t : &expr_type_error;
}

/* "list<A>" and its like, behind the name. */
static const struct expr_type *take_parts(struct signature *s, struct str name)
{
    if (str_eq(name, STR("type")) && !str_starts(s->rest, STR("<")))
        return expr_type_type(s->arena, NULL);
    const struct expr_type *first = take_argument(s, STR("<")), *t = NULL;
    if (str_eq(name, STR("list")))
        t = expr_type_list(s->arena, first);
    else if (str_eq(name, STR("map")))
        t = expr_type_map(s->arena, first, take_argument(s, STR(", ")));
    else if (str_eq(name, STR("optional")))
        t = expr_type_optional(s->arena, first);
    else if (str_eq(name, STR("type")))
        t = expr_type_type(s->arena, first);
    s->bad = s->bad || !t || !take(s, STR(">"));
    return t;
}

/* NULL: no type stands here (then nothing is taken off), or out of memory. */
static const struct expr_type *take_type(struct signature *s)
{
    struct str before = s->rest, word = take_word(s);

    if (word.n == 1 && word.p[0] >= 'A' && word.p[0] < 'A' + TYPE_PARAMS) {
        uint32_t letter = (uint32_t)(word.p[0] - 'A');
        s->type_params |= UINT32_C(1) << letter;
        return &letters[letter];
    }
    for (size_t i = 0; i < sizeof plain_types / sizeof *plain_types; i++)
        if (str_eq(word, plain_types[i].name))
            return plain_types[i].type;
    bool parts = str_eq(word, STR("list")) || str_eq(word, STR("map")) ||
                 str_eq(word, STR("optional")) || str_eq(word, STR("type"));
    if (parts && (str_starts(s->rest, STR("<")) || str_eq(word, STR("type"))))
        return take_parts(s, word);
    s->rest = before;
    return NULL;
}

/* "type.", the receiver of a method. */
static bool take_receiver(struct signature *s, const struct expr_type **params)
{
    struct str before = s->rest;

    params[0] = take_type(s);
    if (params[0] && take(s, STR(".")))
        return true;
    s->rest = before;
    s->type_params = 0;
    return false;
}

static uint32_t take_params(struct signature *s, const struct expr_type **params, uint32_t n)
{
    if (take(s, STR(")")))
        return n;
    do {
        const struct expr_type *t = take_type(s);
        if (!t || n == PARAMS_MAX) {
            s->bad = true;
            return n;
        }
        params[n++] = t;
    } while (take(s, STR(", ")));
    s->bad = s->bad || !take(s, STR(")"));
    return n;
}

/* Type parameters are used from A on, without a gap. */
static uint32_t count_letters(struct signature *s)
{
    uint32_t n = 0;
    while (n < TYPE_PARAMS && s->type_params >> n & 1)
        n++;
    s->bad = s->bad || s->type_params >> n;
    return n;
}

/* "math/abs" is math.abs; the name of division is no path. */
static struct str name_of(struct signature *s, struct str written)
{
    size_t slash = str_find(written, '/');

    if (!written.p || slash == written.n || written.p[0] == '_')
        return written;
    char *name = arena_alloc(s->arena, written.n);
    if (!name)
        return STR_NONE;
    for (size_t i = 0; i < written.n; i++)
        name[i] = written.p[i] == '/' ? '.' : written.p[i];
    return str_of(name, written.n);
}

bool expr_overload_parse(struct expr_overload *o, const struct expr_function *f, struct arena *a)
{
    struct signature s = {.arena = a, .rest = str_c(f->signature)};
    const struct expr_type *params[PARAMS_MAX] = {NULL};
    bool method = take_receiver(&s, params);
    size_t open = str_find(s.rest, '(');

    *o = (struct expr_overload){.function = f, .method = method};
    o->name = name_of(&s, str_of(s.rest.p, open));
    s.bad = s.bad || open == 0 || open == s.rest.n;
    s.rest = str_skip(s.rest, open + 1);
    o->nparams = take_params(&s, params, method);
    if (!s.bad && take(&s, STR(" -> ")))
        o->result = take_type(&s);
    o->ntype_params = count_letters(&s);
    const struct expr_type **kept = arena_array(a, o->nparams, sizeof *kept);
    if (!kept)
        return false;
    memcpy(kept, params, o->nparams * sizeof *kept);
    o->params = kept;
    return o->name.p && o->result && !s.bad && s.rest.n == 0;
}

static uint32_t upper_bound(const struct expr_overload *rows, uint32_t n, struct str name)
{
    uint32_t low = 0;
    while (low < n) {
        uint32_t middle = low + (n - low) / 2;
        if (str_cmp(rows[middle].name, name) <= 0)
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

/* Rows of one name stay in the order of the libraries: the first that fits decides first. */
static bool add_library(struct expr_functions *f, struct expr_overload *rows,
                        const struct expr_library *library, struct arena *a)
{
    for (uint32_t i = 0; i < library->n; i++) {
        struct expr_overload o;
        if (!expr_overload_parse(&o, &library->functions[i], a))
            return false;
        uint32_t at = upper_bound(rows, f->n, o.name);
        memmove(rows + at + 1, rows + at, (f->n - at) * sizeof *rows);
        rows[at] = o;
        f->n++;
    }
    return true;
}

bool expr_functions_of(struct expr_functions *f, const struct expr_library *const *list,
                       struct arena *a)
{
    size_t n = 0;
    for (uint32_t i = 0; list[i]; i++)
        n += list[i]->n;
    struct expr_overload *rows = arena_array(a, n, sizeof *rows);
    *f = (struct expr_functions){.rows = rows};
    for (uint32_t i = 0; rows && list[i]; i++)
        if (!add_library(f, rows, list[i], a))
            return false;
    return rows != NULL;
}

bool expr_functions_init(struct expr_functions *f, struct arena *a)
{
    return expr_functions_of(f, libraries, a);
}

const struct expr_overload *expr_functions_find(const struct expr_functions *f, struct str name,
                                                uint32_t *n)
{
    uint32_t end = upper_bound(f->rows, f->n, name), first = end;
    while (first > 0 && str_eq(f->rows[first - 1].name, name))
        first--;
    *n = end - first;
    return *n ? &f->rows[first] : NULL;
}
