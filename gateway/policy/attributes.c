#include "gateway/policy/attributes.h"

#include "gateway/core/clock.h"
#include "gateway/core/metadata.h"
#include "gateway/core/principal.h"
#include "gateway/expr/run.h"
#include "gen/postern/v1/options.pb-c.h"

enum { TAP_SCRATCH = 2 << 10 };

/* Request headers as a map: names in any case, the values of a repeated one joined (RFC 9110 5.3).
 */
struct header_map {
    struct expr_map map; /* first */
    const struct headers *headers;
};

/* What has been found out of one exchange. */
struct attributes {
    struct expr_value *slots, *taps;
    bool *known;
    struct header_map headers, metadata;
    struct headers sent;           /* what the request's headers are as metadata, before any rule */
    struct expr_scratch tapped[2]; /* what the taps of request and response need besides the bytes
                                    */
};

struct row {
    const char *name;
    uint8_t kind; /* of expr_kind; a list is one of strings, a map has them as keys */
    uint8_t flags;
    void (*find)(struct exchange *x, struct attributes *a, struct expr_value *out);
};

/* ---- headers ---- */

static uint32_t header_map_size(const struct expr_map *map)
{
    return ((const struct header_map *)map)->headers->n;
}

static struct str join(struct expr_run *r, struct str a, struct str b)
{
    char *p = expr_alloc(r, a.n + 2 + b.n);
    if (!p)
        return STR_NONE;
    memcpy(p, a.p, a.n);
    memcpy(p + a.n, ", ", 2);
    if (b.n)
        memcpy(p + a.n + 2, b.p, b.n);
    return str_of(p, a.n + 2 + b.n);
}

static bool header_map_find(const struct expr_map *map, struct expr_run *r,
                            const struct expr_value *key, struct expr_value *out)
{
    const struct headers *h = ((const struct header_map *)map)->headers;
    struct str all = STR_NONE;

    for (uint32_t i = 0; key->kind == EXPR_STRING && i < h->n; i++) {
        if (!str_eq_nocase(h->items[i].name, key->s))
            continue;
        struct str value = h->items[i].value;
        all = all.p ? join(r, all, value) : str_of(value.p ? value.p : "", value.n);
        if (!all.p) {
            *out = expr_no_memory();
            return true;
        }
    }
    *out = expr_string(all);
    return all.p != NULL;
}

static void header_map_at(const struct expr_map *map, struct expr_run *r, uint32_t i,
                          struct expr_value *key, struct expr_value *out)
{
    const struct headers *h = ((const struct header_map *)map)->headers;
    (void)r;
    *key = expr_string(h->items[i].name);
    *out = expr_string(h->items[i].value);
}

static void find_headers(struct exchange *x, struct attributes *a, struct expr_value *out)
{
    a->headers = (struct header_map){{header_map_size, header_map_find, header_map_at},
                                     &x->request.headers};
    *out = (struct expr_value){.kind = EXPR_MAP, .map = &a->headers.map};
}

/* A header that no metadata can be made of is a 400 later on, when the metadata is. */
static void find_metadata(struct exchange *x, struct attributes *a, struct expr_value *out)
{
    static const struct expr_error wrong = {EXPR_FAIL_BAD_VALUE,
                                            STR_INIT("a header that cannot be metadata"), 0};
    struct tc_error error = {0};
    a->metadata = (struct header_map){{header_map_size, header_map_find, header_map_at}, &a->sent};
    *out = (struct expr_value){.kind = EXPR_MAP, .map = &a->metadata.map};
    if (metadata_from_headers(&x->request.headers, &a->sent, &x->arena, &error) != TC_OK)
        *out = (struct expr_value){.kind = EXPR_ERROR, .error = &wrong};
}

/* ---- messages ---- */

static void find_message(struct attributes *a, struct exchange *x, enum attribute which,
                         struct str bytes)
{
    const struct tc_method *m = x->policy->method;
    bool request = which == ATTRIBUTE_REQUEST;
    a->slots[which] = (struct expr_value){
        .kind = EXPR_MESSAGE, .s = bytes, .message = request ? m->input : m->output};
    expr_collect(x->policy->attributes->env, which, bytes, a->taps, &a->tapped[which]);
}

/* The message is given away when it is sent: what is read later is read of a copy. */
static void find_request(struct exchange *x, struct attributes *a, struct expr_value *out)
{
    struct str bytes = str_skip(buf_str(&x->message), TC_FRAME_HEADER);
    if (x->policy->attributes->request_later)
        bytes = arena_copy(&x->arena, bytes);
    if (bytes.p)
        find_message(a, x, ATTRIBUTE_REQUEST, bytes);
    else
        *out = expr_no_memory();
}

static void find_response(struct exchange *x, struct attributes *a, struct expr_value *out)
{
    (void)out;
    find_message(a, x, ATTRIBUTE_RESPONSE, buf_str(&x->reply));
}

/* ---- the caller ---- */

static struct expr_value known_text(struct str s)
{
    return s.p ? expr_string(s) : expr_absent();
}

#define CALLER_TEXT(field)                                                                     \
    static void find_##field(struct exchange *x, struct attributes *a, struct expr_value *out) \
    {                                                                                          \
        (void)a;                                                                               \
        *out = x->principal ? known_text(x->principal->field) : expr_absent();                 \
    }
CALLER_TEXT(id)
CALLER_TEXT(key)
CALLER_TEXT(tenant)
CALLER_TEXT(tier)
CALLER_TEXT(subject)
CALLER_TEXT(provider)

static void find_authenticated(struct exchange *x, struct attributes *a, struct expr_value *out)
{
    (void)a;
    *out = expr_bool(x->principal != NULL);
}

static const struct expr_array nobody = {0};

static uint32_t nothing_size(const struct expr_list *list)
{
    (void)list;
    return 0;
}

static const struct expr_list nothing = {nothing_size, NULL};

static struct expr_value texts(const struct expr_array *a)
{
    return (struct expr_value){.kind = EXPR_LIST, .list = a->list.size ? &a->list : &nothing};
}

static void find_scopes(struct exchange *x, struct attributes *a, struct expr_value *out)
{
    (void)a;
    *out = texts(x->principal ? &x->principal->scopes : &nobody);
}

static void find_roles(struct exchange *x, struct attributes *a, struct expr_value *out)
{
    (void)a;
    *out = texts(x->principal ? &x->principal->roles : &nobody);
}

static uint32_t no_limits(const struct expr_map *map)
{
    (void)map;
    return 0;
}

static bool no_limit(const struct expr_map *map, struct expr_run *r, const struct expr_value *key,
                     struct expr_value *out)
{
    (void)map;
    (void)r;
    (void)key;
    (void)out;
    return false;
}

static void find_limits(struct exchange *x, struct attributes *a, struct expr_value *out)
{
    static const struct expr_map none = {no_limits, no_limit, NULL};
    const struct principal *who = x->principal;
    (void)a;
    *out = (struct expr_value){.kind = EXPR_MAP, .map = who && who->limits ? who->limits : &none};
}

/* ---- the call ---- */

static void find_ip(struct exchange *x, struct attributes *a, struct expr_value *out)
{
    (void)a;
    *out = proxies_client(&x->snapshot->plan->proxies, x->request.client, &x->request.headers);
}

static void find_now(struct exchange *x, struct attributes *a, struct expr_value *out)
{
    uint64_t us = clock_wall_us();
    (void)x;
    (void)a;
    *out = (struct expr_value){.kind = EXPR_TIMESTAMP,
                               .time = {(int64_t)(us / 1000000), (int32_t)(us % 1000000) * 1000}};
}

static void find_method(struct exchange *x, struct attributes *a, struct expr_value *out)
{
    (void)a;
    *out = expr_string(x->request.method);
}

static void find_path(struct exchange *x, struct attributes *a, struct expr_value *out)
{
    (void)a;
    *out = expr_string(x->request.path);
}

static void find_pattern(struct exchange *x, struct attributes *a, struct expr_value *out)
{
    (void)a;
    *out = expr_string(x->route->pattern);
}

static void find_rpc(struct exchange *x, struct attributes *a, struct expr_value *out)
{
    (void)a;
    *out = expr_string(x->policy->method->full_name);
}

static const struct row rows[ATTRIBUTES] = {
    [ATTRIBUTE_REQUEST] = {"request", EXPR_MESSAGE, 0, find_request},
    [ATTRIBUTE_RESPONSE] = {"response", EXPR_MESSAGE, 0, find_response},
    [ATTRIBUTE_CALLER_AUTHENTICATED] = {"caller.authenticated", EXPR_BOOL, 0, find_authenticated},
    [ATTRIBUTE_CALLER_ID] = {"caller.id", EXPR_STRING, EXPR_MAY_BE_ABSENT, find_id},
    [ATTRIBUTE_CALLER_KEY] = {"caller.key", EXPR_STRING, EXPR_MAY_BE_ABSENT, find_key},
    [ATTRIBUTE_CALLER_TENANT] = {"caller.tenant", EXPR_STRING, EXPR_MAY_BE_ABSENT, find_tenant},
    [ATTRIBUTE_CALLER_TIER] = {"caller.tier", EXPR_STRING, EXPR_MAY_BE_ABSENT, find_tier},
    [ATTRIBUTE_CALLER_SUBJECT] = {"caller.subject", EXPR_STRING, EXPR_MAY_BE_ABSENT, find_subject},
    [ATTRIBUTE_CALLER_PROVIDER] = {"caller.provider", EXPR_STRING, EXPR_MAY_BE_ABSENT,
                                   find_provider},
    [ATTRIBUTE_CALLER_SCOPES] = {"caller.scopes", EXPR_LIST, 0, find_scopes},
    [ATTRIBUTE_CALLER_ROLES] = {"caller.roles", EXPR_LIST, 0, find_roles},
    [ATTRIBUTE_CALLER_LIMITS] = {"caller.limits", EXPR_MAP, 0, find_limits},
    [ATTRIBUTE_HEADERS] = {"headers", EXPR_MAP, 0, find_headers},
    [ATTRIBUTE_METADATA] = {"metadata", EXPR_MAP, 0, find_metadata},
    [ATTRIBUTE_SOURCE_IP] = {"source.ip", EXPR_IP, EXPR_MAY_BE_ABSENT, find_ip},
    [ATTRIBUTE_NOW] = {"now", EXPR_TIMESTAMP, 0, find_now},
    [ATTRIBUTE_ROUTE_METHOD] = {"route.method", EXPR_STRING, 0, find_method},
    [ATTRIBUTE_ROUTE_PATH] = {"route.path", EXPR_STRING, 0, find_path},
    [ATTRIBUTE_ROUTE_PATTERN] = {"route.pattern", EXPR_STRING, 0, find_pattern},
    [ATTRIBUTE_ROUTE_RPC] = {"route.rpc", EXPR_STRING, 0, find_rpc},
};

/* ---- types ---- */

static const struct expr_type *row_type(enum attribute a, const struct tc_method *m,
                                        struct arena *arena)
{
    switch (rows[a].kind) {
    case EXPR_MESSAGE:
        return expr_type_message(arena, a == ATTRIBUTE_REQUEST ? m->input : m->output);
    case EXPR_LIST: return expr_type_list(arena, &expr_type_string);
    case EXPR_MAP:
        return expr_type_map(arena, &expr_type_string,
                             a == ATTRIBUTE_CALLER_LIMITS ? &expr_type_int : &expr_type_string);
    case EXPR_BOOL: return &expr_type_bool;
    case EXPR_IP: return &expr_type_ip;
    case EXPR_TIMESTAMP: return &expr_type_timestamp;
    default: return &expr_type_string;
    }
}

bool attributes_declare(struct expr_env *env, const struct tc_method *m, struct arena *arena)
{
    for (int a = 0; a < ATTRIBUTES; a++) {
        const struct expr_type *type = row_type((enum attribute)a, m, arena);
        if (!type || expr_declare(env, str_c(rows[a].name), type, rows[a].flags) == UINT32_MAX)
            return false;
    }
    return true;
}

const struct expr_type *attributes_claim_type(uint8_t type, struct arena *arena)
{
    switch (type) {
    case POSTERN__V1__CLAIM__TYPE__STRING: return &expr_type_string;
    case POSTERN__V1__CLAIM__TYPE__INT: return &expr_type_int;
    case POSTERN__V1__CLAIM__TYPE__DOUBLE: return &expr_type_double;
    case POSTERN__V1__CLAIM__TYPE__BOOL: return &expr_type_bool;
    case POSTERN__V1__CLAIM__TYPE__LIST_STRING: return expr_type_list(arena, &expr_type_string);
    default: return &expr_type_dyn;
    }
}

struct str attributes_name(const struct plan_attributes *p, uint32_t slot, struct arena *arena)
{
    if (slot < ATTRIBUTES)
        return str_c(rows[slot].name);
    if (slot - ATTRIBUTES < p->nclaims)
        return arena_printf(arena, "claims.%.*s", STR_ARG(p->claims[slot - ATTRIBUTES]));
    return STR("tables");
}

void attributes_alone(const struct method_policy *p, struct str request, struct expr_value *slots)
{
    const struct plan_attributes *a = p->attributes;
    uint32_t first = ATTRIBUTES + a->nclaims;
    slots[ATTRIBUTE_REQUEST] = (struct expr_value){
        .kind = EXPR_MESSAGE, .s = request, .message = p->method->input};
    find_now(NULL, NULL, &slots[ATTRIBUTE_NOW]);
    for (uint32_t i = first; i < expr_env_slots(a->env); i++)
        slots[i] = a->tables[i - first];
}

enum plan_when attributes_when(const struct expr_program *p)
{
    enum plan_when when = PLAN_HEAD;
    for (uint32_t i = 0; i < p->nslots; i++) {
        if (p->slots[i] == ATTRIBUTE_RESPONSE)
            return PLAN_REPLY;
        if (p->slots[i] == ATTRIBUTE_REQUEST)
            when = PLAN_MESSAGE;
    }
    return when;
}

/* ---- claims ---- */

static bool all_strings(const struct expr_value *v)
{
    if (v->kind != EXPR_LIST)
        return false;
    for (uint32_t i = 0, n = v->list->size(v->list); i < n; i++)
        if (v->list->at(v->list, NULL, i).kind != EXPR_STRING)
            return false;
    return true;
}

/* JSON has one kind of number; 1.0 is an integer too. */
static bool as_claim(uint8_t type, struct expr_value *v)
{
    switch (type) {
    case POSTERN__V1__CLAIM__TYPE__STRING: return v->kind == EXPR_STRING;
    case POSTERN__V1__CLAIM__TYPE__BOOL: return v->kind == EXPR_BOOL;
    case POSTERN__V1__CLAIM__TYPE__LIST_STRING: return all_strings(v);
    case POSTERN__V1__CLAIM__TYPE__INT:
        if (v->kind == EXPR_DOUBLE && v->d >= -0x1p53 && v->d <= 0x1p53 &&
            v->d == (double)(int64_t)v->d)
            *v = expr_int((int64_t)v->d);
        return v->kind == EXPR_INT;
    case POSTERN__V1__CLAIM__TYPE__DOUBLE:
        if (v->kind == EXPR_INT)
            *v = (struct expr_value){.kind = EXPR_DOUBLE, .d = (double)v->i};
        return v->kind == EXPR_DOUBLE;
    default: return true;
    }
}

static struct expr_value find_claim(const struct exchange *x, uint32_t index)
{
    static const struct expr_error wrong_type = {EXPR_FAIL_NO_OVERLOAD,
                                                 STR_INIT("the claim is of another type"), 0};
    const struct plan_attributes *p = x->policy->attributes;
    const struct principal *who = x->principal;
    struct expr_value key = expr_string(p->claims[index]), v;

    if (!who || who->claims.kind != EXPR_MAP ||
        !who->claims.map->find(who->claims.map, NULL, &key, &v))
        return expr_absent();
    if (as_claim(p->claim_types[index], &v))
        return v;
    return (struct expr_value){.kind = EXPR_ERROR, .error = &wrong_type};
}

/* ---- evaluation ---- */

static struct attributes *attributes_of(struct exchange *x)
{
    const struct expr_env *env = x->policy->attributes->env;
    uint32_t slots = expr_env_slots(env), taps = expr_env_taps(env, NULL);
    if (x->attributes)
        return x->attributes;
    struct attributes *a = arena_alloc(&x->arena, sizeof *a);
    if (!a)
        return NULL;
    a->slots = arena_room(&x->arena, slots * sizeof *a->slots); /* filled below */
    a->taps = arena_array(&x->arena, taps, sizeof *a->taps);
    a->known = arena_array(&x->arena, slots, sizeof *a->known);
    for (int i = 0; i < 2; i++)
        a->tapped[i] = (struct expr_scratch){arena_room(&x->arena, taps ? TAP_SCRATCH : 0),
                                             taps ? TAP_SCRATCH : 0, 0};
    if (!a->slots || !a->taps || !a->known || !a->tapped[0].p || !a->tapped[1].p)
        return NULL;
    for (uint32_t i = 0; i < slots; i++)
        a->slots[i] = expr_absent();
    return x->attributes = a;
}

static void find(struct exchange *x, struct attributes *a, uint32_t slot)
{
    if (a->known[slot])
        return;
    a->known[slot] = true;
    const struct plan_attributes *p = x->policy->attributes;
    if (slot >= ATTRIBUTES + p->nclaims)
        a->slots[slot] = p->tables[slot - ATTRIBUTES - p->nclaims];
    else if (slot >= ATTRIBUTES)
        a->slots[slot] = find_claim(x, slot - ATTRIBUTES);
    else
        rows[slot].find(x, a, &a->slots[slot]);
}

void attributes_renew(struct exchange *x, enum attribute message)
{
    if (!x->attributes)
        return;
    x->attributes->known[message] = false;
    x->attributes->tapped[message].used = 0;
}

/* The first error of a call is kept for its log line. */
static void note(struct exchange *x, const struct plan_expr *e, const struct expr_error *error)
{
    x->rule_errors++;
    if (!x->rule_error.p)
        x->rule_error = arena_printf(&x->arena, "%.*s: %.*s", STR_ARG(e->name),
                                     STR_ARG(error->text));
}

bool attributes_keep_request(struct exchange *x)
{
    struct attributes *a = attributes_of(x);
    if (a)
        find(x, a, ATTRIBUTE_REQUEST);
    return a != NULL;
}

struct expr_value attributes_eval(struct exchange *x, const struct plan_expr *e)
{
    struct attributes *a = attributes_of(x);
    struct expr_value v = expr_no_memory();
    struct expr_scratch *scratch = &x->host->scratch;

    if (a) {
        for (uint32_t i = 0; i < e->program->nslots; i++)
            find(x, a, e->program->slots[i]);
        scratch->used = 0;
        v = expr_eval(e->program, a->slots, a->taps, scratch);
    }
    if (v.kind == EXPR_ERROR)
        note(x, e, v.error);
    return v;
}
