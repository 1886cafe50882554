#include <stdlib.h>

#include "gateway/core/metadata.h"
#include "gateway/policy/policy_internal.h"

/* ---- tables ---- */

/* A table of the configuration as a map of string to list of strings. */
struct table {
    struct expr_map map; /* first */
    const struct expr_value *keys;
    struct expr_array *rows;
    uint32_t n;
};

static uint32_t table_size(const struct expr_map *map)
{
    return ((const struct table *)map)->n;
}

static void table_at(const struct expr_map *map, struct expr_run *run, uint32_t i,
                     struct expr_value *key, struct expr_value *out)
{
    const struct table *t = (const struct table *)map;
    (void)run;
    *key = t->keys[i];
    *out = (struct expr_value){.kind = EXPR_LIST, .list = &t->rows[i].list};
}

/* Keys are in order. */
static bool table_find(const struct expr_map *map, struct expr_run *run,
                       const struct expr_value *key, struct expr_value *out)
{
    const struct table *t = (const struct table *)map;
    uint32_t low = 0, high = t->n;
    while (key->kind == EXPR_STRING && low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = str_cmp(t->keys[middle].s, key->s);
        if (order == 0) {
            struct expr_value found;
            table_at(map, run, middle, &found, out);
            return true;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return false;
}

static int by_key(const void *a, const void *b)
{
    const Postern__V1__TableRow *x = *(Postern__V1__TableRow *const *)a;
    const Postern__V1__TableRow *y = *(Postern__V1__TableRow *const *)b;
    return str_cmp(str_c(x->key), str_c(y->key));
}

static void read_row(struct compile *c, struct expr_array *out, const Postern__V1__TableRow *m)
{
    struct expr_value *items = policy_array(c, m->n_values, sizeof *items);
    for (size_t i = 0; items && i < m->n_values; i++)
        items[i] = expr_string(str_c(m->values[i]));
    expr_array_init(out, items, items ? (uint32_t)m->n_values : 0);
}

static struct expr_value read_table(struct compile *c, const struct origin *at,
                                    const Postern__V1__Table *m)
{
    struct table *t = policy_array(c, 1, sizeof *t);
    Postern__V1__TableRow **sorted = policy_array(c, m->n_rows, sizeof(Postern__V1__TableRow *));
    struct expr_value *keys = policy_array(c, m->n_rows, sizeof *keys);
    struct expr_array *rows = policy_array(c, m->n_rows, sizeof *rows);

    if (c->no_memory)
        return expr_absent();
    if (m->n_rows)
        memcpy(sorted, m->rows, m->n_rows * sizeof *sorted);
    qsort(sorted, m->n_rows, sizeof *sorted, by_key);
    for (size_t i = 0; i < m->n_rows; i++) {
        keys[i] = expr_string(str_c(sorted[i]->key));
        read_row(c, &rows[i], sorted[i]);
        if (i && str_eq(keys[i].s, keys[i - 1].s))
            FAULT(c, at, STR("rows"), "\"%.*s\" is the key of two rows", STR_ARG(keys[i].s));
    }
    *t = (struct table){{table_size, table_find, table_at}, keys, rows, (uint32_t)m->n_rows};
    return (struct expr_value){.kind = EXPR_MAP, .map = &t->map};
}

static bool is_identifier(const char *name)
{
    for (const char *p = name; *p; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_';
        if (!letter && (p == name || *p < '0' || *p > '9'))
            return false;
    }
    return *name;
}

void policy_tables_read(struct compile *c)
{
    const Postern__V1__Config *config = c->in->config;
    size_t n = config ? config->n_tables : 0;
    struct expr_value *tables = policy_array(c, n, sizeof *tables);

    for (size_t i = 0; tables && i < n; i++) {
        const Postern__V1__Table *m = config->tables[i];
        struct origin at = {.prefix = TEXT(c, "tables[%zu]", i)};
        if (!is_identifier(m->name))
            FAULT(c, &at, STR("name"),
                  "\"%s\" is no name that an expression could read as tables.NAME: letters, digits "
                  "and '_'",
                  m->name);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(m->name, config->tables[j]->name))
                FAULT(c, &at, STR("name"), "\"%s\" is tables[%zu] already", m->name, j);
        tables[i] = read_table(c, &at, m);
    }
    c->tables = tables;
}

/* ---- identity ---- */

static struct str read_key(struct compile *c, const char *field, const char *key)
{
    struct origin at = {.prefix = STR("identity")};
    struct str text = str_c(key);
    if (text.n && (!metadata_settable(text) || str_ends(text, STR("-bin"))))
        FAULT(c, &at, str_c(field),
              "\"%s\" is no metadata that can carry it: lower-case letters, digits, '-', '_' and "
              "'.', not ending in -bin, and none of gRPC's or HTTP's own",
              key);
    return text;
}

/* What the upstream would read there were the one or the other. */
static void check_apart(struct compile *c, const struct plan_identity *i)
{
    static const char *const names[] = {"id", "tenant", "subject", "provider", "scopes"};
    const struct str keys[] = {i->id, i->tenant, i->subject, i->provider, i->scopes};
    struct origin at = {.prefix = STR("identity")};
    for (size_t a = 0; a < sizeof keys / sizeof *keys; a++)
        for (size_t b = 0; b < a; b++)
            if (keys[a].n && str_eq(keys[a], keys[b])) {
                FAULT(c, &at, str_c(names[a]),
                      "\"%.*s\" is identity.%s already; give each a name of its own",
                      STR_ARG(keys[a]), names[b]);
                break;
            }
}

void policy_identity_read(struct compile *c)
{
    const Postern__V1__Identity *m = c->in->config ? c->in->config->identity : NULL;
    if (!m)
        return;
    c->identity = (struct plan_identity){
        .id = read_key(c, "id", m->id),
        .tenant = read_key(c, "tenant", m->tenant),
        .subject = read_key(c, "subject", m->subject),
        .provider = read_key(c, "provider", m->provider),
        .scopes = read_key(c, "scopes", m->scopes),
    };
    check_apart(c, &c->identity);
}
