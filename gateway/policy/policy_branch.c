#include "gateway/policy/policy_internal.h"
#include "transcoder/number.h"

struct branch {
    struct compile *c;
    const struct layer *layer;
    const struct tc_method *method;
    const Postern__V1__Route *route;
    size_t index;
};

#define WRONG(b, field, ...) wrong(b, field, arena_printf((b)->c->arena, __VA_ARGS__))

/* A route of a file or service is judged for each RPC that it is applied to, so the sentence names
 * the RPC. */
static void wrong(const struct branch *b, const char *field, struct str sentence)
{
    FAULT(b->c, &b->layer->origin, TEXT(b->c, "route[%zu].%s", b->index, field), "%.*s (rpc %.*s)",
          STR_ARG(sentence), STR_ARG(b->method->full_name));
}

static void unknown_field(const struct branch *b, struct str text, size_t parts_known)
{
    const struct tc_message *m = b->method->input;
    struct str rest = text, part = str_cut(&rest, '.');

    for (size_t i = 0; i < parts_known; i++) {
        m = tc_field_by_name(m, part)->message;
        part = str_cut(&rest, '.');
    }
    const struct tc_field *f = m ? tc_field_by_name(m, part) : NULL;
    if (f && (!rest.p || (f->message && !(f->flags & TC_REPEATED))))
        b->c->no_memory = true; /* nothing is wrong with the path */
    else if (f)
        WRONG(b, "field", "\"%.*s\" of %.*s is no singular message, it has no field \"%.*s\"",
              STR_ARG(part), STR_ARG(m->full_name), STR_ARG(rest));
    else if (m)
        WRONG(b, "field", "%.*s has no field \"%.*s\"%.*s", STR_ARG(m->full_name), STR_ARG(part),
              STR_ARG(policy_suggest_field(b->c, m, part)));
}

/* Integers are compared as text, so only the text that JSON would show can ever be equal. */
static bool is_plain_integer(struct str s)
{
    struct str digits = s.n > 1 && s.p[0] == '-' ? str_skip(s, 1) : s;

    for (size_t i = 0; i < digits.n; i++)
        if (digits.p[i] < '0' || digits.p[i] > '9')
            return false;
    return digits.n == 1 ? s.n == 1 || digits.p[0] != '0' : digits.n > 1 && digits.p[0] != '0';
}

static bool is_integer_of(const struct tc_field *f, struct str s)
{
    int64_t i;
    uint64_t u;

    if (!is_plain_integer(s))
        return false;
    switch (f->type) {
    case TC_UINT64:
    case TC_FIXED64: return tc_parse_uint64(s, &u);
    case TC_UINT32:
    case TC_FIXED32: return tc_parse_uint64(s, &u) && u <= UINT32_MAX;
    case TC_INT64:
    case TC_SINT64:
    case TC_SFIXED64: return tc_parse_int64(s, &i);
    default: return tc_parse_int64(s, &i) && i >= INT32_MIN && i <= INT32_MAX;
    }
}

/* Floating-point numbers are compared by their shortest text; NaN and infinities match nothing. */
static bool is_number_of(const struct tc_field *f, struct str s)
{
    char text[TC_NUMBER_TEXT_MAX];
    double twice;
    float single;

    if (!tc_is_json_number(s))
        return false;
    if (f->type == TC_FLOAT)
        return tc_parse_float(s, &single) && str_eq(str_of(text, tc_print_float(text, single)), s);
    return tc_parse_double(s, &twice) && str_eq(str_of(text, tc_print_double(text, twice)), s);
}

static void check_enum(const struct branch *b, const struct tc_enum *e, struct str text)
{
    struct tc_suggestion s = tc_suggest_for(text);

    if (tc_enum_by_name(e, text))
        return;
    for (uint16_t i = 0; i < e->nvalues; i++)
        tc_suggest(&s, e->values[i].name);
    WRONG(b, "equals", "enum %.*s has no value \"%.*s\"%.*s", STR_ARG(e->full_name), STR_ARG(text),
          STR_ARG(policy_suggest_text(b->c, &s)));
}

/* A value that the field can never have would be a branch that is silently never taken. */
static void check_equals(const struct branch *b, const struct tc_field *f)
{
    struct str text = str_c(b->route->equals);

    switch (f->type) {
    case TC_STRING: break;
    case TC_ENUM: check_enum(b, f->enumeration, text); break;
    case TC_BOOL:
        if (!str_eq(text, STR("true")) && !str_eq(text, STR("false")))
            WRONG(b, "equals", "\"%.*s\" can never match a bool; write \"true\" or \"false\"",
                  STR_ARG(text));
        break;
    case TC_DOUBLE:
    case TC_FLOAT:
        if (!is_number_of(f, text))
            WRONG(b, "equals",
                  "\"%.*s\" can never match this number; write it in its shortest form, as in "
                  "\"0.5\"",
                  STR_ARG(text));
        break;
    default:
        if (!is_integer_of(f, text))
            WRONG(b, "equals",
                  "\"%.*s\" can never match this integer; write it plainly, as in \"42\"",
                  STR_ARG(text));
    }
}

static void resolve_field(const struct branch *b, struct plan_branch *out)
{
    struct str text = str_c(b->route->field);
    size_t known;

    if (!tc_field_path_resolve(b->method->input, text, b->c->arena, &out->field, &known)) {
        if (text.n == 0)
            WRONG(b, "field", "is empty; name a field of %.*s",
                  STR_ARG(b->method->input->full_name));
        else
            unknown_field(b, text, known);
        return;
    }
    const struct tc_field *leaf = out->field.fields[out->field.n - 1];
    if (leaf->flags & TC_REPEATED || leaf->message || leaf->type == TC_BYTES)
        WRONG(b, "field", "\"%.*s\" is %s; a route compares strings, numbers, bools and enums",
              STR_ARG(text),
              leaf->flags & TC_MAP        ? "a map"
              : leaf->flags & TC_REPEATED ? "repeated"
              : leaf->message             ? "a message"
                                          : "of type bytes");
    else if (b->route->_equals_case)
        check_equals(b, leaf);
}

void policy_branches_resolve(struct compile *c, struct method_policy *p, const struct layer *l)
{
    size_t n = l->branch_clusters ? l->policy->n_route : 0;
    struct plan_branch *branches = policy_array(c, n, sizeof *branches);

    for (size_t i = 0; i < n && branches; i++) {
        struct branch b = {c, l, p->method, l->policy->route[i], i};
        branches[i].cluster = l->branch_clusters[i];
        branches[i].equals = b.route->_equals_case ? str_c(b.route->equals) : STR_NONE;
        if (b.route->subject_case == POSTERN__V1__ROUTE__SUBJECT_FIELD)
            resolve_field(&b, &branches[i]);
        else if (b.route->subject_case == POSTERN__V1__ROUTE__SUBJECT_HEADER)
            branches[i].header = policy_lower(c, b.route->header);
    }
    p->branches = branches;
    p->nbranches = branches ? (uint16_t)n : 0;
}
