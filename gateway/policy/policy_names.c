#include "gateway/policy/policy_internal.h"

enum {
    NAME_MAX_COMPARED = 64, /* longer names are not compared for typing errors */
};

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Insertions, deletions, changes and swaps of neighbours that lead from `a` to `b` (optimal string
 * alignment), row by row. */
static size_t edit_distance(struct str a, struct str b)
{
    size_t rows[3][NAME_MAX_COMPARED + 1];

    for (size_t i = 0; i <= a.n; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        for (size_t j = 0; j <= b.n; j++) {
            if (i == 0 || j == 0) {
                row[j] = i + j;
                continue;
            }
            bool same = a.p[i - 1] == b.p[j - 1];
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + !same);
            bool swapped = i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1];
            if (swapped && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
    }
    return rows[a.n % 3][b.n];
}

struct suggestion policy_suggest_for(struct str wrong)
{
    /* A third of the name may be wrong, but no more than three letters. */
    size_t allowed = wrong.n / 3 < 3 ? wrong.n / 3 : 3;
    return (struct suggestion){.wrong = wrong, .distance = (allowed ? allowed : 1) + 1};
}

void policy_suggest(struct suggestion *s, struct str candidate)
{
    if (s->wrong.n > NAME_MAX_COMPARED || candidate.n > NAME_MAX_COMPARED || candidate.n == 0)
        return;
    size_t d = str_eq_nocase(s->wrong, candidate) ? 0 : edit_distance(s->wrong, candidate);
    if (d < s->distance) {
        s->distance = d;
        s->best = candidate;
    }
}

struct str policy_suggest_text(struct compile *c, const struct suggestion *s)
{
    return s->best.p ? TEXT(c, "; did you mean \"%.*s\"?", STR_ARG(s->best)) : STR("");
}

struct str policy_suggest_field(struct compile *c, const struct tc_message *m, struct str wrong)
{
    struct suggestion s = policy_suggest_for(wrong);

    for (uint16_t i = 0; i < m->nfields; i++)
        policy_suggest(&s, m->fields[i].name);
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
    struct suggestion s = policy_suggest_for(wanted);

    for (uint32_t i = 0; i < c->nclusters; i++) {
        if (str_eq(c->clusters[i].name, wanted))
            return (int32_t)i;
        policy_suggest(&s, c->clusters[i].name);
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
