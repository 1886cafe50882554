/* expressions MS: what an evaluation of a policy's expression costs, in the quietest of the batches
 * that fit into MS milliseconds of CPU time; a JSON object of expression to ns. */
#include "gateway/expr/expr.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCH = 20000, MEMORY = 64 << 10, TIER = 0, SCOPES, MODEL, MODELS, HEADERS, NOW, SLOTS };

static const char *const sources[] = {
    "caller.tier == 'gold'",
    "'infer' in caller.scopes && request.model in claims.models",
    "caller.scopes.exists(s, s.startsWith('inf'))",
    "request.model.matches('^(tiny|large)(-[0-9]+b)?$')",
    "headers['x-team'] == 'search' && now.getHours('+01:00') < 18",
    "cidr('10.0.0.0/8').containsIP(headers['x-forwarded-for'])",
};

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *source, struct str why)
{
    fprintf(stderr, "expressions: %s: %.*s\n", source, STR_ARG(why));
    exit(1);
}

static struct expr_env *environment(struct arena *a)
{
    struct expr_env_spec spec = {.arena = a};
    struct expr_env *env = expr_env_new(&spec);
    const struct expr_type *strings = expr_type_list(a, &expr_type_string);

    expr_declare(env, STR("caller.tier"), &expr_type_string, 0);
    expr_declare(env, STR("caller.scopes"), strings, 0);
    expr_declare(env, STR("request.model"), &expr_type_string, 0);
    expr_declare(env, STR("claims.models"), strings, 0);
    expr_declare(env, STR("headers"), expr_type_map(a, &expr_type_string, &expr_type_string), 0);
    expr_declare(env, STR("now"), &expr_type_timestamp, 0);
    return env;
}

static double measure(const struct expr_program *p, const struct expr_value *slots, uint64_t ms)
{
    static char memory[MEMORY];
    uint64_t best = UINT64_MAX;
    for (uint64_t end = cpu_ns() + ms * 1000000; cpu_ns() < end;) {
        uint64_t start = cpu_ns();
        for (int i = 0; i < BATCH; i++) {
            struct expr_scratch scratch = {memory, sizeof memory, 0};
            struct expr_value v = expr_eval(p, slots, NULL, &scratch);
            if (v.kind != EXPR_BOOL || !v.b)
                die(p->source.p, STR("is not true"));
        }
        uint64_t spent = cpu_ns() - start;
        best = spent < best ? spent : best;
    }
    return (double)best / BATCH;
}

int main(int argc, char **argv)
{
    struct arena a;
    struct expr_array scopes, models;
    struct expr_pairs headers;
    const struct expr_value scope_items[] = {expr_string(STR("read")), expr_string(STR("write")),
                                             expr_string(STR("admin")), expr_string(STR("infer"))};
    const struct expr_value model_items[] = {expr_string(STR("llama-7b")),
                                             expr_string(STR("mixtral")), expr_string(STR("large")),
                                             expr_string(STR("tiny"))};
    const struct expr_pair header_items[] = {
        {expr_string(STR("accept")), expr_string(STR("*/*"))},
        {expr_string(STR("x-forwarded-for")), expr_string(STR("10.1.2.3"))},
        {expr_string(STR("x-team")), expr_string(STR("search"))}};

    arena_init(&a, 1 << 16, (size_t)64 << 20);
    struct expr_env *env = environment(&a);
    const struct expr_value slots[SLOTS] = {
        [TIER] = expr_string(STR("gold")),
        [SCOPES] = expr_array_init(&scopes, scope_items, 4),
        [MODEL] = expr_string(STR("tiny")),
        [MODELS] = expr_array_init(&models, model_items, 4),
        [HEADERS] = expr_pairs_init(&headers, header_items, 3),
        [NOW] = {.kind = EXPR_TIMESTAMP, .time = {1767323045, 0}},
    };
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        struct expr_faults faults = {.first = NULL};
        const struct expr_program *p = expr_compile(env, str_c(sources[i]), &expr_type_bool,
                                                    &faults);
        if (!p)
            die(sources[i], faults.first ? faults.first->text : STR("out of memory"));
        printf("%s\"%s\": %.1f", i ? ", " : "{", sources[i],
               measure(p, slots, argc > 1 ? strtoull(argv[1], NULL, 10) : 300));
    }
    puts("}");
    expr_env_release(env);
    arena_release(&a);
    return 0;
}
