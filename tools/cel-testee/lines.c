#include "tools/cel-testee/testee.h"

#include <stdio.h>
#include <stdlib.h>

/* The variables that both sides know. */
static void declare(struct trial *t)
{
    static const struct expr_value ints[] = {
        {.kind = EXPR_INT, .i = 1}, {.kind = EXPR_INT, .i = 2}, {.kind = EXPR_INT, .i = 3}};
    static const struct expr_value strings[] = {{.kind = EXPR_STRING, .s = STR_INIT("a")},
                                                {.kind = EXPR_STRING, .s = STR_INIT("bc")}};
    struct expr_pair *pairs = must(arena_array(&t->arena, 2, sizeof *pairs));
    struct arena *a = &t->arena;

    pairs[0] = (struct expr_pair){strings[0], ints[0]};
    pairs[1] = (struct expr_pair){strings[1], ints[1]};
    trial_declare(t, STR("i"), &expr_type_int);
    trial_bind(t, STR("i"), expr_int(7));
    trial_declare(t, STR("u"), &expr_type_uint);
    trial_bind(t, STR("u"), expr_uint(9));
    trial_declare(t, STR("d"), &expr_type_double);
    trial_bind(t, STR("d"), expr_double(2.5));
    trial_declare(t, STR("s"), &expr_type_string);
    trial_bind(t, STR("s"), expr_string(STR("h\xc3\xa9llo")));
    trial_declare(t, STR("b"), &expr_type_bool);
    trial_bind(t, STR("b"), expr_bool(true));
    trial_declare(t, STR("li"), expr_type_list(a, &expr_type_int));
    trial_bind(t, STR("li"), expr_list_of(&t->run, ints, 3));
    trial_declare(t, STR("ls"), expr_type_list(a, &expr_type_string));
    trial_bind(t, STR("ls"), expr_list_of(&t->run, strings, 2));
    trial_declare(t, STR("m"), expr_type_map(a, &expr_type_string, &expr_type_int));
    trial_bind(t, STR("m"), expr_map_of(&t->run, pairs, 2, EXPR_REPEATED_FAILS));
    trial_declare(t, STR("x"), &expr_type_dyn);
    trial_bind(t, STR("x"), expr_int(3));
}

static void answer(struct trial *t, struct str source)
{
    declare(t);
    if (!trial_compile(t, source)) {
        printf("refused\t%.*s\n",
               STR_ARG(t->faults.first ? t->faults.first->text : STR("out of memory")));
        return;
    }
    struct expr_value v = trial_eval(t);
    printf("%.*s\t", STR_ARG(expr_type_text(&t->arena, t->program->type)));
    value_print(t, &v);
    if (v.kind == EXPR_ERROR)
        printf("\t%.*s", STR_ARG(v.error->text));
    printf("\n");
}

int lines_run(const struct tc_schema *schema)
{
    char *memory = must(malloc(SCRATCH)), *line = NULL;
    size_t room = 0;
    ssize_t n;

    while ((n = getline(&line, &room, stdin)) > 0) {
        struct trial t;
        trial_init(&t, schema, STR(""), str_of(memory, SCRATCH));
        if (line[n - 1] == '\n')
            n--;
        answer(&t, str_of(line, (size_t)n));
        trial_release(&t);
    }
    free(line);
    free(memory);
    return 0;
}
