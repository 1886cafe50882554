/* A plan of a few methods and events for them. */
#pragma once

#include "gateway/watch/watch.h"

enum { FIXTURE_METHODS = 3 };

struct fixture {
    struct tc_method methods[FIXTURE_METHODS];
    struct method_policy policies[FIXTURE_METHODS];
    struct route routes[FIXTURE_METHODS];
    struct plan plan;
};

static inline void fixture_init(struct fixture *f)
{
    static const struct str names[FIXTURE_METHODS] = {
        STR_INIT("demo.v1.Echo.Unary"), STR_INIT("od\"d\\na\nme"), STR_INIT("demo.v1.Echo.Never")};
    *f = (struct fixture){0};
    for (uint32_t i = 0; i < FIXTURE_METHODS; i++) {
        f->methods[i].full_name = names[i];
        f->policies[i] = (struct method_policy){.method = &f->methods[i], .index = i};
        f->routes[i] = (struct route){.policy = &f->policies[i], .pattern = STR("/v1/{a=**}")};
    }
    f->plan.policies = f->policies;
    f->plan.npolicies = FIXTURE_METHODS;
}

static inline struct event fixture_event(const struct fixture *f, int route)
{
    return (struct event){
        .request_id = STR("r-1"),
        .client = STR("10.0.0.1:5"),
        .http_method = STR("POST"),
        .target = STR("/v1/x?y=%20"),
        .protocol = STR("HTTP/1.1"),
        .route = route >= 0 ? &f->routes[route] : NULL,
        .cluster_name = STR("llm"),
        .http_status = 200,
        .from_peer = true,
        .complete = true,
        .wall_us = 1136214245000006,
        .total_ns = 1500000,
        .upstream_ns = 1200000,
        .own_ns = 90000,
        .bytes_in = 10,
        .bytes_out = 20,
        .messages_in = 1,
        .messages_out = 2,
        .retries = 1,
    };
}
