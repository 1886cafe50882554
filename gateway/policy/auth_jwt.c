#include "gateway/policy/auth_jwt.h"

/* How far the clock of an authorization server may be ahead. */
enum { ANSWER_SKEW_S = 60 };

/* RFC 7519 2: NumericDate, seconds since the epoch, possibly with a fraction. Text is none. */
static bool read_date(const struct expr_value *v, int64_t *out)
{
    if (v->kind == EXPR_INT)
        *out = v->i;
    else if (v->kind == EXPR_DOUBLE && v->d >= 0 && v->d < 0x1p53)
        *out = (int64_t)v->d;
    else
        return false;
    return *out >= 0 && *out < INT64_C(1) << 53;
}

/* RFC 7519 4.1.3: a string or a list of them. */
static bool audience_fits(const struct auth_jwt_rules *r, const struct expr_value *aud)
{
    if (r->naudiences == 0)
        return true;
    if (aud->kind == EXPR_STRING)
        return str_is_one_of(aud->s, r->audiences, r->naudiences);
    for (uint32_t i = 0, n = aud->kind == EXPR_LIST ? aud->list->size(aud->list) : 0; i < n; i++) {
        struct expr_value one = aud->list->at(aud->list, NULL, i);
        if (one.kind == EXPR_STRING && str_is_one_of(one.s, r->audiences, r->naudiences))
            return true;
    }
    return false;
}

int64_t auth_jwt_expires(const struct auth_jwt_rules *r, const struct expr_value *claims)
{
    struct expr_value exp = json_member(claims, "exp");
    int64_t at = 0;
    return read_date(&exp, &at) ? at + r->skew_s : 0;
}

static const char *time_wrong(const struct auth_jwt_rules *r, const struct expr_value *claims,
                              int64_t now)
{
    struct expr_value exp = json_member(claims, "exp"), nbf = json_member(claims, "nbf"),
                      iat = json_member(claims, "iat");
    int64_t at;

    if (!read_date(&exp, &at))
        return "the token has no valid exp";
    if (at + r->skew_s <= now)
        return "the token has expired";
    if (nbf.kind != EXPR_ABSENT && !read_date(&nbf, &at))
        return "the token's nbf is no date";
    if (nbf.kind != EXPR_ABSENT && at - r->skew_s > now)
        return "the token is not valid yet";
    if (iat.kind != EXPR_ABSENT && !read_date(&iat, &at))
        return "the token's iat is no date";
    if (iat.kind != EXPR_ABSENT && at - r->skew_s > now)
        return "the token was issued in the future";
    return NULL;
}

static struct expr_value claim_at(const struct expr_value *claims, struct str path);

/* What names the caller must name somebody: "" or 5 would be nobody, and who is nobody has a
 * bucket, a log line and an expression in common with all such. */
static bool holds_required(const struct auth_jwt_rules *r, const struct expr_value *claims,
                           struct str path)
{
    struct expr_value v = claim_at(claims, path);
    if (str_eq(path, STR("sub")) || str_eq(path, r->id_claim))
        return v.kind == EXPR_STRING && v.s.n;
    return v.kind != EXPR_ABSENT && v.kind != EXPR_NULL;
}

const char *auth_jwt_wrong(const struct auth_jwt_rules *r, const struct expr_value *claims,
                           int64_t now)
{
    struct expr_value aud = json_member(claims, "aud");
    const char *why = time_wrong(r, claims, now);

    if (why)
        return why;
    if (r->issuer.p && !str_eq(json_text(claims, "iss"), r->issuer))
        return "the token is of another issuer";
    if (!audience_fits(r, &aud))
        return "the token is for another audience";
    for (uint32_t i = 0; i < r->nrequired; i++)
        if (!holds_required(r, claims, r->required[i]))
            return "the token lacks a required claim";
    return NULL;
}

const char *auth_jwt_answer_wrong(const struct auth_jwt_rules *r, const struct expr_value *answer,
                                  int64_t now)
{
    struct expr_value exp = json_member(answer, "exp"), nbf = json_member(answer, "nbf"),
                      aud = json_member(answer, "aud");
    int64_t at;
    if (exp.kind != EXPR_ABSENT && (!read_date(&exp, &at) || at <= now))
        return "the token has expired";
    if (nbf.kind != EXPR_ABSENT && (!read_date(&nbf, &at) || at - ANSWER_SKEW_S > now))
        return "the token is not valid yet";
    return audience_fits(r, &aud) ? NULL : "the token is for another audience";
}

/* ---- the principal ---- */

static struct expr_value member(const struct expr_value *v, struct str name)
{
    struct expr_value key = expr_string(name), out;
    if (v->kind == EXPR_MAP && v->map->find(v->map, NULL, &key, &out))
        return out;
    return expr_absent();
}

/* The whole path as one name first: "https://example.com/roles" has dots of its own. */
static struct expr_value claim_at(const struct expr_value *claims, struct str path)
{
    struct expr_value v = member(claims, path);
    struct str rest = path;

    if (v.kind != EXPR_ABSENT || path.n == 0)
        return v;
    v = *claims;
    while (rest.p && v.kind != EXPR_ABSENT)
        v = member(&v, str_cut(&rest, '.'));
    return v;
}

static struct str text_at(const struct expr_value *claims, struct str path)
{
    struct expr_value v = claim_at(claims, path);
    return v.kind == EXPR_STRING ? v.s : STR_NONE;
}

static uint32_t count_words(struct str s)
{
    uint32_t n = 0;
    while (s.p)
        n += str_cut(&s, ' ').n > 0;
    return n;
}

static bool split_words(struct str s, struct arena *arena, struct expr_array *out)
{
    uint32_t n = 0;
    struct expr_value *items = arena_array(arena, count_words(s), sizeof *items);
    if (!items)
        return false;
    while (s.p) {
        struct str word = str_cut(&s, ' ');
        if (word.n)
            items[n++] = expr_string(word);
    }
    expr_array_init(out, items, n);
    return true;
}

/* What is no string in a list is left out: it could match nothing. */
static bool copy_strings(const struct expr_list *list, struct arena *arena, struct expr_array *out)
{
    uint32_t size = list->size(list), n = 0;
    struct expr_value *items = arena_array(arena, size, sizeof *items);
    if (!items)
        return false;
    for (uint32_t i = 0; i < size; i++) {
        struct expr_value v = list->at(list, NULL, i);
        if (v.kind == EXPR_STRING)
            items[n++] = v;
    }
    expr_array_init(out, items, n);
    return true;
}

static bool words_at(const struct expr_value *claims, struct str path, struct arena *arena,
                     struct expr_array *out)
{
    struct expr_value v = claim_at(claims, path);
    if (v.kind == EXPR_STRING)
        return split_words(v.s, arena, out);
    if (v.kind == EXPR_LIST)
        return copy_strings(v.list, arena, out);
    return true;
}

bool auth_jwt_principal(const struct auth_jwt_rules *r, const struct expr_value *claims,
                        struct arena *arena, struct principal *out)
{
    *out = (struct principal){
        .provider = r->provider,
        .id = text_at(claims, r->id_claim),
        .tenant = text_at(claims, r->tenant_claim),
        .tier = text_at(claims, r->tier_claim),
        .subject = json_text(claims, "sub"),
        .claims = *claims,
    };
    return words_at(claims, r->scopes_claim, arena, &out->scopes) &&
           words_at(claims, r->roles_claim, arena, &out->roles);
}
