#include "gateway/expr/tap.h"

/* Fields that one pass over a message looks for; more of one message take another pass. */
enum { SEEKS = 32 };

static void collect(struct expr_run *r, const struct expr_tap_node *n, struct str message,
                    struct expr_value *taps);

static void set(struct expr_value *taps, uint32_t tap, struct expr_value v)
{
    if (tap != EXPR_NO_TAP)
        taps[tap] = v;
}

/* All taps below a node. */
static void set_all(const struct expr_tap_node *n, struct expr_value *taps, struct expr_value v)
{
    set(taps, n->whole, v);
    for (uint32_t i = 0; i < n->n; i++) {
        set(taps, n->fields[i].value, v);
        set(taps, n->fields[i].test, v);
        if (n->fields[i].into)
            set_all(n->fields[i].into, taps, v);
    }
}

/* The error is made anew for each: it names the message that could not be read. */
static void take(struct expr_run *r, const struct expr_tap_field *f, const struct expr_seek *s,
                 struct expr_value *taps)
{
    struct str inner;
    set(taps, f->test, expr_bool(expr_seek_has(s)));
    if (f->value != EXPR_NO_TAP)
        taps[f->value] = expr_seek_value(r, s);
    if (!f->into)
        return;
    if (expr_seek_message(r, s, &inner))
        collect(r, f->into, inner, taps);
    else
        set_all(f->into, taps, expr_no_memory());
}

static void collect(struct expr_run *r, const struct expr_tap_node *n, struct str message,
                    struct expr_value *taps)
{
    set(taps, n->whole,
        (struct expr_value){.kind = EXPR_MESSAGE, .s = message, .message = n->message});
    for (uint32_t from = 0; from < n->n; from += SEEKS) {
        struct expr_seek seeks[SEEKS];
        uint32_t count = n->n - from < SEEKS ? n->n - from : SEEKS;
        for (uint32_t i = 0; i < count; i++)
            seeks[i] = (struct expr_seek){.field = n->fields[from + i].field};
        if (!expr_seek_all(n->message, message, seeks, count)) {
            set_all(n, taps, expr_malformed(r, n->message));
            return;
        }
        for (uint32_t i = 0; i < count; i++)
            take(r, &n->fields[from + i], &seeks[i], taps);
    }
}

static const struct expr_tap_node *root_of(const struct expr_target *t, uint32_t slot)
{
    return slot < t->taps->nroots ? t->taps->roots[slot] : NULL;
}

void expr_collect(const struct expr_env *env, uint32_t slot, struct str message,
                  struct expr_value *taps, struct expr_scratch *scratch)
{
    const struct expr_target *t = expr_env_target(env);
    const struct expr_tap_node *root = root_of(t, slot);
    struct expr_run r = {
        .scratch = scratch, .schema = t->schema, .steps = t->max_cost, .max_items = t->max_items};
    if (root)
        collect(&r, root, message, taps);
}

void expr_collect_absent(const struct expr_env *env, uint32_t slot, struct expr_value *taps)
{
    const struct expr_tap_node *root = root_of(expr_env_target(env), slot);
    if (root)
        set_all(root, taps, expr_absent());
}
