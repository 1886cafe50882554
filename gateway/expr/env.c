#include "gateway/expr/internal.h"

struct expr_env *expr_env_new(const struct expr_env_spec *spec)
{
    struct expr_env *env = arena_alloc(spec->arena, sizeof *env);

    if (!env || !expr_functions_init(&env->functions, spec->arena))
        return NULL;
    env->container = arena_copy(spec->arena, spec->container);
    env->refuse_dyn = spec->refuse_dyn;
    env->target = (struct expr_target){
        .arena = spec->arena,
        .schema = spec->schema,
        .taps = &env->taps,
        .regexes = &env->regexes,
        .max_items = spec->max_items ? spec->max_items : EXPR_ITEMS_DEFAULT,
        .max_cost = spec->max_cost ? spec->max_cost : EXPR_COST_DEFAULT,
        .refuse_failing = spec->refuse_failing,
    };
    return env->container.p ? env : NULL;
}

void expr_env_release(struct expr_env *env)
{
    if (env)
        expr_regexes_release(&env->regexes);
}

uint32_t expr_declare(struct expr_env *env, struct str name, const struct expr_type *type,
                      uint32_t flags)
{
    if (!type)
        return UINT32_MAX;
    if (env->nvariables == env->variable_room) {
        uint32_t room = env->variable_room ? 2 * env->variable_room : 16;
        struct expr_variable *more = arena_array(env->target.arena, room, sizeof *more);
        if (!more)
            return UINT32_MAX;
        if (env->nvariables)
            memcpy(more, env->variables, env->nvariables * sizeof *more);
        env->variables = more;
        env->variable_room = room;
    }
    struct str kept = arena_copy(env->target.arena, name);
    if (!kept.p)
        return UINT32_MAX;
    env->variables[env->nvariables] = (struct expr_variable){kept, type, flags};
    return env->nvariables++;
}

uint32_t expr_env_slots(const struct expr_env *env)
{
    return env->nvariables;
}

uint32_t expr_env_taps(const struct expr_env *env, const struct expr_tap **taps)
{
    if (taps)
        *taps = env->taps.list;
    return env->taps.n;
}

const struct expr_target *expr_env_target(const struct expr_env *env)
{
    return &env->target;
}
