#include "transcoder/bind_internal.h"
#include "transcoder/percent_check.h"

static enum tc_status decode(struct tc_binding *b, const struct bind_target *t, struct str raw,
                             struct str *out)
{
    if (!tc_percent_valid(raw))
        return tc_bind_unknown(b, t, "is not percent-encoded UTF-8 without NUL", STR(""));
    if (tc_percent_decode(raw, TC_DECODE_QUERY, b->arena, out))
        return TC_OK;
    return tc_fail(b->error, TC_NOMEM, TC_NO_OFFSET, "", "out of memory");
}

/* The next name off p->rest: up to '.' or '['; extensions are written "[full.name]". */
static struct str take_name(struct bind_name *p)
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
static bool take_key(struct bind_name *p)
{
    struct str rest = p->rest;

    if (rest.n < 2 || rest.p[0] != '[' || rest.p[rest.n - 1] != ']')
        return false;
    p->key = str_of(rest.p + 1, rest.n - 2);
    p->rest = STR("");
    return true;
}

bool tc_bind_resolve(struct bind_name *p, const struct tc_message *m, size_t max_depth)
{
    for (;;) {
        p->too_deep = p->n >= max_depth;
        const struct tc_field *f = p->too_deep ? NULL : tc_field_by_name(m, take_name(p));
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

static enum tc_status unknown(struct tc_binding *b, const struct bind_target *t,
                              const struct tc_query_options *o)
{
    if (o->ignore_unknown)
        return TC_OK;
    if (o->no_fields)
        return tc_bind_unknown(b, t, "is unknown: the body carries all fields", STR(""));
    if (t->n && t->fields[0] == o->body_field)
        return tc_bind_unknown(b, t, "is unknown: the body carries that field", STR(""));
    const struct tc_message *m = b->message;
    for (size_t i = 0; i < t->n && tc_bind_may_enter(t->fields[i]); i++)
        m = t->fields[i]->message;
    return tc_bind_unknown(b, t, "is unknown: there is no such field in ", m->full_name);
}

static enum tc_status bind_parameter(struct tc_binding *b, struct bind_target *t, struct str value,
                                     const struct tc_query_options *o)
{
    struct bind_name p;

    p.n = 0;
    p.key = STR_NONE;
    p.too_deep = false;
    enum tc_status status = decode(b, t, t->name, &p.name);
    if (status != TC_OK)
        return status;
    t->name = p.rest = p.name;
    bool known = !o->no_fields && tc_bind_resolve(&p, b->message, depth_of(o));
    t->fields = p.fields;
    t->n = p.n;
    t->key = p.key;
    if (p.too_deep && p.fields[0] != o->body_field)
        status = tc_bind_too_deep(b, t, depth_of(o));
    else if (!known || p.fields[0] == o->body_field)
        status = unknown(b, t, o);
    else if ((status = decode(b, t, value, &value)) == TC_OK)
        status = tc_bind_value(b, t, value);
    t->fields = NULL; /* p's */
    t->n = 0;
    return status;
}

enum tc_status tc_bind_query(struct tc_binding *b, struct str query,
                             const struct tc_query_options *options)
{
    const char *start = query.p;
    enum tc_status status = TC_OK;

    while (query.p && status == TC_OK) {
        struct bind_target t = {.what = "query parameter", .in_target = true};
        t.offset = options->offset + (size_t)(query.p - start);
        struct str value = str_cut(&query, '&');
        t.name = str_cut(&value, '=');
        if (t.name.n || value.p) /* nothing between two '&' is nothing; a value needs a name */
            status = bind_parameter(b, &t, value.p ? value : STR(""), options);
    }
    return status;
}
