/* Limits as rows of the plan. */
#pragma once

#include "gateway/core/limit.h"
#include "gateway/core/plan_expr.h"
#include "gateway/core/redis.h"

/* A limit as one method sees it. program == NULL: no key (one budget for all), a cost of 1. */
struct plan_method_limit {
    struct plan_limit *limit;
    struct plan_expr key, cost, reserve;
    struct str default_key; /* empty: a call without a key is refused */
    enum plan_when when;    /* all that is needed to take it */
    bool total;             /* messages of a stream tell the cost so far */
};

/* postern.v1.Limits, .Redis and .RateLimitService, and all limits of all methods. */
struct plan_limits {
    struct plan_limit *const *all;
    uint32_t n;
    uint8_t fields; /* LIMIT_TELL_... */
    uint32_t keys;  /* of the process's table; 0: the default */
    uint64_t log_bytes;
    struct redis_config redis; /* endpoint.n == 0: none; password and scripts are set when it is
                                  used */
    const char *redis_password_file; /* NULL: none */
    struct str redis_prefix;
    int32_t service; /* cluster; PLAN_NO_CLUSTER: none */
    struct str domain;
    uint32_t service_timeout_ms;
};
