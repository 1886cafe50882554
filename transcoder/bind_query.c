#include "transcoder/bind_internal.h"
#include "transcoder/percent_check.h"

/* One parameter while its name is read, from left to right. */
struct parameter {
    struct str name, rest; /* decoded; what of it is not read yet */
    const struct tc_field *fields[BIND_DEPTH_MAX];
    size_t n;
    struct str key;
};

static enum tc_status refuse(struct tc_binding *b, struct str name, const char *why,
                             struct str detail)
{
    char path[TC_ERROR_PATH_MAX] = "";
    struct str shown = tc_bind_show(name);

    memcpy(path, shown.p, shown.n);
    return tc_fail(b->error, TC_INVALID, TC_NO_OFFSET, path, "query parameter \"%.*s\" %s%.*s",
                   STR_ARG(shown), why, STR_ARG(detail));
}

static enum tc_status decode(struct tc_binding *b, struct str raw, struct str name, struct str *out)
{
    if (!tc_percent_valid(raw))
        return refuse(b, name, "is not percent-encoded UTF-8", STR(""));
    if (tc_percent_decode(raw, TC_DECODE_QUERY, b->arena, out))
        return TC_OK;
    return tc_fail(b->error, TC_NOMEM, TC_NO_OFFSET, "", "out of memory");
}

/* The next name off p->rest: up to '.' or '['; extensions are written "[full.name]". */
static struct str take_name(struct parameter *p)
{
    size_t n = 0;

    if (p->rest.n && p->rest.p[0] == '[')
        n = str_find(p->rest, ']') + 1;
    else
        while (n < p->rest.n && p->rest.p[n] != '.' && p->rest.p[n] != '[')
            n++;
    struct str name = str_of(p->rest.p, n < p->rest.n ? n : p->rest.n);
    p->rest = str_skip(p->rest, n);
    return name;
}

/* "[key]" at the end of the name. */
static bool take_key(struct parameter *p)
{
    struct str rest = p->rest;

    if (rest.n < 2 || rest.p[0] != '[' || rest.p[rest.n - 1] != ']')
        return false;
    p->key = str_of(rest.p + 1, rest.n - 2);
    p->rest = STR("");
    return true;
}

/* Finds the fields that the name speaks of. False: there is no such field. */
static bool resolve(struct parameter *p, const struct tc_message *m, size_t max_depth)
{
    for (;;) {
        const struct tc_field *f = p->n < max_depth ? tc_field_by_name(m, take_name(p)) : NULL;
        if (!f)
            return false;
        p->fields[p->n++] = f;
        if (p->rest.n == 0)
            return true;
        if (p->rest.p[0] == '[')
            return take_key(p);
        if (p->rest.p[0] != '.' || p->rest.n == 1 || !tc_bind_may_enter(f))
            return false;
        p->rest = str_skip(p->rest, 1);
        m = f->message;
    }
}

static size_t depth_of(const struct tc_query_options *o)
{
    size_t depth = o->max_depth ? o->max_depth : BIND_DEPTH_DEFAULT;
    return depth < BIND_DEPTH_MAX ? depth : BIND_DEPTH_MAX;
}

static enum tc_status unknown(struct tc_binding *b, const struct parameter *p,
                              const struct tc_query_options *o)
{
    if (o->ignore_unknown)
        return TC_OK;
    if (o->no_fields)
        return refuse(b, p->name, "is unknown: the body carries all fields", STR(""));
    if (p->n && p->fields[0] == o->body_field)
        return refuse(b, p->name, "is unknown: the body carries that field", STR(""));
    const struct tc_message *m = b->message;
    for (size_t i = 0; i < p->n && tc_bind_may_enter(p->fields[i]); i++)
        m = p->fields[i]->message;
    return refuse(b, p->name, "is unknown: there is no such field in ", m->full_name);
}

static enum tc_status bind_parameter(struct tc_binding *b, struct str raw_name,
                                     struct str raw_value, const struct tc_query_options *o)
{
    struct parameter p;
    struct str value = STR("");

    p.n = 0;
    p.key = STR_NONE;
    enum tc_status status = decode(b, raw_name, raw_name, &p.name);
    if (status != TC_OK)
        return status;
    p.rest = p.name;
    if (o->no_fields || !resolve(&p, b->message, depth_of(o)) || p.fields[0] == o->body_field)
        return unknown(b, &p, o);
    status = decode(b, raw_value, p.name, &value);
    if (status != TC_OK)
        return status;
    struct bind_target t = {p.fields, p.n, p.key, "query parameter", p.name, false};
    return tc_bind_value(b, &t, value);
}

enum tc_status tc_bind_query(struct tc_binding *b, struct str query,
                             const struct tc_query_options *options)
{
    enum tc_status status = TC_OK;

    while (query.p && status == TC_OK) {
        struct str value = str_cut(&query, '&');
        struct str name = str_cut(&value, '=');
        if (name.n)
            status = bind_parameter(b, name, value.p ? value : STR(""), options);
    }
    return status;
}
