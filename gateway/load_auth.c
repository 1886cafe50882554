#include "gateway/load_auth.h"

#include <unistd.h>

#include "gateway/config.h"
#include "gateway/load_file.h"
#include "gateway/policy/auth_source.h"
#include "gateway/upstream/http_fetch.h"

enum { KEY_FILE_MAX = 64 << 20, SECRET_MAX = 4096 };

void load_auth_release(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->nproviders; i++)
        auth_source_release(plan->providers[i].source);
}

static bool parse(const struct auth_provider *p, struct str text, struct auth_data *d,
                  struct tc_error *error)
{
    if (p->kind == AUTH_API_KEY)
        return auth_keys_parse(text, p->name, &d->keys, error);
    if (str_starts(str_trim(text), STR("-----BEGIN")))
        return jose_keys_pem(text, &d->jwks, error);
    /* A file is its owner's to mend: nothing in it is passed over that is at fault. */
    return jose_keys_parse(text, &d->jwks, error) && !d->jwks.faulty;
}

struct auth_data *load_auth_file(const struct auth_source *s, struct tc_faults *faults)
{
    struct auth_provider p = {.name = s->name, .kind = s->kind};
    struct auth_data *d = auth_data_new(s->kind);
    struct tc_error error = {0};
    struct buf text;
    buf_init(&text, 0);
    bool ok = d && load_regular_file(s->fetch.file.p, KEY_FILE_MAX, &text, faults);
    if (ok && !parse(&p, buf_str(&text), d, &error)) {
        tc_fault_add(faults, s->fetch.file, "%s%s%s", error.path, error.path[0] ? ": " : "",
                     error.text);
        ok = false;
    }
    buf_release(&text);
    if (ok)
        return d;
    auth_data_release(d);
    return NULL;
}

/* Line ends at the end of a secret are the editor's. */
static bool read_secret(struct snapshot *s, struct auth_introspection *i, struct tc_faults *faults)
{
    struct buf text;
    if (!i->secret_file.n)
        return true;
    bool ok = load_regular_file(i->secret_file.p, SECRET_MAX, &text, faults);
    struct str secret = buf_str(&text);
    while (secret.n && (secret.p[secret.n - 1] == '\n' || secret.p[secret.n - 1] == '\r'))
        secret.n--;
    i->secret = ok ? arena_copy(&s->arena, secret) : STR_NONE;
    if (ok && !secret.n)
        tc_fault_add(faults, i->secret_file, "is empty; write the client's secret into it");
    buf_release(&text);
    return i->secret.n != 0;
}

static void beside_all(struct snapshot *s, const char *config, struct auth_provider *p)
{
    p->fetch.file = load_beside(config, p->fetch.file, &s->arena);
    p->fetch.ca_file = load_beside(config, p->fetch.ca_file, &s->arena);
    p->introspection.secret_file = load_beside(config, p->introspection.secret_file, &s->arena);
    p->introspection.ca_file = load_beside(config, p->introspection.ca_file, &s->arena);
}

/* A module that is not there would show itself with the first token only. */
static void check_fetching(const struct auth_provider *p, struct tc_faults *faults)
{
    bool fetches = p->fetch.url.n || p->fetch.discovery.n || p->introspection.url.n;
    const char *why = fetches ? http_fetch_check() : NULL;
    if (why)
        tc_fault_add(faults, p->name, "%s", why);
}

static bool load_provider(struct snapshot *s, struct auth_provider *p, struct tc_faults *faults)
{
    if (p->kind == AUTH_INTROSPECTION)
        return read_secret(s, &p->introspection, faults);
    if ((p->kind != AUTH_API_KEY && p->kind != AUTH_JWT) || p->redis_keys.n)
        return true;
    p->source = auth_source_new(p);
    if (!p->source)
        return false;
    if (!p->fetch.file.n)
        return true;
    struct auth_data *d = load_auth_file(p->source, faults);
    if (d)
        auth_source_publish(p->source, d);
    return d != NULL;
}

/* ---- faults ---- */

static const struct {
    const char *member, *remedy; /* when its file is not there */
} files[AUTH_KINDS] = {
    [AUTH_API_KEY] = {"api_keys.file", "; `postern keys add --file F --id ID` makes it"},
    [AUTH_JWT] = {"jwt.jwks_file", "; write the issuer's key set or a public key (PEM) into it"},
    [AUTH_INTROSPECTION] = {"introspection.client_secret_file",
                            "; write the client's secret into it"},
};

/* Faults of a file, from `f` on, become those of the provider that names it. */
static void blame(const struct snapshot *s, const struct auth_provider *p, struct tc_fault *f,
                  struct arena *arena)
{
    if (!f)
        return;
    struct str path = arena_printf(arena, "auth[%u].%s", p->index, files[p->kind].member);
    uint32_t line = path.p ? config_line(s->config->places, path.p) : 0;
    struct str place = arena_printf(arena, "%.*s:%u", STR_ARG(s->config->name), line);
    for (; f && place.p; f = f->next) {
        bool absent = access(f->place.p, F_OK) != 0;
        struct str text = arena_printf(arena, "%.*s: %.*s: %.*s%s", STR_ARG(path),
                                       STR_ARG(f->place), STR_ARG(f->text),
                                       absent ? files[p->kind].remedy : "");
        if (text.p)
            *f = (struct tc_fault){place, text, f->next};
    }
}

void load_auth(struct snapshot *s, const char *config, struct tc_faults *faults)
{
    for (uint32_t i = 0; i < s->plan->nproviders; i++) {
        struct auth_provider *p = &s->plan->providers[i];
        beside_all(s, config, p);
        check_fetching(p, faults);
        struct tc_fault **first = faults->tail;
        size_t before = faults->count;
        if (!load_provider(s, p, faults) && faults->count == before)
            tc_fault_add(faults, p->name, "out of memory");
        else
            blame(s, p, *first, faults->arena);
    }
}
