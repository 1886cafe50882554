#include "gateway/options.h"

#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ARGS = 48, SAID = 4096 };

/* What the run said on standard output and standard error. */
static char said[SAID];

static int divert(int fd, FILE *to)
{
    fflush(stdout);
    int kept = dup(fd);
    dup2(fileno(to), fd);
    return kept;
}

static void restore(int fd, int kept)
{
    fflush(stdout);
    dup2(kept, fd);
    close(kept);
}

/* `line` is cut at its spaces. */
static enum options_result parse(struct options *o, const char *line)
{
    static char copy[2048];
    char *argv[ARGS] = {(char[]){"postern"}}, *rest = copy, *word;
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    while ((word = strsep(&rest, " ")))
        if (*word)
            argv[argc++] = word;
    argv[argc] = NULL;

    FILE *file = tmpfile();
    assert_non_null(file);
    int out = divert(STDOUT_FILENO, file), err = divert(STDERR_FILENO, file);
    optind = 0; /* getopt begins anew */
    enum options_result r = options_parse(o, argc, argv);
    restore(STDOUT_FILENO, out);
    restore(STDERR_FILENO, err);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = 0;
    fclose(file);
    return r;
}

static void nothing_given_is_nothing_set(void **state)
{
    struct options o;
    (void)state;

    assert_int_equal(parse(&o, ""), OPTIONS_RUN);
    assert_int_equal(o.workers, -1);
    assert_int_equal(o.nlisten, 0);
    assert_int_equal(o.max_request_body, 0);
    assert_false(o.reflect || o.check);
    assert_null(o.config);
    assert_null(o.descriptors);
    assert_null(o.upstream);
    assert_null(o.admin);
    assert_null(o.access_log);
    assert_string_equal(said, "");
}

static void every_flag_is_taken(void **state)
{
    struct options o;
    (void)state;

    assert_int_equal(parse(&o,
                           "--descriptors api.pb --upstream 127.0.0.1:9001 --listen 127.0.0.1:80 "
                           "--listen=[::1]:81 --listen unix:/run/p.sock --admin 127.0.0.1:9900 "
                           "--workers 3 --max-request-body 1000 --config p.yaml --reflect "
                           "--access-log - --check"),
                     OPTIONS_RUN);
    assert_string_equal(o.descriptors, "api.pb");
    assert_string_equal(o.upstream, "127.0.0.1:9001");
    assert_int_equal(o.nlisten, 3);
    assert_string_equal(o.listen[1], "[::1]:81");
    assert_string_equal(o.admin, "127.0.0.1:9900");
    assert_string_equal(o.config, "p.yaml");
    assert_string_equal(o.access_log, "-");
    assert_int_equal(o.workers, 3);
    assert_int_equal(o.max_request_body, 1000);
    assert_true(o.reflect && o.check);
    assert_int_equal(parse(&o, "--workers 0"), OPTIONS_RUN);
    assert_int_equal(o.workers, 0);
}

static void a_mistake_is_one_line_with_flag_and_remedy(void **state)
{
    static const struct {
        const char *line, *part;
    } cases[] = {
        {"--workers many", "--workers many: "},
        {"--workers -1", "--workers -1: "},
        {"--workers 1025", "--workers 1025: "},
        {"--max-request-body 0", "from 1 up"},
        {"--max-request-body 1k", "--max-request-body 1k: "},
        {"--max-request-body 99999999999999999999", "--max-request-body"},
        {"--listen 8080", "host:port"},
        {"--listen 127.0.0.1:99999", "--listen 127.0.0.1:99999: "},
        {"--admin nowhere", "--admin nowhere: "},
        {"--frobnicate", "frobnicate"},
        {"--upstream", "upstream"},
        {"--check=yes", "check"},
        {"api.pb", "api.pb: not a flag"},
        {"-x", "x"},
    };
    struct options o;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (parse(&o, cases[i].line) != OPTIONS_BAD)
            fail_msg("%s is taken", cases[i].line);
        if (!strstr(said, cases[i].part) || strncmp(said, "postern: ", 9) != 0)
            fail_msg("%s: %s", cases[i].line, said);
        assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
    }
}

static void listeners_have_a_ceiling(void **state)
{
    char line[2048];
    size_t n = 0;
    struct options o;
    (void)state;

    for (int i = 0; i < OPTIONS_LISTEN_MAX; i++)
        n += (size_t)snprintf(line + n, sizeof line - n, "--listen 127.0.0.1:80 ");
    assert_int_equal(parse(&o, line), OPTIONS_RUN);
    assert_int_equal(o.nlisten, OPTIONS_LISTEN_MAX);
    snprintf(line + n, sizeof line - n, "--listen 127.0.0.1:80");
    assert_int_equal(parse(&o, line), OPTIONS_BAD);
    assert_non_null(strstr(said, "too many"));
}

static void help_and_version_are_answered(void **state)
{
    static const char *flags[] = {"--descriptors", "--reflect",    "--upstream",
                                  "--listen",      "--admin",      "--workers",
                                  "--config",      "--check",      "--max-request-body",
                                  "--help",        "--access-log", "--version"};
    struct options o;
    (void)state;

    assert_int_equal(parse(&o, "--help"), OPTIONS_DONE);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        assert_non_null(strstr(said, flags[i]));
    assert_int_equal(parse(&o, "--version"), OPTIONS_DONE);
    assert_int_equal(strncmp(said, "postern ", 8), 0);
}

static void a_request_may_be_explained(void **state)
{
    struct options o;

    (void)state;
    assert_int_equal(parse(&o, "explain GET /v1/x?a=b --descriptors a.pb --upstream h:1"),
                     OPTIONS_RUN);
    assert_string_equal(o.explain_method, "GET");
    assert_string_equal(o.explain_target, "/v1/x?a=b");
    assert_string_equal(o.descriptors, "a.pb");
    assert_string_equal(o.upstream, "h:1");
    assert_int_equal(parse(&o, "explain GET"), OPTIONS_BAD);
    assert_int_equal(parse(&o, "explain --descriptors a.pb /x"), OPTIONS_BAD);
    assert_int_equal(parse(&o, "explain GET /x y"), OPTIONS_BAD);
    assert_int_equal(parse(&o, "explained GET /x"), OPTIONS_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_given_is_nothing_set),
        cmocka_unit_test(a_request_may_be_explained),
        cmocka_unit_test(every_flag_is_taken),
        cmocka_unit_test(a_mistake_is_one_line_with_flag_and_remedy),
        cmocka_unit_test(listeners_have_a_ceiling),
        cmocka_unit_test(help_and_version_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
