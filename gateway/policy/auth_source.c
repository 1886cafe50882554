#include "gateway/policy/auth_source.h"

#include <stdio.h>
#include <stdlib.h>

enum { SOURCE_MEMORY = 64 << 10 };

struct auth_data *auth_data_new(enum auth_kind kind)
{
    struct auth_data *d = calloc(1, sizeof *d); /* breach: shared by threads, and counted */
    if (!d)
        return NULL;
    atomic_init(&d->references, 1);
    d->kind = kind;
    return d;
}

struct auth_data *auth_data_hold(struct auth_data *d)
{
    if (d)
        atomic_fetch_add_explicit(&d->references, 1, memory_order_relaxed);
    return d;
}

void auth_data_release(struct auth_data *d)
{
    if (!d || atomic_fetch_sub_explicit(&d->references, 1, memory_order_acq_rel) != 1)
        return;
    auth_keys_release(&d->keys);
    jose_keys_release(&d->jwks);
    free(d); /* breach: see auth_data_new */
}

static bool copy_fetch(struct auth_source *s, const struct auth_fetch *from)
{
    struct auth_fetch *to = &s->fetch;
    *to = *from;
    to->url = arena_copy(&s->memory, from->url);
    to->file = arena_copy(&s->memory, from->file);
    to->discovery = arena_copy(&s->memory, from->discovery);
    to->ca_file = arena_copy(&s->memory, from->ca_file);
    return to->url.p && to->file.p && to->discovery.p && to->ca_file.p;
}

struct auth_source *auth_source_new(const struct auth_provider *p)
{
    struct auth_source *s = calloc(1, sizeof *s); /* breach: shared by threads, and counted */
    if (!s)
        return NULL;
    atomic_init(&s->references, 1);
    pthread_mutex_init(&s->lock, NULL);
    arena_init(&s->memory, 1024, SOURCE_MEMORY);
    s->kind = p->kind;
    s->name = arena_copy(&s->memory, p->name);
    if (s->name.p && copy_fetch(s, &p->fetch))
        return s;
    auth_source_release(s);
    return NULL;
}

struct auth_source *auth_source_hold(struct auth_source *s)
{
    atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
    return s;
}

void auth_source_release(struct auth_source *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1)
        return;
    auth_data_release(s->current);
    arena_release(&s->memory);
    pthread_mutex_destroy(&s->lock);
    free(s); /* breach: see auth_source_new */
}

bool auth_source_fits(const struct auth_source *s, const struct auth_provider *p)
{
    const struct auth_fetch *a = &s->fetch, *b = &p->fetch;
    return s->kind == p->kind && str_eq(s->name, p->name) && str_eq(a->url, b->url) &&
           str_eq(a->file, b->file) && str_eq(a->discovery, b->discovery) &&
           str_eq(a->ca_file, b->ca_file) && a->refresh_ms == b->refresh_ms &&
           a->keep_ms == b->keep_ms;
}

void auth_source_publish(struct auth_source *s, struct auth_data *data)
{
    pthread_mutex_lock(&s->lock);
    struct auth_data *old = s->current;
    s->current = data;
    s->view.ready = data != NULL;
    s->view.failing = data == NULL;
    s->view.entries = !data ? 0 : data->kind == AUTH_API_KEY ? data->keys.n : data->jwks.n;
    s->view.faulty = data ? data->jwks.faulty : 0;
    s->view.attempts += data != NULL;
    atomic_fetch_add_explicit(&s->version, 1, memory_order_release);
    pthread_mutex_unlock(&s->lock);
    atomic_fetch_add_explicit(&s->attempts, 1, memory_order_release);
    auth_data_release(old);
}

void auth_source_confirm(struct auth_source *s)
{
    pthread_mutex_lock(&s->lock);
    s->view.failing = false;
    s->view.attempts++;
    pthread_mutex_unlock(&s->lock);
    atomic_fetch_add_explicit(&s->attempts, 1, memory_order_release);
}

void auth_source_failed(struct auth_source *s, const char *why)
{
    pthread_mutex_lock(&s->lock);
    s->view.failing = true;
    s->view.attempts++;
    s->view.failures++;
    snprintf(s->view.why, sizeof s->view.why, "%s", why);
    pthread_mutex_unlock(&s->lock);
    atomic_fetch_add_explicit(&s->attempts, 1, memory_order_release);
}

void auth_source_look(struct auth_source *s, struct auth_source_view *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->view;
    pthread_mutex_unlock(&s->lock);
}

const struct auth_data *auth_view_data(struct auth_view *v)
{
    struct auth_source *s = v->source;
    if (atomic_load_explicit(&s->version, memory_order_acquire) == v->version)
        return v->data;
    struct auth_data *old = v->data;
    pthread_mutex_lock(&s->lock);
    v->data = auth_data_hold(s->current);
    v->version = atomic_load_explicit(&s->version, memory_order_relaxed);
    pthread_mutex_unlock(&s->lock);
    auth_data_release(old);
    return v->data;
}

void auth_view_release(struct auth_view *v)
{
    auth_data_release(v->data);
    v->data = NULL;
    v->version = 0;
}
