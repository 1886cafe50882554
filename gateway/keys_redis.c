#include "gateway/core/plan_redis.h"
#include "gateway/core/text_values.h"
#include "gateway/keys_internal.h"
#include "gateway/load_file.h"
#include "gateway/policy/auth_keys.h"
#include "gateway/policy/auth_redis.h"
#include "gateway/upstream/redis.h"

/* Keys in Redis (auth_redis.h says how they stand there), through the gateway's own client: its
 * scripts change both keys or none. */

enum { TIMEOUT_MS = 3000, PASSWORD_MAX = 4 << 10, ATTEMPTS = 10, DATABASES_MAX = 1000000 };

/* KEYS: the hash, the ids. An id is the part of a member before its NUL; all members of "x" lie
 * between "x\0" and "x\1". */
#define FIND                                                                                   \
    "local m = redis.call('ZRANGEBYLEX', KEYS[2], '[' .. ARGV[1] .. '\\0', '(' .. ARGV[1] .. " \
    "'\\1')[1] "
#define HASH_OF "local h = string.sub(m, -64) "

enum script { ADD, NEXT, GET, SET, SCRIPTS };

static const struct str scripts[SCRIPTS] = {
    /* ARGV: id, digest, key. 1: added; 0: the id is taken */
    [ADD] = STR_INIT(FIND "if m then return 0 end "
                          "redis.call('ZADD', KEYS[2], 0, ARGV[1] .. '\\0' .. ARGV[2]) "
                          "redis.call('HSET', KEYS[1], ARGV[2], ARGV[3]) return 1"),
    /* ARGV: where the members begin; the first of them and its key, with a NUL between */
    [NEXT] = STR_INIT(
        "local m = redis.call('ZRANGEBYLEX', KEYS[2], ARGV[1], '+', 'LIMIT', 0, 1)[1] "
        "if not m then return false end " HASH_OF
        "return m .. '\\0' .. (redis.call('HGET', KEYS[1], h) or '')"),
    /* ARGV: id; its key */
    [GET] = STR_INIT(FIND "if not m then return false end " HASH_OF
                          "return redis.call('HGET', KEYS[1], h)"),
    /* ARGV: id, key as it was, key. 1: done; 0: it has changed meanwhile */
    [SET] = STR_INIT(FIND "if not m then return 0 end " HASH_OF
                          "if redis.call('HGET', KEYS[1], h) ~= ARGV[2] then return 0 end "
                          "redis.call('HSET', KEYS[1], h, ARGV[3]) return 1"),
};

struct session {
    struct redis_call call; /* first */
    struct keys_command *c;
    uv_loop_t loop;
    struct timer_wheel timers;
    struct redis *redis;
    struct str keys[2];
    bool answered;
    struct redis_reply reply; /* its text is the command's arena's */
};

/* ---- where Redis is ---- */

static bool wrong_address(struct keys_command *c, const char *why)
{
    KEYS_COMPLAIN("--redis %s: %s\n", c->redis, why);
    return false;
}

/* Behind "redis://": [user@]host:port[/database] */
static bool read_url(struct keys_command *c, struct str rest, struct redis_config *out)
{
    struct str place = str_cut(&rest, '/'), host = place;
    uint64_t db = 0;
    size_t at = str_find(place, '@');
    if (at < place.n) {
        out->user = str_of(place.p, at);
        host = str_skip(place, at + 1);
    }
    if (str_find(out->user, ':') < out->user.n)
        return wrong_address(c, "a password in a command line is seen by everybody; write "
                                "--password-file F");
    if (rest.n && !str_to_u64(rest, DATABASES_MAX, &db))
        return wrong_address(c, "behind the last / stands the number of a database");
    out->db = (uint32_t)db;
    out->endpoint = host;
    return true;
}

static bool read_address(struct keys_command *c, struct redis_config *out)
{
    static const struct str scheme = STR_INIT("redis://");
    struct str text = str_c(c->redis);
    out->endpoint = text;
    out->timeout_ms = TIMEOUT_MS;
    if (str_starts(text, scheme) && !read_url(c, str_skip(text, scheme.n), out))
        return false;
    out->endpoint = arena_copy(&c->arena, out->endpoint); /* NUL-terminated */
    if (!endpoint_valid(out->endpoint))
        return wrong_address(c, "write redis://host:port/database, host:port or unix:/path");
    return true;
}

static bool read_password(struct keys_command *c, struct redis_config *out)
{
    struct tc_faults faults;
    struct buf text;
    if (!c->password_file)
        return true;
    tc_faults_init(&faults, &c->arena);
    bool ok = load_file(c->password_file, PASSWORD_MAX, &text, &faults);
    struct str rest = ok ? buf_str(&text) : STR("");
    out->password = arena_copy(&c->arena, str_trim(str_cut(&rest, '\n')));
    buf_release(&text);
    if (!ok && faults.first)
        KEYS_COMPLAIN("%s: %.*s\n", c->password_file, STR_ARG(faults.first->text));
    return ok && out->password.p;
}

/* ---- asking ---- */

static void on_reply(struct redis_call *call, const struct redis_reply *reply)
{
    struct session *s = (struct session *)call;
    s->reply = *reply;
    if (reply->text.p)
        s->reply.text = arena_copy(&s->c->arena, reply->text);
    s->answered = true;
}

static bool begin(struct session *s, struct keys_command *c)
{
    struct redis_config config = {.scripts = scripts, .nscripts = SCRIPTS};
    struct str prefix = c->prefix ? str_c(c->prefix) : STR(REDIS_PREFIX);
    *s = (struct session){.c = c};
    if (!read_address(c, &config) || !read_password(c, &config))
        return false;
    s->keys[0] = auth_redis_name(&c->arena, prefix, str_c(c->provider));
    s->keys[1] = arena_printf(&c->arena, "%.*s:ids", STR_ARG(s->keys[0]));
    if (!s->keys[1].p || uv_loop_init(&s->loop) != 0)
        return false;
    timer_wheel_init(&s->timers, &s->loop);
    s->redis = redis_open(&s->loop, &s->timers, &config);
    return s->redis != NULL;
}

static int end(struct session *s, int status)
{
    if (!s->redis)
        return status;
    redis_close(s->redis);
    timer_wheel_close(&s->timers);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
    return status;
}

static bool ask(struct session *s, enum script script, const struct str *args, uint32_t n)
{
    struct redis_command command = {
        .script = script, .keys = s->keys, .nkeys = 2, .args = args, .nargs = n};
    s->answered = false;
    if (redis_eval(s->redis, &s->call, &command, on_reply))
        while (!s->answered)
            uv_run(&s->loop, UV_RUN_ONCE);
    if (s->answered && s->reply.status == REDIS_REPLIED)
        return true;
    KEYS_COMPLAIN("%s: %s\n", s->c->redis,
                  s->answered && s->reply.status == REDIS_FAILED ? s->reply.error
                                                                 : "Redis gives no answer");
    return false;
}

static bool said_yes(const struct session *s)
{
    return s->reply.n == 1 && s->reply.values[0] == 1;
}

/* ---- the three verbs ---- */

/* One line of the command's arena, which Redis keeps and gateways can take. p == NULL: it is not.
 */
static struct str print(struct keys_command *c, const struct expr_value *key)
{
    struct buf out;
    buf_init(&out, REDIS_TEXT_MAX);
    bool ok = json_value_print(&out, key, 0);
    struct str text = ok ? arena_copy(&c->arena, buf_str(&out)) : STR_NONE;
    struct auth_key read_back;
    buf_release(&out);
    if (!ok)
        KEYS_COMPLAIN("the key is longer than %d bytes\n", REDIS_TEXT_MAX);
    if (!text.p || auth_key_parse(text, STR("keys"), &c->arena, &read_back))
        return text;
    KEYS_COMPLAIN("%s: no gateway would take this key\n", c->id);
    return STR_NONE;
}

static int add_to(struct session *s, const struct expr_value *key)
{
    struct str args[3] = {str_c(s->c->id), str_skip(json_text(key, "hash"), sizeof "sha256:" - 1),
                          print(s->c, key)};
    if (!args[2].p || !ask(s, ADD, args, 3))
        return KEYS_FAILED;
    if (said_yes(s))
        return KEYS_DONE;
    KEYS_COMPLAIN("%s: there is a key \"%s\" already\n", s->c->redis, s->c->id);
    return KEYS_FAILED;
}

static int add_key(struct keys_command *c, const struct expr_value *key)
{
    struct session s;
    return end(&s, begin(&s, c) ? add_to(&s, key) : KEYS_FAILED);
}

static int list_all(struct session *s, void (*show)(const struct expr_value *key))
{
    struct str from = STR("-");
    while (ask(s, NEXT, &from, 1)) {
        struct expr_value key;
        struct tc_error error = {0};
        struct str json = s->reply.text, id = str_cut(&json, '\0');
        if (!id.p || !s->reply.text.p)
            return KEYS_DONE;
        str_cut(&json, '\0'); /* the digest */
        if (json_value_parse(json, &s->c->arena, &key, &error) && key.kind == EXPR_MAP)
            show(&key);
        else
            KEYS_COMPLAIN("%.*s: what stands in Redis is no key\n", STR_ARG(id));
        from = arena_printf(&s->c->arena, "[%.*s\1", STR_ARG(id));
        if (!from.p)
            return KEYS_FAILED;
    }
    return KEYS_FAILED;
}

static int list_keys(struct keys_command *c, void (*show)(const struct expr_value *key))
{
    struct session s;
    return end(&s, begin(&s, c) ? list_all(&s, show) : KEYS_FAILED);
}

/* 1: revoked; 0: somebody else has changed it, look again; -1: failed, and said why. */
static int try_to_revoke(struct session *s)
{
    struct keys_object revoked;
    struct expr_value key;
    struct tc_error error = {0};
    struct str args[3] = {str_c(s->c->id)};
    if (!ask(s, GET, args, 1))
        return -1;
    args[1] = s->reply.text;
    if (!args[1].p) {
        KEYS_COMPLAIN("%s: there is no key \"%s\"\n", s->c->redis, s->c->id);
        return -1;
    }
    if (!json_value_parse(args[1], &s->c->arena, &key, &error) || key.kind != EXPR_MAP) {
        KEYS_COMPLAIN("%s: what stands in Redis is no key\n", s->c->id);
        return -1;
    }
    key = keys_object_revoked(&revoked, &key);
    args[2] = print(s->c, &key);
    return args[2].p && ask(s, SET, args, 3) ? said_yes(s) : -1;
}

static int revoke_key(struct keys_command *c)
{
    struct session s;
    int done = begin(&s, c) ? 0 : -1;
    for (int i = 0; i < ATTEMPTS && done == 0; i++)
        done = try_to_revoke(&s);
    if (done == 0)
        KEYS_COMPLAIN("%s: the key is being changed by others; try again\n", c->id);
    return end(&s, done == 1 ? KEYS_DONE : KEYS_FAILED);
}

const struct keys_store keys_redis = {add_key, list_keys, revoke_key};
