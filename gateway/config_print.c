#include "gateway/config_internal.h"
#include "gen/postern/v1/config.postern.h"
#include "transcoder/decode.h"

enum { PRINT_ARENA_MAX = 1 << 20, PRINT_WIRE_MAX = 4 << 20 };

/* ---- what is not for everybody who looks ---- */

/* Queries of URLs carry tokens. */
static char *without_query(char *url, struct arena *arena)
{
    const char *query = url && strstr(url, "://") ? strchr(url, '?') : NULL;
    if (!query)
        return url;
    return (char *)(uintptr_t)arena_printf(arena, "%.*s?***", (int)(query - url), url).p;
}

static Postern__V1__Jwt *conceal_jwt(const Postern__V1__Jwt *m, struct arena *arena)
{
    Postern__V1__Jwt *out = arena_alloc(arena, sizeof *out);
    if (!out)
        return NULL;
    *out = *m;
    out->jwks_url = without_query(m->jwks_url, arena);
    out->issuer = without_query(m->issuer, arena);
    bool lost = (m->jwks_url && !out->jwks_url) || (m->issuer && !out->issuer);
    return lost ? NULL : out;
}

static Postern__V1__Introspection *conceal_introspection(const Postern__V1__Introspection *m,
                                                         struct arena *arena)
{
    Postern__V1__Introspection *out = arena_alloc(arena, sizeof *out);
    if (!out)
        return NULL;
    *out = *m;
    out->url = without_query(m->url, arena);
    return m->url && !out->url ? NULL : out;
}

static Postern__V1__AuthProvider *conceal_provider(const Postern__V1__AuthProvider *m,
                                                   struct arena *arena)
{
    Postern__V1__AuthProvider *out = arena_alloc(arena, sizeof *out);
    if (!out)
        return NULL;
    *out = *m;
    if (m->kind_case == POSTERN__V1__AUTH_PROVIDER__KIND_JWT)
        return (out->jwt = conceal_jwt(m->jwt, arena)) ? out : NULL;
    if (m->kind_case == POSTERN__V1__AUTH_PROVIDER__KIND_INTROSPECTION)
        return (out->introspection = conceal_introspection(m->introspection, arena)) ? out : NULL;
    return out;
}

/* A copy for looking at. False: out of memory. */
static bool conceal(const Postern__V1__Config *m, Postern__V1__Config *out, struct arena *arena)
{
    *out = *m;
    out->auth = arena_array(arena, m->n_auth, sizeof *out->auth);
    for (size_t i = 0; out->auth && i < m->n_auth; i++)
        if (!(out->auth[i] = conceal_provider(m->auth[i], arena)))
            return false;
    return out->auth != NULL;
}

/* ---- as JSON ---- */

/* The way of an answer to a client: message, wire, JSON. */
static bool print(const Postern__V1__Config *m, struct buf *wire, struct buf *out)
{
    size_t n = postern__v1__config__get_packed_size(m);
    char *to = buf_reserve(wire, n);
    if (!to)
        return false;
    wire->n = postern__v1__config__pack(m, (uint8_t *)to);

    struct tc_decode_spec spec = {
        .schema = &postern_schema_postern_v1_config,
        .message = tc_schema_message(&postern_schema_postern_v1_config, STR("postern.v1.Config")),
        .proto_names = true,
        .int64_as_numbers = true,
    };
    struct arena arena;
    arena_init(&arena, 4096, PRINT_ARENA_MAX);
    struct tc_decoder *d = tc_decoder_new(&arena, &spec, buf_str(wire), NULL);
    bool ok = d && tc_decode_some(d, out, SIZE_MAX) == TC_OK;
    arena_release(&arena);
    return ok;
}

bool config_print(const struct config *c, struct buf *out)
{
    Postern__V1__Config shown;
    struct arena arena;
    struct buf wire;
    buf_init(&wire, PRINT_WIRE_MAX);
    arena_init(&arena, 4096, PRINT_ARENA_MAX);
    bool ok = conceal(c->message, &shown, &arena) && print(&shown, &wire, out);
    arena_release(&arena);
    buf_release(&wire);
    return ok;
}
