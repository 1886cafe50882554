#include "gateway/policy/policy_internal.h"

struct str policy_suggest_text(struct compile *c, const struct tc_suggestion *s)
{
    return policy_text(c, tc_suggest_text(c->arena, s));
}

struct str policy_suggest_field(struct compile *c, const struct tc_message *m, struct str wrong)
{
    struct tc_suggestion s = tc_suggest_for(wrong);

    tc_suggest_fields(&s, m);
    return policy_suggest_text(c, &s);
}

static int32_t add_endpoint(struct compile *c, struct str endpoint)
{
    struct str *slot = policy_array(c, 1, sizeof *slot);
    struct str name = policy_text(c, arena_copy(c->arena, endpoint));

    if (c->nclusters == c->cluster_room) {
        uint32_t room = c->cluster_room ? 2 * c->cluster_room : 8;
        struct cluster_config *more = policy_array(c, room, sizeof *more);
        if (!more)
            return PLAN_NO_CLUSTER;
        if (c->nclusters)
            memcpy(more, c->clusters, c->nclusters * sizeof *more);
        c->clusters = more;
        c->cluster_room = room;
    }
    if (!slot)
        return PLAN_NO_CLUSTER;
    *slot = name;
    struct cluster_config *added = &c->clusters[c->nclusters];
    *added = cluster_config_of_endpoint(slot);
    if (c->in->max_streams)
        added->max_streams = c->in->max_streams;
    return (int32_t)c->nclusters++;
}

int32_t policy_cluster_resolve(struct compile *c, const struct origin *at, struct str path,
                               const char *name)
{
    struct str wanted = str_c(name);
    struct tc_suggestion s = tc_suggest_for(wanted);

    for (uint32_t i = 0; i < c->nclusters; i++) {
        if (str_eq(c->clusters[i].name, wanted))
            return (int32_t)i;
        tc_suggest(&s, c->clusters[i].name);
    }
    if (endpoint_valid(wanted))
        return add_endpoint(c, wanted);
    if (c->in->names_open && wanted.n)
        return PLAN_NO_CLUSTER;
    FAULT(c, at, path,
          "\"%.*s\" is neither a cluster of the configuration nor an endpoint (host:port, "
          "[v6]:port, unix:/path)%.*s",
          STR_ARG(wanted), STR_ARG(policy_suggest_text(c, &s)));
    return CLUSTER_AT_FAULT;
}

bool policy_selector_matches(struct str selector, struct str full_name)
{
    if (str_eq(selector, STR("*")))
        return true;
    if (!str_ends(selector, STR(".*")))
        return str_eq(selector, full_name);
    return str_starts(full_name, str_of(selector.p, selector.n - 1));
}

struct str policy_lower(struct compile *c, const char *name)
{
    struct str text = policy_text(c, arena_copy(c->arena, str_c(name)));
    char *p = (char *)(uintptr_t)text.p;

    for (size_t i = 0; i < text.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] | 0x20);
    return text;
}
