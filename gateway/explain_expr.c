#include "gateway/core/clock.h"
#include "gateway/explain_internal.h"
#include "gateway/policy/attributes.h"
#include "transcoder/encode.h"

enum { BLOCK = 16 << 10, MEMORY_MAX = 256 << 20, VALUE_SHOWN = 400 };

/* "request.parameters.kind" of a tap. */
static struct str tap_name(const struct explanation *e, const struct expr_tap *t)
{
    struct str text = t->slot == ATTRIBUTE_REQUEST ? STR("request") : STR("response");
    for (uint32_t i = 0; i < t->depth; i++)
        text = arena_printf(e->arena, "%.*s.%.*s", STR_ARG(text), STR_ARG(t->path[i]->name));
    return text;
}

static void explain_reads(const struct explanation *e, const struct plan_probe *p)
{
    const struct expr_program *program = p->expr.program;
    const struct plan_attributes *a = p->policy->attributes;
    const struct expr_tap *taps;
    struct str text = STR("");

    expr_env_taps(a->env, &taps);
    for (uint32_t i = 0; i < program->ntaps; i++)
        text = arena_printf(e->arena, "%.*s%s%.*s", STR_ARG(text), text.n ? ", " : "",
                            STR_ARG(tap_name(e, &taps[program->taps[i]])));
    for (uint32_t i = 0; i < program->nslots; i++) {
        uint32_t slot = program->slots[i];
        if (slot > ATTRIBUTE_RESPONSE)
            text = arena_printf(e->arena, "%.*s%s%.*s", STR_ARG(text), text.n ? ", " : "",
                                STR_ARG(attributes_name(a, slot, e->arena)));
    }
    EXPLAIN(e, "reads", "%.*s", STR_ARG(text.n ? text : STR("nothing: it is a constant")));
}

/* JSON -> the message's bytes, in the arena. */
static bool read_request(const struct explanation *e, const struct plan_probe *p, struct str json,
                         struct str *out)
{
    struct tc_encode_spec spec = {.schema = e->s->plan->schema,
                                  .message = p->policy->method->input,
                                  .max_depth = e->s->bounds.json_depth};
    struct tc_error error = {0};
    struct buf wire;
    buf_init(&wire, MEMORY_MAX);
    struct tc_encoder *encoder = tc_encoder_new(e->arena, &spec, &wire, &error);
    enum tc_status st = encoder ? tc_encode_feed(encoder, json) : TC_NOMEM;
    if (st == TC_OK || st == TC_MORE)
        st = tc_encode_finish(encoder);
    *out = st == TC_OK ? arena_copy(e->arena, buf_str(&wire)) : STR_NONE;
    buf_release(&wire);
    if (st != TC_OK)
        EXPLAIN(e, "refused", "400: %s%s%s (at byte %zu of the request)", error.path,
                error.path[0] ? ": " : "", error.text, error.offset);
    return st == TC_OK && out->p;
}

/* Only the request and the time are known here; what else it reads is absent. */
static bool explain_value(const struct explanation *e, const struct plan_probe *p, struct str json)
{
    const struct expr_env *env = p->policy->attributes->env;
    uint32_t nslots = expr_env_slots(env), ntaps = expr_env_taps(env, NULL);
    struct expr_value *slots = arena_array(e->arena, nslots, sizeof *slots);
    struct expr_value *taps = arena_array(e->arena, ntaps, sizeof *taps);
    struct expr_scratch tapped = {arena_alloc(e->arena, EXCHANGE_SCRATCH), EXCHANGE_SCRATCH, 0};
    struct expr_scratch scratch = {arena_alloc(e->arena, EXCHANGE_SCRATCH), EXCHANGE_SCRATCH, 0};
    struct str wire;

    if (!slots || !taps || !tapped.p || !scratch.p || !read_request(e, p, json, &wire))
        return false;
    for (uint32_t i = 0; i < nslots; i++)
        slots[i] = expr_absent();
    attributes_alone(p->policy, wire, slots);
    expr_collect(env, ATTRIBUTE_REQUEST, wire, taps, &tapped);
    expr_collect_absent(env, ATTRIBUTE_RESPONSE, taps);
    struct expr_value v = expr_eval(p->expr.program, slots, taps, &scratch);
    if (v.kind == EXPR_ERROR)
        EXPLAIN(e, "fails", "%.*s", STR_ARG(v.error->text));
    else
        EXPLAIN(e, "value", "%.*s", STR_ARG(expr_value_text(e->arena, &v, VALUE_SHOWN)));
    return v.kind != EXPR_ERROR;
}

bool explain_expr(const struct snapshot *s, struct str request, struct buf *out)
{
    static const char *const when[] = {"as soon as the head of the request is there",
                                       "when the request message is complete",
                                       "for each message of the answer"};
    const struct plan_probe *p = s->plan->probe;
    const struct expr_program *program = p->expr.program;
    struct arena arena;
    struct explanation e = {.s = s, .arena = &arena, .out = out};

    arena_init(&arena, BLOCK, MEMORY_MAX);
    EXPLAIN(&e, "expr", "%.*s", STR_ARG(program->source));
    EXPLAIN(&e, "rpc", "%.*s", STR_ARG(p->policy->method->full_name));
    EXPLAIN(&e, "type", "%.*s", STR_ARG(expr_type_text(&arena, program->type)));
    EXPLAIN(&e, "when", "%s", when[p->expr.when]);
    EXPLAIN(&e, "cost", "at most %llu steps", (unsigned long long)program->cost);
    explain_reads(&e, p);
    bool ok = request.n == 0 || explain_value(&e, p, request);
    arena_release(&arena);
    return ok;
}
