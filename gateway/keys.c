#include "gateway/keys.h"

#include <getopt.h>

#include "gateway/core/clock.h"
#include "gateway/expr/time.h"
#include "gateway/keys_internal.h"
#include "gateway/policy/auth_keys.h"
#include "gateway/policy/auth_redis.h"
#include "transcoder/text.h"

enum { MEMORY_MAX = 512 << 20, ID_MAX = 128, WORD_MAX = 1024 };

static const char usage[] =
    "postern keys: API keys of a gateway, kept as hashes in a file or in Redis\n"
    "\n"
    "  postern keys add PLACE --id ID [--tenant T] [--tier T] [--scope S]... [--role R]...\n"
    "                   [--limit NAME=NUMBER]... [--expires 30d|2027-01-01T00:00:00Z] [--note "
    "TEXT]\n"
    "      makes a key and prints it, this once\n"
    "  postern keys list PLACE\n"
    "  postern keys revoke PLACE ID\n"
    "\n"
    "PLACE is --file F, or of a fleet that shares a Redis\n"
    "  --redis redis://[USER@]HOST:PORT[/DATABASE] --provider NAME [--password-file F] [--prefix "
    "P]\n"
    "with the provider's name and the prefix of the gateways' configuration (prefix: postern);\n"
    "HOST:PORT and unix:/path are taken too. Running gateways follow a change within a second.\n";

/* ---- a key as JSON ---- */

static uint32_t object_size(const struct expr_map *map)
{
    return ((const struct keys_object *)map)->n;
}

static void object_at(const struct expr_map *map, struct expr_run *run, uint32_t i,
                      struct expr_value *key, struct expr_value *out)
{
    const struct keys_object *o = (const struct keys_object *)map;
    (void)run;
    *key = o->keys[i];
    *out = o->values[i];
}

static bool object_find(const struct expr_map *map, struct expr_run *run,
                        const struct expr_value *key, struct expr_value *out)
{
    const struct keys_object *o = (const struct keys_object *)map;
    (void)run;
    for (uint32_t i = 0; i < o->n; i++)
        if (str_eq(o->keys[i].s, key->s)) {
            *out = o->values[i];
            return true;
        }
    return false;
}

struct expr_value keys_object_begin(struct keys_object *o)
{
    o->map = (struct expr_map){object_size, object_find, object_at};
    o->n = 0;
    return (struct expr_value){.kind = EXPR_MAP, .map = &o->map};
}

void keys_object_put(struct keys_object *o, const char *name, struct expr_value v)
{
    o->keys[o->n] = expr_string(str_c(name));
    o->values[o->n++] = v;
}

struct expr_value keys_object_revoked(struct keys_object *o, const struct expr_value *key)
{
    struct expr_value copy = keys_object_begin(o);
    uint32_t n = key->map->size(key->map);
    for (uint32_t i = 0; i < n && o->n < KEYS_MEMBERS_MAX - 1; i++) {
        struct expr_value name, value;
        key->map->at(key->map, NULL, i, &name, &value);
        if (str_eq(name.s, STR("revoked")))
            continue;
        o->keys[o->n] = name;
        o->values[o->n++] = value;
    }
    keys_object_put(o, "revoked", expr_bool(true));
    return copy;
}

/* ---- what a key may say ---- */

/* Logs, metrics and headers carry it as it is. */
static bool is_id(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.n > 0 && s.n <= ID_MAX;
}

static bool is_text(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    return s.n <= WORD_MAX && tc_utf8_valid(s);
}

static bool check_text(const char *flag, const char *text)
{
    if (!text || is_text(str_c(text)))
        return true;
    KEYS_COMPLAIN("%s: write UTF-8 without control characters, %d bytes at most\n", flag, WORD_MAX);
    return false;
}

static bool check_texts(const char *flag, const char *const *texts)
{
    while (*texts && check_text(flag, *texts))
        texts++;
    return !*texts;
}

static bool check_scopes(const char *const *scopes)
{
    bool ok = check_texts("--scope", scopes);
    for (; ok && *scopes; scopes++)
        if (!auth_is_scope(str_c(*scopes))) {
            KEYS_COMPLAIN("--scope \"%s\": a scope is of visible ASCII characters without space, "
                          "'\"' and '\\'; give --scope once for each\n",
                          *scopes);
            ok = false;
        }
    return ok;
}

static bool check_words(const struct keys_command *c)
{
    if (!c->id || !is_id(str_c(c->id))) {
        KEYS_COMPLAIN("add needs --id of 1 to %d visible ASCII characters without space: logs and "
                      "limits know a key by it\n",
                      ID_MAX);
        return false;
    }
    return check_text("--tenant", c->tenant) && check_text("--tier", c->tier) &&
           check_text("--note", c->note) && check_scopes(c->scopes) &&
           check_texts("--role", c->roles) && check_texts("--limit", c->limits);
}

/* ---- add ---- */

static void put_text(struct keys_object *o, const char *name, const char *text)
{
    if (text)
        keys_object_put(o, name, expr_string(str_c(text)));
}

static bool put_list(struct arena *arena, struct keys_object *o, const char *name,
                     const char *const *texts)
{
    uint32_t n = 0;
    while (texts[n])
        n++;
    struct expr_value *items = arena_array(arena, n, sizeof *items);
    struct expr_array *list = arena_alloc(arena, sizeof *list);
    if (!n || !items || !list)
        return !n;
    for (uint32_t i = 0; i < n; i++)
        items[i] = expr_string(str_c(texts[i]));
    keys_object_put(o, name, expr_array_init(list, items, n));
    return true;
}

static bool has(const struct keys_object *o, struct str name)
{
    bool found = false;
    for (uint32_t i = 0; i < o->n; i++)
        found |= str_eq(o->keys[i].s, name);
    return found;
}

/* "requests=500" becomes a member of "limits". */
static bool put_limits(struct keys_command *c, struct keys_object *o)
{
    struct keys_object *limits = arena_alloc(&c->arena, sizeof *limits);
    if (!c->nlimits || !limits)
        return !c->nlimits;
    struct expr_value v = keys_object_begin(limits);
    for (uint32_t i = 0; i < c->nlimits; i++) {
        struct str number = str_c(c->limits[i]), name = str_cut(&number, '=');
        uint64_t n = 0;
        struct str copy = arena_copy(&c->arena, name);
        if (!name.n || !str_to_u64(number, INT64_MAX, &n) || n == 0 || !copy.p ||
            limits->n == KEYS_MEMBERS_MAX) {
            KEYS_COMPLAIN("--limit %s: write NAME=NUMBER, a whole number above 0, as in "
                          "requests=500, up to %d times\n",
                          c->limits[i], KEYS_MEMBERS_MAX);
            return false;
        }
        if (has(limits, name)) {
            KEYS_COMPLAIN("--limit %s: \"%.*s\" has a number already; name each limit once\n",
                          c->limits[i], STR_ARG(name));
            return false;
        }
        keys_object_put(limits, copy.p, expr_int((int64_t)n));
    }
    keys_object_put(o, "limits", v);
    return true;
}

/* "30d" from now, or a date to come. NULL: neither. */
static const char *expiry(struct keys_command *c)
{
    struct str text = str_c(c->expires);
    struct expr_time at;
    uint64_t days;
    bool range;
    char out[EXPR_TIME_TEXT_MAX];
    int64_t now = (int64_t)(clock_wall_us() / 1000000);
    if (expr_timestamp_parse(text, &at, &range))
        return at.seconds > now ? c->expires : NULL;
    if (!str_ends(text, STR("d")) || !str_to_u64(str_of(text.p, text.n - 1), 36500, &days) || !days)
        return NULL;
    at = (struct expr_time){now + (int64_t)days * 86400, 0};
    return arena_copy(&c->arena, str_of(out, expr_timestamp_print(out, at))).p;
}

static struct str hash_text(struct keys_command *c, const char *key)
{
    unsigned char hash[AUTH_HASH];
    char hex[AUTH_HASH_HEX];
    if (!auth_key_hash(str_c(key), hash))
        return STR_NONE;
    auth_hash_print(hash, hex);
    return arena_printf(&c->arena, "sha256:%.*s", AUTH_HASH_HEX, hex);
}

static bool build(struct keys_command *c, struct keys_object *o, const char *key)
{
    char now[EXPR_TIME_TEXT_MAX];
    struct expr_time at = {(int64_t)(clock_wall_us() / 1000000), 0};
    struct str created = arena_copy(&c->arena, str_of(now, expr_timestamp_print(now, at)));
    struct str hash = hash_text(c, key);
    const char *expires = c->expires ? expiry(c) : NULL;

    if (c->expires && !expires) {
        KEYS_COMPLAIN("--expires %s: write 1d to 36500d, or a time to come as in "
                      "2027-01-01T00:00:00Z\n",
                      c->expires);
        return false;
    }
    put_text(o, "id", c->id);
    keys_object_put(o, "hash", expr_string(hash));
    put_text(o, "tenant", c->tenant);
    put_text(o, "tier", c->tier);
    bool ok = put_list(&c->arena, o, "scopes", c->scopes) &&
              put_list(&c->arena, o, "roles", c->roles) && put_limits(c, o);
    put_text(o, "expires", expires);
    keys_object_put(o, "created", expr_string(created));
    put_text(o, "note", c->note);
    return ok && created.p && hash.p;
}

static int add_key(struct keys_command *c, const struct keys_store *store)
{
    char key[AUTH_KEY_TEXT];
    struct keys_object o;
    struct expr_value made = keys_object_begin(&o);
    if (!check_words(c))
        return KEYS_USAGE;
    if (!auth_key_make(key) || !build(c, &o, key))
        return KEYS_FAILED;
    int status = store->add(c, &made);
    if (status == KEYS_DONE)
        KEYS_SAY("%s\n", key);
    return status;
}

/* ---- list ---- */

static struct str shown(struct str s)
{
    return s.p ? s : STR("-");
}

static void show(const struct expr_value *k)
{
    struct expr_value revoked = json_member(k, "revoked");
    struct expr_time at;
    bool range, past = expr_timestamp_parse(json_text(k, "expires"), &at, &range) &&
                       at.seconds <= (int64_t)(clock_wall_us() / 1000000);
    KEYS_SAY("%-24.*s %-16.*s %-10.*s %-22.*s %s\n", STR_ARG(json_text(k, "id")),
             STR_ARG(shown(json_text(k, "tenant"))), STR_ARG(shown(json_text(k, "tier"))),
             STR_ARG(shown(json_text(k, "expires"))),
             revoked.kind == EXPR_BOOL && revoked.b ? "revoked"
             : past                                 ? "expired"
                                                    : "good");
}

static int list_keys(struct keys_command *c, const struct keys_store *store)
{
    KEYS_SAY("%-24s %-16s %-10s %-22s %s\n", "ID", "TENANT", "TIER", "EXPIRES", "STATE");
    return store->list(c, show);
}

/* ---- the command line ---- */

/* The list ends with a NULL. */
static bool take_value(const char **list, uint32_t *n)
{
    if (*n == KEYS_VALUES_MAX - 1)
        return false;
    list[(*n)++] = optarg;
    return true;
}

static bool parse_flags(struct keys_command *c, int argc, char **argv)
{
    static const struct option flags[] = {
        {"file", required_argument, NULL, 'f'},          {"redis", required_argument, NULL, 'R'},
        {"provider", required_argument, NULL, 'P'},      {"prefix", required_argument, NULL, 'p'},
        {"password-file", required_argument, NULL, 'w'}, {"id", required_argument, NULL, 'i'},
        {"tenant", required_argument, NULL, 't'},        {"tier", required_argument, NULL, 'l'},
        {"scope", required_argument, NULL, 's'},         {"role", required_argument, NULL, 'r'},
        {"limit", required_argument, NULL, 'L'},         {"expires", required_argument, NULL, 'e'},
        {"note", required_argument, NULL, 'n'},          {NULL, 0, NULL, 0},
    };
    bool ok = true;
    for (int f; ok && (f = getopt_long(argc, argv, "", flags, NULL)) != -1;) {
        switch (f) {
        case 'f': c->file = optarg; break;
        case 'R': c->redis = optarg; break;
        case 'P': c->provider = optarg; break;
        case 'p': c->prefix = optarg; break;
        case 'w': c->password_file = optarg; break;
        case 'i': c->id = optarg; break;
        case 't': c->tenant = optarg; break;
        case 'l': c->tier = optarg; break;
        case 's': ok = take_value(c->scopes, &c->nscopes); break;
        case 'r': ok = take_value(c->roles, &c->nroles); break;
        case 'L': ok = take_value(c->limits, &c->nlimits); break;
        case 'e': c->expires = optarg; break;
        case 'n': c->note = optarg; break;
        default: ok = false;
        }
    }
    return ok && !c->file != !c->redis && !c->provider == !c->redis;
}

static int run(struct keys_command *c, int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    bool ok = argc > 1 && parse_flags(c, argc - 1, argv + 1);
    const struct keys_store *store = c->redis ? &keys_redis : &keys_file;
    if (ok && !strcmp(verb, "revoke") && !c->id && optind == argc - 2)
        c->id = argv[argc - 1];
    else if (optind < argc - 1)
        ok = false;
    if (ok && !strcmp(verb, "add"))
        return add_key(c, store);
    if (ok && !strcmp(verb, "list"))
        return list_keys(c, store);
    if (ok && !strcmp(verb, "revoke") && c->id)
        return store->revoke(c);
    fputs(usage, stderr);
    return KEYS_USAGE;
}

int keys_main(int argc, char **argv)
{
    struct keys_command c = {.file = NULL};
    arena_init(&c.arena, 64 << 10, MEMORY_MAX);
    int status = run(&c, argc, argv);
    arena_release(&c.arena);
    return status;
}
