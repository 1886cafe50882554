/* A provider of authentication as the configuration describes it: postern.v1.AuthProvider, checked,
 * with its defaults filled in. What a provider knows at the moment (keys, key sets) is its source:
 * auth_source.h. */
#pragma once

#include "gateway/policy/auth_jwt.h"

struct auth_source;

enum auth_kind { AUTH_API_KEY, AUTH_JWT, AUTH_INTROSPECTION, AUTH_CERTIFICATE, AUTH_KINDS };

/* Where a credential stands in a request. */
struct auth_places {
    const struct str *headers; /* lower case; the whole value is the credential */
    uint32_t nheaders;
    bool bearer;      /* Authorization: Bearer */
    bool bearer_last; /* only when there is none elsewhere: tokens of other providers stand there */
    struct str query; /* parameter; empty: none */
};

/* What is fetched or read, and how long it is good. Strings have a NUL behind them. */
struct auth_fetch {
    struct str url, file, discovery; /* one of them; discovery: the issuer's URL */
    struct str ca_file;
    uint32_t refresh_ms, keep_ms;
};

struct auth_introspection {
    struct str url, client_id, secret_file, ca_file;
    struct str secret; /* read when the snapshot is loaded */
    uint32_t cache_ms, timeout_ms, concurrency;
};

enum auth_certificate_id { AUTH_SUBJECT, AUTH_SAN_URI, AUTH_SAN_DNS };

struct auth_provider {
    struct str name;
    enum auth_kind kind;
    uint32_t index; /* in the plan */
    bool forward;   /* the credential travels on to the upstream */
    struct auth_places places;
    struct str redis_keys; /* AUTH_API_KEY: the hash in Redis where they stand; empty: in a file */
    struct auth_fetch fetch;     /* AUTH_API_KEY: file; AUTH_JWT */
    struct auth_jwt_rules rules; /* AUTH_JWT; of AUTH_INTROSPECTION audiences and claim names */
    struct auth_introspection introspection;
    enum auth_certificate_id certificate_id;
    struct auth_source *source; /* AUTH_API_KEY of a file, AUTH_JWT; bound when the snapshot is
                                   loaded, NULL under --check */
};

/* "API keys", "JWT" ... for sentences. */
const char *auth_kind_name(enum auth_kind kind);
