#include "gateway/expr/program.h"
#include "gateway/expr/regex.h"

const struct expr_regex *expr_regexes_get(struct expr_regexes *all, struct arena *a,
                                          struct str pattern, char *why)
{
    for (struct expr_regex_item *i = all->first; i; i = i->next)
        if (str_eq(i->pattern, pattern))
            return i->regex;
    struct expr_regex_item *item = arena_alloc(a, sizeof *item);
    struct str kept = arena_copy(a, pattern);
    if (!item || !kept.p) {
        memcpy(why, "out of memory", sizeof "out of memory");
        return NULL;
    }
    struct expr_regex *r = expr_regex_new(pattern, EXPR_REGEX_MEMORY, why);
    if (!r)
        return NULL;
    *item = (struct expr_regex_item){all->first, r, kept};
    all->first = item;
    return r;
}

void expr_regexes_release(struct expr_regexes *all)
{
    for (struct expr_regex_item *i = all->first; i; i = i->next)
        expr_regex_free(i->regex);
    all->first = NULL;
}
