#include "gateway/policy/auth_keys.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/core/json_value.h"
#include "gateway/expr/time.h"
#include "transcoder/buf.h"
#include "transcoder/text.h"

enum { KEYS_MEMORY = 256 << 20, TREE_MEMORY = 512 << 20, KEY_RANDOM = 32, LIMITS_MAX = 16 };

struct reader {
    struct arena *arena; /* of the keys, which are copies of what the JSON says */
    struct tc_error *error;
    struct str provider;
    uint32_t index;
    bool listed; /* in a file; else the key stands alone */
};

static bool wrong(const struct reader *r, const char *member, const char *what)
{
    char path[64];
    if (r->listed)
        snprintf(path, sizeof path, "keys[%u]%s%s", r->index, member[0] ? "." : "", member);
    else
        snprintf(path, sizeof path, "%s", member);
    tc_fail(r->error, TC_INVALID, TC_NO_OFFSET, path, "%s", what);
    return false;
}

static bool out_of_memory(const struct reader *r)
{
    tc_fail(r->error, TC_NOMEM, TC_NO_OFFSET, "", "out of memory");
    return false;
}

/* ---- hashes ---- */

bool auth_key_hash(struct str text, unsigned char hash[AUTH_HASH])
{
    return gnutls_hash_fast(GNUTLS_DIG_SHA256, text.p ? text.p : "", text.n, hash) == 0;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool auth_hash_parse(struct str text, unsigned char hash[AUTH_HASH])
{
    struct str digits = str_skip(text, 7);
    if (!str_starts(text, STR("sha256:")) || digits.n != 2 * AUTH_HASH)
        return false;
    for (size_t i = 0; i < AUTH_HASH; i++) {
        int high = hex(digits.p[2 * i]), low = hex(digits.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        hash[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

bool auth_key_make(char text[AUTH_KEY_TEXT])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char random[KEY_RANDOM + 1] = {0}; /* one more: 43 digits are 258 bits */
    size_t n = 3;

    if (gnutls_rnd(GNUTLS_RND_KEY, random, KEY_RANDOM) < 0)
        return false;
    memcpy(text, "pk_", n);
    for (size_t bit = 0; bit < 8 * KEY_RANDOM; bit += 6) {
        unsigned pair = (unsigned)random[bit / 8] << 8 | random[bit / 8 + 1];
        text[n++] = digits[pair >> (10 - bit % 8) & 63];
    }
    text[n] = 0;
    gnutls_memset(random, 0, sizeof random);
    return true;
}

bool auth_is_scope(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"' || s.p[i] == '\\')
            return false;
    return s.n > 0;
}

/* ---- the file ---- */

static bool read_texts(struct reader *r, const struct expr_value *key, const char *name,
                       struct expr_array *out)
{
    struct expr_value list = json_member(key, name);
    if (list.kind == EXPR_ABSENT)
        return true;
    if (list.kind != EXPR_LIST)
        return wrong(r, name, "must be a list of strings");
    uint32_t n = list.list->size(list.list);
    struct expr_value *items = arena_array(r->arena, n, sizeof *items);
    for (uint32_t i = 0; items && i < n; i++) {
        struct expr_value text = list.list->at(list.list, NULL, i);
        if (text.kind != EXPR_STRING)
            return wrong(r, name, "must be a list of strings");
        text.s = arena_copy(r->arena, text.s);
        if (!text.s.p)
            return out_of_memory(r);
        items[i] = text;
    }
    expr_array_init(out, items, n);
    return items || out_of_memory(r);
}

/* "limits": names and whole numbers above 0, few enough to be walked. */
struct numbers {
    struct expr_map map; /* first */
    uint32_t n;
    struct expr_value *names, *values;
};

static uint32_t numbers_size(const struct expr_map *map)
{
    return ((const struct numbers *)map)->n;
}

static void numbers_at(const struct expr_map *map, struct expr_run *run, uint32_t i,
                       struct expr_value *key, struct expr_value *out)
{
    const struct numbers *m = (const struct numbers *)map;
    (void)run;
    *key = m->names[i];
    *out = m->values[i];
}

static bool numbers_find(const struct expr_map *map, struct expr_run *run,
                         const struct expr_value *key, struct expr_value *out)
{
    const struct numbers *m = (const struct numbers *)map;
    (void)run;
    for (uint32_t i = 0; key->kind == EXPR_STRING && i < m->n; i++)
        if (str_eq(m->names[i].s, key->s)) {
            *out = m->values[i];
            return true;
        }
    return false;
}

static bool read_numbers(struct reader *r, const struct expr_value *key,
                         const struct expr_map **out)
{
    struct expr_value v = json_member(key, "limits");
    uint32_t n = v.kind == EXPR_MAP ? v.map->size(v.map) : 0;
    if (v.kind == EXPR_ABSENT)
        return true;
    if (v.kind != EXPR_MAP || n > LIMITS_MAX)
        return wrong(r, "limits", "must be an object of at most 16 numbers");
    struct numbers *m = arena_alloc(r->arena, sizeof *m);
    struct expr_value *names = arena_array(r->arena, n, sizeof *names);
    struct expr_value *values = arena_array(r->arena, n, sizeof *values);
    if (!m || !names || !values)
        return out_of_memory(r);
    *m = (struct numbers){{numbers_size, numbers_find, numbers_at}, n, names, values};
    for (uint32_t i = 0; i < n; i++) {
        v.map->at(v.map, NULL, i, &names[i], &values[i]);
        if (values[i].kind != EXPR_INT || values[i].i <= 0)
            return wrong(r, "limits", "must be whole numbers above 0");
        names[i].s = arena_copy(r->arena, names[i].s);
        if (!names[i].s.p)
            return out_of_memory(r);
    }
    *out = &m->map;
    return true;
}

static bool read_text(struct reader *r, const struct expr_value *key, const char *name,
                      struct str *out)
{
    struct expr_value v = json_member(key, name);
    if (v.kind == EXPR_ABSENT)
        return true;
    if (v.kind != EXPR_STRING)
        return wrong(r, name, "must be a string");
    *out = arena_copy(r->arena, v.s);
    return out->p || out_of_memory(r);
}

static bool read_expiry(struct reader *r, const struct expr_value *key, int64_t *out)
{
    struct str text = STR_NONE;
    struct expr_time at;
    bool range;
    *out = INT64_MAX;
    if (!read_text(r, key, "expires", &text))
        return false;
    if (text.p && !expr_timestamp_parse(text, &at, &range))
        return wrong(r, "expires", "must be a time as in \"2027-01-01T00:00:00Z\"");
    if (text.p)
        *out = at.seconds;
    return true;
}

static bool read_revoked(struct reader *r, const struct expr_value *key, bool *out)
{
    struct expr_value v = json_member(key, "revoked");
    if (v.kind != EXPR_ABSENT && v.kind != EXPR_BOOL)
        return wrong(r, "revoked", "must be true or false");
    *out = v.kind == EXPR_BOOL && v.b;
    return true;
}

/* A word that is not known may be a restriction that was mistyped. */
static bool check_members(struct reader *r, const struct expr_value *key)
{
    static const char *const known[] = {"id",      "hash",    "tenant", "tier",
                                        "scopes",  "roles",   "limits", "expires",
                                        "revoked", "created", "note"};
    for (uint32_t i = 0, n = key->map->size(key->map); i < n; i++) {
        struct expr_value name, value;
        bool found = false;
        key->map->at(key->map, NULL, i, &name, &value);
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            found |= str_eq(name.s, str_c(known[k]));
        if (!found) {
            char text[TC_ERROR_TEXT_MAX];
            snprintf(text, sizeof text, "\"%.*s\" is no member of a key", STR_ARG(name.s));
            return wrong(r, "", text);
        }
    }
    return true;
}

static bool read_key(struct reader *r, const struct expr_value *v, struct auth_key *key)
{
    struct principal *who = &key->principal;
    if (v->kind != EXPR_MAP)
        return wrong(r, "", "must be an object");
    who->provider = r->provider;
    if (!check_members(r, v) || !read_text(r, v, "id", &who->id) ||
        !read_text(r, v, "tenant", &who->tenant) || !read_text(r, v, "tier", &who->tier) ||
        !read_numbers(r, v, &who->limits) || !read_texts(r, v, "scopes", &who->scopes) ||
        !read_texts(r, v, "roles", &who->roles) || !read_expiry(r, v, &key->expires) ||
        !read_revoked(r, v, &key->revoked))
        return false;
    if (who->id.n == 0)
        return wrong(r, "id", "is missing: logs and limits know a key by it");
    who->key = who->id;
    if (!auth_hash_parse(json_text(v, "hash"), key->hash))
        return wrong(r, "hash", "must be \"sha256:\" and 64 hex digits in lower case");
    return true;
}

static int by_hash(const void *a, const void *b)
{
    return memcmp(((const struct auth_key *)a)->hash, ((const struct auth_key *)b)->hash,
                  AUTH_HASH);
}

static int by_id(const void *a, const void *b)
{
    return str_cmp((*(const struct auth_key *const *)a)->principal.id,
                   (*(const struct auth_key *const *)b)->principal.id);
}

static bool check_twins(struct reader *r, const struct auth_keys *keys, struct arena *scratch)
{
    const struct auth_key **ids = arena_array(scratch, keys->n, sizeof(struct auth_key *));
    if (!ids)
        return out_of_memory(r);
    for (uint32_t i = 0; i < keys->n; i++)
        ids[i] = &keys->items[i];
    qsort(ids, keys->n, sizeof *ids, by_id);
    for (uint32_t i = 1; i < keys->n; i++) {
        bool same_id = str_eq(ids[i]->principal.id, ids[i - 1]->principal.id);
        bool same_hash = by_hash(&keys->items[i], &keys->items[i - 1]) == 0;
        const struct auth_key *twin = same_id ? ids[i] : &keys->items[i];
        if (!same_id && !same_hash)
            continue;
        tc_fail(r->error, TC_INVALID, TC_NO_OFFSET, "keys", "%s of \"%.*s\" stands there twice",
                same_id ? "the id" : "the hash", STR_ARG(twin->principal.id));
        return false;
    }
    return true;
}

/* The file has "keys" and nothing else: `postern keys` would lose it. */
static bool check_file(const struct reader *r, const struct expr_value *file)
{
    for (uint32_t i = 0, n = file->kind == EXPR_MAP ? file->map->size(file->map) : 0; i < n; i++) {
        struct expr_value name, value;
        file->map->at(file->map, NULL, i, &name, &value);
        if (str_eq(name.s, STR("keys")))
            continue;
        tc_fail(r->error, TC_INVALID, TC_NO_OFFSET, "",
                "\"%.*s\" is no member of a file of keys; it has \"keys\" alone", STR_ARG(name.s));
        return false;
    }
    return true;
}

static bool read_list(struct reader *r, const struct expr_value *file, struct auth_keys *keys)
{
    struct expr_value list = json_member(file, "keys");
    if (list.kind != EXPR_LIST) {
        tc_fail(r->error, TC_INVALID, TC_NO_OFFSET, "keys",
                "must be a list: {\"keys\": [{\"id\": ..., \"hash\": ...}]}");
        return false;
    }
    uint32_t n = list.list->size(list.list);
    keys->items = n > AUTH_KEYS_MAX ? NULL : arena_array(r->arena, n, sizeof *keys->items);
    if (n > AUTH_KEYS_MAX)
        tc_fail(r->error, TC_LIMIT, TC_NO_OFFSET, "keys", "more than %d", AUTH_KEYS_MAX);
    if (!keys->items)
        return out_of_memory(r);
    for (; r->index < n; r->index++) {
        struct expr_value v = list.list->at(list.list, NULL, r->index);
        if (!read_key(r, &v, &keys->items[r->index]))
            return false;
    }
    keys->n = n;
    qsort(keys->items, n, sizeof *keys->items, by_hash);
    return true;
}

bool auth_keys_parse(struct str json, struct str provider, struct auth_keys *keys,
                     struct tc_error *error)
{
    struct reader r = {.arena = &keys->arena, .error = error, .listed = true};
    struct arena tree;
    struct expr_value file;

    *keys = (struct auth_keys){0};
    arena_init(&keys->arena, 16 << 10, KEYS_MEMORY);
    arena_init(&tree, 64 << 10, TREE_MEMORY);
    r.provider = arena_copy(r.arena, provider);
    bool ok = r.provider.p ? json_value_parse(json, &tree, &file, error) : out_of_memory(&r);
    ok = ok && check_file(&r, &file) && read_list(&r, &file, keys) && check_twins(&r, keys, &tree);
    arena_release(&tree);
    if (!ok)
        auth_keys_release(keys);
    return ok;
}

bool auth_key_parse(struct str json, struct str provider, struct arena *arena, struct auth_key *key)
{
    struct tc_error error = {0};
    struct reader r = {.arena = arena, .error = &error, .provider = provider};
    struct expr_value v;
    return json_value_parse(json, arena, &v, &error) && read_key(&r, &v, key);
}

void auth_keys_release(struct auth_keys *keys)
{
    arena_release(&keys->arena);
    *keys = (struct auth_keys){0};
}

/* ---- look-up ---- */

enum auth_key_verdict auth_keys_find(const struct auth_keys *keys, struct str text, int64_t now,
                                     const struct auth_key **found)
{
    struct auth_key asked;
    if (text.n < AUTH_KEY_MIN || text.n > AUTH_KEY_MAX || keys->n == 0)
        return AUTH_KEY_UNKNOWN;
    if (!auth_key_hash(text, asked.hash))
        return AUTH_KEY_UNKNOWN;
    uint32_t low = 0, high = keys->n;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (by_hash(&keys->items[middle], &asked) <= 0)
            low = middle;
        else
            high = middle;
    }
    const struct auth_key *key = &keys->items[low];
    if (gnutls_memcmp(key->hash, asked.hash, AUTH_HASH) != 0)
        return AUTH_KEY_UNKNOWN;
    *found = key;
    if (key->revoked)
        return AUTH_KEY_REVOKED;
    return key->expires <= now ? AUTH_KEY_EXPIRED : AUTH_KEY_GOOD;
}
