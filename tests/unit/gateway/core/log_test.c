#include "gateway/core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "transcoder/json_lexer.h"

/* Standard error is a pipe while a test runs. */
struct capture {
    int saved, reading;
    char text[1 << 17];
    size_t n;
};

static int redirect(void **state)
{
    static struct capture c;
    int p[2];
    c.saved = dup(STDERR_FILENO);
    if (pipe(p) != 0)
        return -1;
    dup2(p[1], STDERR_FILENO);
    close(p[1]);
    c.reading = p[0];
    fcntl(p[0], F_SETFL, O_NONBLOCK);
    log_set_level(LOG_LEVEL_INFO);
    *state = &c;
    return 0;
}

static int restore(void **state)
{
    struct capture *c = *state;
    dup2(c->saved, STDERR_FILENO);
    close(c->saved);
    close(c->reading);
    return 0;
}

static struct str captured(struct capture *c)
{
    ssize_t n;
    c->n = 0;
    while ((n = read(c->reading, c->text + c->n, sizeof c->text - c->n)) > 0)
        c->n += (size_t)n;
    return str_of(c->text, c->n);
}

static void assert_json_line(struct str line)
{
    struct arena arena;
    struct tc_lexer l;
    enum tc_json_token t;

    arena_init(&arena, 4096, 1 << 20);
    assert_true(tc_lex_init(&l, &arena, 8));
    tc_lex_feed(&l, line);
    while ((t = tc_lex_next(&l)) < TC_JSON_MORE)
        if (t == TC_JSON_KEY || t == TC_JSON_STRING)
            assert_int_equal(tc_lex_string(&l, NULL), TC_OK);
    assert_int_equal(t, TC_JSON_DONE);
    arena_release(&arena);
}

/* What stands behind the time, which is checked on the way. */
static struct str without_time(struct str line)
{
    static const char shape[] = "{\"time\":\"0000-00-00T00:00:00.000000Z\",";
    assert_true(line.n > sizeof shape);
    for (size_t i = 0; i < sizeof shape - 1; i++)
        if (shape[i] == '0')
            assert_in_range(line.p[i], '0', '9');
        else
            assert_int_equal(line.p[i], shape[i]);
    return str_skip(line, sizeof shape - 1);
}

static void record_is_one_json_line(void **state)
{
    struct capture *c = *state;
    log_warn("%s failed: %d", "it", 7);
    struct str line = captured(c);
    assert_json_line(line);
    assert_true(
        str_eq(without_time(line), STR("\"level\":\"warn\",\"message\":\"it failed: 7\"}\n")));
}

static void records_below_the_level_are_dropped(void **state)
{
    struct capture *c = *state;
    log_set_level(LOG_LEVEL_ERROR);
    log_info("a");
    log_warn("b");
    assert_int_equal(captured(c).n, 0);
    log_error("c");
    assert_true(str_eq(without_time(captured(c)), STR("\"level\":\"error\",\"message\":\"c\"}\n")));
}

static void any_byte_makes_valid_json(void **state)
{
    struct capture *c = *state;
    for (int byte = 1; byte < 256; byte++) {
        log_info("<%c%c\">", byte, byte);
        assert_json_line(captured(c));
    }
}

static void long_message_is_cut_to_one_write(void **state)
{
    struct capture *c = *state;
    char message[9000];
    for (int byte = 1; byte < 256; byte += 31) {
        memset(message, byte, sizeof message - 1);
        message[sizeof message - 1] = '\0';
        log_info("%s", message);
        struct str line = captured(c);
        assert_in_range(line.n, 100, LOG_LINE_MAX);
        assert_json_line(line);
    }
}

static void full_pipe_is_not_waited_for_and_losses_are_told(void **state)
{
    struct capture *c = *state;
    for (int i = 0; i < 5000; i++)
        log_info("line %d of many that nobody reads", i);
    struct str all = captured(c);
    unsigned lines = 0;
    for (struct str rest = all; rest.p; str_cut(&rest, '\n'))
        lines++;
    lines--;
    assert_in_range(lines, 100, 4999);
    log_info("next");
    struct arena arena;
    arena_init(&arena, 4096, 1 << 16);
    struct str want = arena_printf(&arena, "\"level\":\"info\",\"lost\":%u,\"message\":\"next\"}\n",
                                   5000 - lines);
    assert_true(str_eq(without_time(captured(c)), want));
    arena_release(&arena);
    log_info("last");
    assert_true(
        str_eq(without_time(captured(c)), STR("\"level\":\"info\",\"message\":\"last\"}\n")));
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, redirect, restore)
    const struct CMUnitTest tests[] = {
        TEST(record_is_one_json_line),
        TEST(records_below_the_level_are_dropped),
        TEST(any_byte_makes_valid_json),
        TEST(long_message_is_cut_to_one_write),
        TEST(full_pipe_is_not_waited_for_and_losses_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
