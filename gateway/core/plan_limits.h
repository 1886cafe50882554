/* Limits as rows of the plan. */
#pragma once

#include "gateway/core/limit.h"
#include "gateway/core/plan_expr.h"

/* A limit as one method sees it. program == NULL: no key (one budget for all), a cost of 1. */
struct plan_method_limit {
    struct plan_limit *limit;
    struct plan_expr key, cost, reserve;
    struct str default_key; /* empty: a call without a key is refused */
    enum plan_when when;    /* all that is needed to take it */
    bool total;             /* messages of a stream tell the cost so far */
    bool each;              /* each message of the client's stream has its cost, by `cost` */
};

/* postern.v1.Limits and .RateLimitService, and all limits of all methods. */
struct plan_limits {
    struct plan_limit *const *all;
    uint32_t n;
    uint8_t fields; /* LIMIT_TELL_... */
    uint32_t keys;  /* of the process's table; 0: the default */
    uint64_t log_bytes;
    int32_t service; /* cluster; PLAN_NO_CLUSTER: none */
    struct str domain;
    uint32_t service_timeout_ms;
};
