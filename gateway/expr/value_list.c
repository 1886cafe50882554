#include "gateway/expr/values.h"

static uint32_t array_size(const struct expr_list *list)
{
    return ((const struct expr_array *)list)->n;
}

static struct expr_value array_at(const struct expr_list *list, struct expr_run *r, uint32_t i)
{
    (void)r;
    return ((const struct expr_array *)list)->items[i];
}

struct expr_value expr_array_init(struct expr_array *a, const struct expr_value *items, uint32_t n)
{
    *a = (struct expr_array){{array_size, array_at}, items, n};
    return (struct expr_value){.kind = EXPR_LIST, .list = &a->list};
}

struct expr_value expr_list_of(struct expr_run *r, const struct expr_value *items, uint32_t n)
{
    struct expr_array *a = expr_alloc(r, sizeof *a);
    return a ? expr_array_init(a, items, n) : expr_no_memory();
}

const struct expr_value *expr_list_items(struct expr_run *r, const struct expr_value *list,
                                         uint32_t *n, struct expr_value *error)
{
    static const struct expr_value nothing;
    *n = expr_list_size(list);
    if (*n == 0)
        return &nothing;
    if (list->list->at == array_at)
        return ((const struct expr_array *)list->list)->items;
    struct expr_value *items = expr_alloc_array(r, *n, sizeof *items);
    if (!items) {
        *error = expr_no_memory();
        return NULL;
    }
    for (uint32_t i = 0; i < *n; i++)
        items[i] = expr_list_at(r, list, i);
    return items;
}
