#include "gateway/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/core/clock.h"
#include "gateway/core/json_value.h"
#include "gateway/core/timestamp.h"
#include "gateway/expr/time.h"
#include "gateway/load_file.h"
#include "gateway/policy/auth_keys.h"

#define SAY(...) fprintf(stdout, __VA_ARGS__)
#define COMPLAIN(...) fprintf(stderr, "postern keys: " __VA_ARGS__)

enum {
    MEMORY_MAX = 512 << 20,
    FILE_MAX = 64 << 20,
    VALUES_MAX = 64,
    MEMBERS_MAX = 16,
    DONE = 0,
    FAILED = 1,
    USAGE = 2
};

static const char usage[] =
    "postern keys: API keys of a gateway, kept as hashes\n"
    "\n"
    "  postern keys add --file F --id ID [--tenant T] [--tier T] [--scope S]... [--role R]...\n"
    "                   [--expires 30d|2027-01-01T00:00:00Z] [--note TEXT]\n"
    "      makes a key and prints it, this once\n"
    "  postern keys list --file F\n"
    "  postern keys revoke --file F ID\n"
    "\n"
    "A running gateway follows a change of the file within a second.\n";

struct command {
    struct arena arena;
    const char *file, *id, *tenant, *tier, *expires, *note;
    const char *scopes[VALUES_MAX], *roles[VALUES_MAX];
    uint32_t nscopes, nroles;
    struct expr_value root; /* {"keys": [...]} */
    const struct expr_array *keys;
    int lock;
};

/* ---- the file ---- */

static bool lock_file(struct command *c)
{
    struct str path = arena_printf(&c->arena, "%s.lock", c->file);
    c->lock = path.p ? open(path.p, O_CREAT | O_RDWR | O_CLOEXEC, 0600) : -1;
    if (c->lock >= 0 && flock(c->lock, LOCK_EX) == 0)
        return true;
    COMPLAIN("%s.lock: %s\n", c->file, strerror(errno));
    return false;
}

static const struct expr_array no_keys = {0};

static bool parse(struct command *c, struct str text)
{
    struct auth_keys checked;
    struct tc_error e = {0};
    if (!auth_keys_parse(text, STR("keys"), &checked, &e) ||
        !json_value_parse(text, &c->arena, &c->root, &e)) {
        COMPLAIN("%s: %s%s%s\n", c->file, e.path, e.path[0] ? ": " : "", e.text);
        return false;
    }
    auth_keys_release(&checked);
    struct expr_value list = json_member(&c->root, "keys");
    c->keys = (const struct expr_array *)list.list;
    return true;
}

/* A file that is not there has no keys yet. */
static bool read_keys(struct command *c, bool must_exist)
{
    struct tc_faults faults;
    struct buf text;
    c->keys = &no_keys;
    if (!must_exist && access(c->file, F_OK) != 0 && errno == ENOENT)
        return true;
    tc_faults_init(&faults, &c->arena);
    bool ok = load_file(c->file, FILE_MAX, &text, &faults);
    if (!ok && faults.first)
        COMPLAIN("%s: %.*s\n", c->file, STR_ARG(faults.first->text));
    ok = ok && parse(c, buf_str(&text));
    buf_release(&text);
    return ok;
}

static bool write_all(int fd, struct str s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0)
            return false;
        s = str_skip(s, (size_t)n);
    }
    return fsync(fd) == 0;
}

/* Whoever could read the file that is replaced, as a gateway under its own user, still can. */
static bool keep_access(struct command *c, int fd)
{
    struct stat before;
    if (stat(c->file, &before) != 0)
        return errno == ENOENT;
    return (fchown(fd, before.st_uid, before.st_gid) == 0 || errno == EPERM) &&
           fchmod(fd, before.st_mode & 0777) == 0;
}

static bool replace_file(struct command *c, struct str text)
{
    struct str part = arena_printf(&c->arena, "%s.new", c->file);
    int fd = part.p ? open(part.p, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600) : -1;
    bool ok = fd >= 0 && keep_access(c, fd) && write_all(fd, text);
    if (fd >= 0)
        close(fd);
    if (ok && rename(part.p, c->file) == 0)
        return true;
    COMPLAIN("%s: %s\n", c->file, strerror(errno));
    return false;
}

static bool write_keys(struct command *c, const struct expr_value *items, uint32_t n)
{
    struct buf out;
    buf_init(&out, FILE_MAX);
    bool ok = buf_add(&out, STR("{\"keys\": ["));
    for (uint32_t i = 0; i < n && ok; i++)
        ok = buf_add(&out, i ? STR(",\n  ") : STR("\n  ")) && json_value_print(&out, &items[i], 2);
    ok = ok && buf_add(&out, STR("\n]}\n"));
    ok = ok && replace_file(c, buf_str(&out));
    buf_release(&out);
    return ok;
}

/* ---- add ---- */

struct member {
    struct expr_map map; /* first */
    struct expr_value keys[MEMBERS_MAX], values[MEMBERS_MAX];
    uint32_t n;
};

static uint32_t member_size(const struct expr_map *map)
{
    return ((const struct member *)map)->n;
}

static void member_at(const struct expr_map *map, struct expr_run *run, uint32_t i,
                      struct expr_value *key, struct expr_value *out)
{
    const struct member *m = (const struct member *)map;
    (void)run;
    *key = m->keys[i];
    *out = m->values[i];
}

static void put(struct member *m, const char *name, struct expr_value v)
{
    m->keys[m->n] = expr_string(str_c(name));
    m->values[m->n++] = v;
}

static void put_text(struct member *m, const char *name, const char *text)
{
    if (text)
        put(m, name, expr_string(str_c(text)));
}

static bool put_list(struct command *c, struct member *m, const char *name,
                     const char *const *texts, uint32_t n)
{
    struct expr_value *items = arena_array(&c->arena, n, sizeof *items);
    struct expr_array *list = arena_alloc(&c->arena, sizeof *list);
    if (!n || !items || !list)
        return !n;
    for (uint32_t i = 0; i < n; i++)
        items[i] = expr_string(str_c(texts[i]));
    put(m, name, expr_array_init(list, items, n));
    return true;
}

/* "30d" from now, or a date. NULL: neither. */
static const char *expiry(struct command *c)
{
    struct str text = str_c(c->expires);
    struct expr_time at;
    uint64_t days;
    bool range;
    char out[EXPR_TIME_TEXT_MAX];
    if (expr_timestamp_parse(text, &at, &range))
        return c->expires;
    if (!str_ends(text, STR("d")) || !str_to_u64(str_of(text.p, text.n - 1), 36500, &days))
        return NULL;
    at = (struct expr_time){(int64_t)(clock_wall_us() / 1000000 + days * 86400), 0};
    return arena_copy(&c->arena, str_of(out, expr_timestamp_print(out, at))).p;
}

static struct str hash_text(struct command *c, const char *key)
{
    unsigned char hash[AUTH_HASH];
    struct str text = STR("sha256:");
    if (!auth_key_hash(str_c(key), hash))
        return STR_NONE;
    for (size_t i = 0; i < AUTH_HASH && text.p; i++)
        text = arena_printf(&c->arena, "%.*s%02x", STR_ARG(text), hash[i]);
    return text;
}

static bool id_taken(const struct command *c)
{
    for (uint32_t i = 0; i < c->keys->n; i++)
        if (str_eq(json_text(&c->keys->items[i], "id"), str_c(c->id)))
            return true;
    return false;
}

static bool build(struct command *c, struct member *m, const char *key)
{
    char now[EXPR_TIME_TEXT_MAX];
    struct expr_time at = {(int64_t)(clock_wall_us() / 1000000), 0};
    struct str created = arena_copy(&c->arena, str_of(now, expr_timestamp_print(now, at)));
    struct str hash = hash_text(c, key);
    const char *expires = c->expires ? expiry(c) : NULL;

    if (c->expires && !expires) {
        COMPLAIN("--expires %s: write 30d, or 2027-01-01T00:00:00Z\n", c->expires);
        return false;
    }
    m->map = (struct expr_map){member_size, NULL, member_at};
    put_text(m, "id", c->id);
    put(m, "hash", expr_string(hash));
    put_text(m, "tenant", c->tenant);
    put_text(m, "tier", c->tier);
    bool ok = put_list(c, m, "scopes", c->scopes, c->nscopes) &&
              put_list(c, m, "roles", c->roles, c->nroles);
    put_text(m, "expires", expires);
    put(m, "created", expr_string(created));
    put_text(m, "note", c->note);
    return ok && created.p && hash.p;
}

static int add_key(struct command *c)
{
    char key[AUTH_KEY_TEXT];
    struct member m = {.n = 0};
    if (!c->id) {
        COMPLAIN("add needs --id: logs and limits know a key by it\n");
        return USAGE;
    }
    if (!lock_file(c) || !read_keys(c, false))
        return FAILED;
    if (id_taken(c)) {
        COMPLAIN("%s: there is a key \"%s\" already\n", c->file, c->id);
        return FAILED;
    }
    struct expr_value *items = arena_array(&c->arena, c->keys->n + 1, sizeof *items);
    if (!items || !auth_key_make(key) || !build(c, &m, key))
        return FAILED;
    for (uint32_t i = 0; i < c->keys->n; i++)
        items[i] = c->keys->items[i];
    items[c->keys->n] = (struct expr_value){.kind = EXPR_MAP, .map = &m.map};
    if (!write_keys(c, items, c->keys->n + 1))
        return FAILED;
    SAY("%s\n", key);
    return DONE;
}

/* ---- list ---- */

static struct str shown(struct str s)
{
    return s.p ? s : STR("-");
}

static int list_keys(struct command *c)
{
    if (!read_keys(c, true))
        return FAILED;
    SAY("%-24s %-16s %-10s %-22s %s\n", "ID", "TENANT", "TIER", "EXPIRES", "STATE");
    for (uint32_t i = 0; i < c->keys->n; i++) {
        const struct expr_value *k = &c->keys->items[i];
        struct expr_value revoked = json_member(k, "revoked");
        struct expr_time at;
        bool range, past = expr_timestamp_parse(json_text(k, "expires"), &at, &range) &&
                           at.seconds <= (int64_t)(clock_wall_us() / 1000000);
        SAY("%-24.*s %-16.*s %-10.*s %-22.*s %s\n", STR_ARG(json_text(k, "id")),
            STR_ARG(shown(json_text(k, "tenant"))), STR_ARG(shown(json_text(k, "tier"))),
            STR_ARG(shown(json_text(k, "expires"))),
            revoked.kind == EXPR_BOOL && revoked.b ? "revoked"
            : past                                 ? "expired"
                                                   : "good");
    }
    return DONE;
}

/* ---- revoke ---- */

/* The entry stays: its id is not to be given to another. */
static bool revoked_copy(const struct expr_value *key, struct member *m)
{
    uint32_t n = key->map->size(key->map);
    m->map = (struct expr_map){member_size, NULL, member_at};
    for (uint32_t i = 0; i < n && m->n < MEMBERS_MAX - 1; i++) {
        struct expr_value name, value;
        key->map->at(key->map, NULL, i, &name, &value);
        if (str_eq(name.s, STR("revoked")))
            continue;
        m->keys[m->n] = name;
        m->values[m->n++] = value;
    }
    put(m, "revoked", expr_bool(true));
    return true;
}

static int revoke_key(struct command *c)
{
    struct member m = {.n = 0};
    bool found = false;
    if (!lock_file(c) || !read_keys(c, true))
        return FAILED;
    struct expr_value *items = arena_array(&c->arena, c->keys->n, sizeof *items);
    for (uint32_t i = 0; items && i < c->keys->n; i++) {
        items[i] = c->keys->items[i];
        if (!str_eq(json_text(&items[i], "id"), str_c(c->id)))
            continue;
        found = revoked_copy(&c->keys->items[i], &m);
        items[i] = (struct expr_value){.kind = EXPR_MAP, .map = &m.map};
    }
    if (!found) {
        COMPLAIN("%s: there is no key \"%s\"\n", c->file, c->id);
        return FAILED;
    }
    return write_keys(c, items, c->keys->n) ? DONE : FAILED;
}

/* ---- the command line ---- */

static bool take_value(const char **list, uint32_t *n)
{
    if (*n == VALUES_MAX)
        return false;
    list[(*n)++] = optarg;
    return true;
}

static bool parse_flags(struct command *c, int argc, char **argv)
{
    static const struct option flags[] = {
        {"file", required_argument, NULL, 'f'},
        {"id", required_argument, NULL, 'i'},
        {"tenant", required_argument, NULL, 't'},
        {"tier", required_argument, NULL, 'l'},
        {"scope", required_argument, NULL, 's'},
        {"role", required_argument, NULL, 'r'},
        {"expires", required_argument, NULL, 'e'},
        {"note", required_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    bool ok = true;
    for (int f; ok && (f = getopt_long(argc, argv, "", flags, NULL)) != -1;) {
        switch (f) {
        case 'f': c->file = optarg; break;
        case 'i': c->id = optarg; break;
        case 't': c->tenant = optarg; break;
        case 'l': c->tier = optarg; break;
        case 's': ok = take_value(c->scopes, &c->nscopes); break;
        case 'r': ok = take_value(c->roles, &c->nroles); break;
        case 'e': c->expires = optarg; break;
        case 'n': c->note = optarg; break;
        default: ok = false;
        }
    }
    return ok && c->file;
}

static int run(struct command *c, int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    bool ok = argc > 1 && parse_flags(c, argc - 1, argv + 1);
    if (ok && !strcmp(verb, "revoke") && !c->id && optind == argc - 2)
        c->id = argv[argc - 1];
    else if (optind < argc - 1)
        ok = false;
    if (ok && !strcmp(verb, "add"))
        return add_key(c);
    if (ok && !strcmp(verb, "list"))
        return list_keys(c);
    if (ok && !strcmp(verb, "revoke") && c->id)
        return revoke_key(c);
    fputs(usage, stderr);
    return USAGE;
}

int keys_main(int argc, char **argv)
{
    struct command c = {.lock = -1};
    arena_init(&c.arena, 64 << 10, MEMORY_MAX);
    int status = run(&c, argc, argv);
    if (c.lock >= 0)
        close(c.lock);
    arena_release(&c.arena);
    return status;
}
