#include "gateway/core/plan.h"

struct cluster_config cluster_config_of_endpoint(const struct str *endpoint)
{
    return (struct cluster_config){
        .name = *endpoint,
        .endpoints = endpoint,
        .nendpoints = 1,
        .connect_timeout_ms = 5000,
        .keepalive_interval_ms = 310000,
        .keepalive_timeout_ms = 10000,
        .max_connections = 4,
        .max_pending = 1024,
        .max_streams = 100,
    };
}
