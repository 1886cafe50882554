#include "gateway/expr/internal.h"

const struct expr_program *expr_compile(struct expr_env *env, struct str source,
                                        const struct expr_type *want, struct expr_faults *faults)
{
    struct str kept = arena_copy(env->target.arena, source);
    if (!kept.p) {
        faults->out_of_memory = true;
        return NULL;
    }
    struct expr_node *root = expr_parse(env->target.arena, kept, faults);
    if (!root || !expr_check(env, kept, root, want, faults))
        return NULL;
    return expr_generate(&env->target, root, kept, faults);
}
