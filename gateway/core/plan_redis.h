/* postern.v1.Redis: where stands what the gateways of a fleet share. */
#pragma once

#include "gateway/core/redis.h"

/* What a gateway's client is opened with, in this order. */
enum redis_script { REDIS_SCRIPT_LIMIT, REDIS_SCRIPT_KEYS, REDIS_SCRIPTS };

#define REDIS_PREFIX "postern" /* unless the configuration says otherwise */

struct plan_redis {
    struct redis_config config; /* endpoint.n == 0: none; scripts are set when it is opened, the
                                   password when the snapshot is loaded */
    const char *password_file;  /* NULL: none */
    struct str prefix;          /* of all keys */
};
