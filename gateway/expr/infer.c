#include "gateway/expr/infer.h"

static const struct expr_type *made(struct expr_infer *in, const struct expr_type *t)
{
    in->out_of_memory = in->out_of_memory || !t;
    return t ? t : &expr_type_error;
}

/* `t` with other parts. */
static const struct expr_type *with_parts(struct expr_infer *in, const struct expr_type *t,
                                          const struct expr_type *key, const struct expr_type *of)
{
    if (key == t->key && of == t->of)
        return t;
    struct expr_type *kept = arena_alloc(in->arena, sizeof *kept);
    if (kept) {
        *kept = *t;
        kept->key = key;
        kept->of = of;
    }
    return made(in, kept);
}

/* Room for one more of `size` bytes behind `n`: the array, moved when it was full. */
static void *grown(struct expr_infer *in, void *array, uint32_t n, uint32_t *room, size_t size)
{
    if (n < *room)
        return array;
    uint32_t more = *room ? 2 * *room : 32;
    void *moved = arena_array(in->arena, more, size);
    if (!moved) {
        in->out_of_memory = true;
        return NULL;
    }
    if (n)
        memcpy(moved, array, n * size);
    *room = more;
    return moved;
}

const struct expr_type *expr_infer_fresh(struct expr_infer *in)
{
    struct expr_type *t = arena_alloc(in->arena, sizeof *t);
    const struct expr_type **bound = grown(in, in->bound, in->n, &in->room, sizeof *bound);

    if (!t || !bound)
        return made(in, NULL);
    in->bound = bound;
    in->bound[in->n] = NULL;
    *t = (struct expr_type){.kind = EXPR_PARAM, .param = in->n++};
    return t;
}

const struct expr_type *expr_infer_instantiate(struct expr_infer *in, const struct expr_type *t,
                                               const struct expr_type *const *vars)
{
    if (t->kind == EXPR_PARAM)
        return vars[t->param];
    if (!t->of)
        return t;
    const struct expr_type *key = t->key ? expr_infer_instantiate(in, t->key, vars) : NULL;
    return with_parts(in, t, key, expr_infer_instantiate(in, t->of, vars));
}

static const struct expr_type *binding(const struct expr_infer *in, const struct expr_type *t)
{
    return t->kind == EXPR_PARAM ? in->bound[t->param] : NULL;
}

const struct expr_type *expr_infer_top(const struct expr_infer *in, const struct expr_type *t)
{
    for (const struct expr_type *next; (next = binding(in, t));)
        t = next;
    return t;
}

/* The variable that is bound to the top of `t`; NULL when `t` is no variable or a free one. */
static const struct expr_type *last_variable(const struct expr_infer *in, const struct expr_type *t)
{
    const struct expr_type *last = NULL;

    for (const struct expr_type *next; (next = binding(in, t)); t = next)
        last = t;
    return last;
}

static bool occurs(const struct expr_infer *in, const struct expr_type *variable,
                   const struct expr_type *t)
{
    for (; t; t = t->of) {
        t = expr_infer_top(in, t);
        if (t == variable || (t->key && occurs(in, variable, t->key)))
            return true;
    }
    return false;
}

static bool bind(struct expr_infer *in, const struct expr_type *variable,
                 const struct expr_type *to)
{
    if (occurs(in, variable, to))
        return false;
    struct expr_binding *trail = grown(in, in->trail, in->ntrail, &in->trail_room, sizeof *trail);
    if (!trail)
        return true;
    in->trail = trail;
    trail[in->ntrail++] = (struct expr_binding){variable->param, in->bound[variable->param]};
    in->bound[variable->param] = to;
    return true;
}

uint32_t expr_infer_mark(const struct expr_infer *in)
{
    return in->ntrail;
}

void expr_infer_take_back(struct expr_infer *in, uint32_t mark)
{
    while (in->ntrail > mark) {
        in->ntrail--;
        in->bound[in->trail[in->ntrail].variable] = in->trail[in->ntrail].before;
    }
}

/* Null stands where messages and wrappers stand. */
static bool nullable(const struct expr_type *t)
{
    switch (t->kind) {
    case EXPR_MESSAGE:
    case EXPR_TIMESTAMP:
    case EXPR_DURATION:
    case EXPR_WRAPPER:
    case EXPR_OPTIONAL:
    case EXPR_IP:
    case EXPR_CIDR: return true;
    default: return false;
    }
}

static bool wraps(const struct expr_type *wrapper, const struct expr_type *t)
{
    return wrapper->kind == EXPR_WRAPPER && wrapper->of->kind == t->kind;
}

static bool is_any(const struct expr_type *t)
{
    return t->kind == EXPR_DYN || t->kind == EXPR_ERROR;
}

/* All types are of one kind at run time; parameters are bound where that can be. */
static bool compatible_types(struct expr_infer *in, const struct expr_type *a,
                             const struct expr_type *b)
{
    uint32_t mark = expr_infer_mark(in);

    if (a->of && b->of && !expr_infer_fits(in, a->of, b->of))
        expr_infer_take_back(in, mark);
    return true;
}

/* Neither is a variable. */
static bool compatible(struct expr_infer *in, const struct expr_type *a, const struct expr_type *b)
{
    if (is_any(a) || is_any(b) || wraps(a, b) || wraps(b, a))
        return true;
    if (a->kind == EXPR_NULL && b->kind != EXPR_NULL)
        return nullable(b);
    if (b->kind == EXPR_NULL && a->kind != EXPR_NULL)
        return nullable(a);
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case EXPR_MESSAGE: return a->message == b->message;
    case EXPR_WRAPPER: return a->of->kind == b->of->kind;
    case EXPR_MAP: return expr_infer_fits(in, a->key, b->key) && expr_infer_fits(in, a->of, b->of);
    case EXPR_TYPE: return compatible_types(in, a, b);
    case EXPR_LIST:
    case EXPR_OPTIONAL: return expr_infer_fits(in, a->of, b->of);
    default: return true;
    }
}

/* Types without a part that says more than dyn. */
static const struct expr_type *general_of_types(struct expr_infer *in, const struct expr_type *a,
                                                const struct expr_type *b)
{
    const struct expr_type *x = a->of ? expr_infer_resolve(in, a->of, NULL) : NULL;
    const struct expr_type *y = b->of ? expr_infer_resolve(in, b->of, NULL) : NULL;

    if (x == y || (x && y && expr_type_equal(x, y)))
        return a;
    return made(in, expr_type_type(in->arena, &expr_type_dyn));
}

/* The more general of two that fit. */
static const struct expr_type *general(struct expr_infer *in, const struct expr_type *a,
                                       const struct expr_type *b)
{
    a = expr_infer_top(in, a);
    b = expr_infer_top(in, b);
    if (a == b || b->kind == EXPR_ERROR || a->kind == EXPR_DYN || wraps(a, b) ||
        (b->kind == EXPR_NULL && a->kind != EXPR_ERROR))
        return a;
    if (a->kind == EXPR_ERROR || b->kind == EXPR_DYN || wraps(b, a) || a->kind == EXPR_NULL)
        return b;
    if (a->kind == EXPR_TYPE)
        return general_of_types(in, a, b);
    if (!a->of || a->kind == EXPR_WRAPPER)
        return a;
    const struct expr_type *key = a->key ? general(in, a->key, b->key) : NULL;
    const struct expr_type *of = general(in, a->of, b->of);
    bool keep = of == expr_infer_top(in, a->of) && (!key || key == expr_infer_top(in, a->key));
    return keep ? a : with_parts(in, a, key, of);
}

bool expr_infer_fits(struct expr_infer *in, const struct expr_type *a, const struct expr_type *b)
{
    const struct expr_type *top_a = expr_infer_top(in, a), *top_b = expr_infer_top(in, b);

    if (top_a == top_b)
        return true;
    /* The younger of two variables is bound, so that chains stay short. */
    if (top_a->kind == EXPR_PARAM && top_b->kind == EXPR_PARAM && top_a->param < top_b->param)
        return bind(in, top_b, top_a);
    if (top_a->kind == EXPR_PARAM)
        return bind(in, top_a, top_b);
    if (top_b->kind == EXPR_PARAM)
        return bind(in, top_b, top_a);
    if (!compatible(in, top_a, top_b))
        return false;
    const struct expr_type *va = last_variable(in, a), *vb = last_variable(in, b);
    if (!va && !vb)
        return true;
    const struct expr_type *g = general(in, top_a, top_b);
    if (va && g != top_a)
        (void)bind(in, va, g); /* a part of neither: always can be */
    if (vb && g != top_b)
        (void)bind(in, vb, g);
    return true;
}

const struct expr_type *expr_infer_join(struct expr_infer *in, const struct expr_type *a,
                                        const struct expr_type *b)
{
    uint32_t mark = expr_infer_mark(in);

    if (a == b || expr_infer_fits(in, a, b))
        return general(in, a, b);
    expr_infer_take_back(in, mark);
    return &expr_type_dyn;
}

const struct expr_type *expr_infer_resolve(struct expr_infer *in, const struct expr_type *t,
                                           const struct expr_type *free)
{
    t = expr_infer_top(in, t);
    if (t->kind == EXPR_PARAM)
        return free ? free : t;
    if (!t->of)
        return t;
    const struct expr_type *key = t->key ? expr_infer_resolve(in, t->key, free) : NULL;
    return with_parts(in, t, key, expr_infer_resolve(in, t->of, free));
}
