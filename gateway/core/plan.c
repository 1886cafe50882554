#include "gateway/core/plan.h"

#include <stdlib.h>

void plan_release(const struct plan *plan)
{
    for (const struct plan_env *e = plan ? plan->envs : NULL; e; e = e->next)
        expr_env_release(e->env);
}

struct cluster_config cluster_config_of_endpoint(const struct str *endpoint)
{
    return (struct cluster_config){
        .name = *endpoint,
        .endpoints = endpoint,
        .nendpoints = 1,
        .connect_timeout_ms = 5000,
        .keepalive_interval_ms = 310000,
        .keepalive_timeout_ms = 10000,
        .max_connections = 10,
        .max_pending = 4096,
        .max_streams = 1000,
    };
}

static size_t text_size(const struct cluster_config *c)
{
    size_t n = c->name.n + c->target.n + c->authority.n + 3;
    for (uint32_t i = 0; i < c->nendpoints; i++)
        n += c->endpoints[i].n + 1;
    return n;
}

/* Puts a text and a NUL at *at and moves it on. */
static struct str put_text(char **at, struct str text)
{
    struct str copy = str_of(*at, text.n);
    if (text.n)
        memcpy(*at, text.p, text.n);
    (*at)[text.n] = 0;
    *at += text.n + 1;
    return copy;
}

struct cluster_config *cluster_config_copy(const struct cluster_config *config)
{
    size_t head = sizeof *config + config->nendpoints * sizeof(struct str);
    struct cluster_config *copy = malloc(head + text_size(config));
    if (!copy)
        return NULL;
    struct str *endpoints = (struct str *)(void *)(copy + 1);
    char *at = (char *)copy + head;
    *copy = *config;
    copy->endpoints = endpoints;
    copy->name = put_text(&at, config->name);
    copy->target = put_text(&at, config->target);
    copy->authority = put_text(&at, config->authority);
    for (uint32_t i = 0; i < config->nendpoints; i++)
        endpoints[i] = put_text(&at, config->endpoints[i]);
    return copy;
}
