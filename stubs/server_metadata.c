#include <grpc/slice.h>

#include "stubs/server_internal.h"

enum { MS_PER_S = 1000, NS_PER_MS = 1000000 };

static struct str bytes_of(const grpc_slice *s)
{
    return str_of((const char *)GRPC_SLICE_START_PTR(*s), GRPC_SLICE_LENGTH(*s));
}

/* A stream's client may hold the slice's bytes inside it, so slices are looked at where they stand.
 */
bool server_call_metadata_at(const struct server_call *c, size_t i, struct str *key,
                             struct str *value)
{
    if (i >= c->metadata.count)
        return false;
    *key = bytes_of(&c->metadata.metadata[i].key);
    *value = bytes_of(&c->metadata.metadata[i].value);
    return true;
}

struct str server_call_metadata(const struct server_call *c, struct str key)
{
    struct str name, value;
    for (size_t i = 0; server_call_metadata_at(c, i, &name, &value); i++)
        if (str_eq(name, key))
            return value;
    return STR_NONE;
}

struct str server_call_path(const struct server_call *c)
{
    return bytes_of(&c->details.method);
}

static bool is_legal(grpc_slice key, grpc_slice value)
{
    return grpc_header_key_is_legal(key) &&
           (grpc_is_binary_header(key) || grpc_header_nonbin_value_is_legal(value));
}

static bool add(struct server_call *c, struct metadata_list *l, struct str key, struct str value)
{
    if (!l->items)
        l->items = arena_array(&c->arena, SERVER_METADATA_MAX, sizeof *l->items);
    if (!l->items || l->n == SERVER_METADATA_MAX)
        return false;
    grpc_metadata *m = &l->items[l->n];
    m->key = grpc_slice_from_copied_buffer(key.n ? key.p : "", key.n);
    m->value = grpc_slice_from_copied_buffer(value.n ? value.p : "", value.n);
    if (is_legal(m->key, m->value)) {
        l->n++;
        return true;
    }
    grpc_slice_unref(m->key);
    grpc_slice_unref(m->value);
    return false;
}

void metadata_list_release(struct metadata_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        grpc_slice_unref(l->items[i].key);
        grpc_slice_unref(l->items[i].value);
    }
    l->n = 0;
}

bool server_call_header(struct server_call *c, struct str key, struct str value)
{
    return !c->headers_sent && add(c, &c->headers, key, value);
}

bool server_call_trailer(struct server_call *c, struct str key, struct str value)
{
    return !c->ended && add(c, &c->trailers, key, value);
}

struct arena *server_call_arena(struct server_call *c)
{
    return &c->arena;
}

void server_call_set_state(struct server_call *c, void *state, void (*release)(void *state))
{
    c->state = state;
    c->release_state = release;
}

void *server_call_state(const struct server_call *c)
{
    return c->state;
}

void *server_call_ctx(const struct server_call *c)
{
    return c->service ? c->service->ctx : NULL;
}

uint32_t server_call_time_left(const struct server_call *c)
{
    gpr_timespec deadline = gpr_convert_clock_type(c->details.deadline, GPR_CLOCK_MONOTONIC);
    gpr_timespec left = gpr_time_sub(deadline, gpr_now(GPR_CLOCK_MONOTONIC));
    if (left.tv_sec < 0)
        return 0;
    if (left.tv_sec >= UINT32_MAX / MS_PER_S)
        return UINT32_MAX;
    return (uint32_t)left.tv_sec * MS_PER_S + (uint32_t)left.tv_nsec / NS_PER_MS;
}
