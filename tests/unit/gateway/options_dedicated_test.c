/* The command line of a gateway that has its schema inside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <getopt.h>

#include "gateway/load.h"

/* What makes it one: tools/make-gateway.sh links such a pointer in. */
static const struct tc_schema inside;
const struct tc_schema *const postern_builtin_schema = &inside;

enum { ARGS = 8, SAID = 1024 };
static char said[SAID];

/* Standard error of the run stands in `said`. */
static enum options_result parse(struct options *o, int argc, char **argv)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    int kept = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    optind = 0; /* getopt begins anew */
    enum options_result r = options_parse(o, argc, argv);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = 0;
    fclose(file);
    return r;
}

static void descriptors_are_refused_and_the_line_says_why(void **state)
{
    struct options o;
    char *argv[ARGS] = {(char[]){"api-gateway"}, (char[]){"--descriptors"}, (char[]){"api.pb"}};
    (void)state;
    assert_int_equal(parse(&o, 3, argv), OPTIONS_BAD);
    assert_string_equal(said, "postern: --descriptors api.pb: " OPTIONS_SCHEMA_INSIDE "\n");
}

static void every_other_flag_is_taken(void **state)
{
    struct options o;
    char *argv[ARGS] = {(char[]){"api-gateway"}, (char[]){"--reflect"}, (char[]){"--check"},
                        (char[]){"--upstream=127.0.0.1:9001"}, (char[]){"--workers=2"}};
    (void)state;
    assert_int_equal(parse(&o, 5, argv), OPTIONS_RUN);
    assert_string_equal(said, "");
    assert_string_equal(o.upstream, "127.0.0.1:9001");
    assert_int_equal(o.workers, 2);
    assert_true(o.reflect && o.check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_are_refused_and_the_line_says_why),
        cmocka_unit_test(every_other_flag_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
