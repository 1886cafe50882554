/* What a provider knows at the moment: the API keys of a file, or a JWK set. One source a provider,
 * shared by all workers and kept over reloads as long as its configuration stays the same. The
 * keeper (gateway/auth_keeper.h) reads and fetches; workers look:
 *
 *     struct auth_view view = {.source = provider->source};
 *     const struct auth_data *d = auth_view_data(&view);       // NULL: nothing was ever there:
 * answer 503
 *
 * A worker looks at one atomic number and takes the lock only when that has changed: a message to
 * each worker would be slower to arrive than the second within which a revoked key must be refused.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/policy/auth_keys.h"
#include "gateway/policy/auth_provider.h"

/* Immutable but for the count. */
struct auth_data {
    atomic_uint references;
    enum auth_kind kind;
    struct auth_keys keys; /* AUTH_API_KEY */
    struct jose_keys jwks; /* AUTH_JWT */
};

/* NULL: out of memory. */
struct auth_data *auth_data_new(enum auth_kind kind);
struct auth_data *auth_data_hold(struct auth_data *d);
void auth_data_release(struct auth_data *d);

enum { AUTH_WHY_MAX = 200 };

/* What workers ask of the keeper about a kid that is not in the set. The keeper sets LATER when it
 * has just fetched and would not do so again, and IDLE when it would: so a flood of unknown kids
 * costs nothing but a look. */
enum auth_wanted { AUTH_FETCH_IDLE, AUTH_FETCH_NOW, AUTH_FETCH_LATER };

/* What the keeper tells: for readiness, metrics and logs. */
struct auth_source_view {
    bool ready;             /* there are keys */
    bool failing;           /* the last attempt to renew them failed */
    char why[AUTH_WHY_MAX]; /* of the failure */
    uint32_t entries;       /* keys known */
    uint32_t faulty;        /* of a set that was fetched: passed over */
    uint64_t attempts, failures;
};

struct auth_source {
    atomic_uint references;
    struct str name;
    enum auth_kind kind;
    struct auth_fetch fetch; /* strings of `memory` */
    struct arena memory;
    atomic_uint version;  /* of `current` */
    atomic_uint attempts; /* of the keeper that have ended, well or not */
    atomic_uint wanted;   /* enum auth_wanted */
    pthread_mutex_t lock; /* guards the rest; held for a few instructions */
    struct auth_data *current;
    struct auth_source_view view;
};

/* A source for the provider, without data. NULL: out of memory. */
struct auth_source *auth_source_new(const struct auth_provider *p);
struct auth_source *auth_source_hold(struct auth_source *s);
void auth_source_release(struct auth_source *s);
/* Whether the provider of a new configuration may go on with this source. */
bool auth_source_fits(const struct auth_source *s, const struct auth_provider *p);

/* By the keeper. Takes over the reference; NULL takes away what was there (too old). */
void auth_source_publish(struct auth_source *s, struct auth_data *data);
/* What is known is what there is. */
void auth_source_confirm(struct auth_source *s);
void auth_source_failed(struct auth_source *s, const char *why);
/* Any thread. */
void auth_source_look(struct auth_source *s, struct auth_source_view *out);

/* One worker's look at a source. Release gives its reference back. */
struct auth_view {
    struct auth_source *source;
    struct auth_data *data;
    uint32_t version;
};
const struct auth_data *auth_view_data(struct auth_view *v);
void auth_view_release(struct auth_view *v);
