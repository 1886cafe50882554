#include "gateway/watch/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/gateway/watch/watch_fixture.h"
#include "transcoder/json_lexer.h"

/* Valid JSON by our own lexer, whose strictness has tests of its own. */
static void assert_json(struct str line)
{
    struct arena arena;
    struct tc_lexer l;
    enum tc_json_token t;

    assert_true(line.n > 1 && line.p[line.n - 1] == '\n');
    assert_int_equal(str_find(line, '\n'), line.n - 1);
    arena_init(&arena, 4096, 1 << 20);
    assert_true(tc_lex_init(&l, &arena, 8));
    tc_lex_feed(&l, str_of(line.p, line.n - 1));
    while ((t = tc_lex_next(&l)) < TC_JSON_MORE)
        if (t == TC_JSON_KEY || t == TC_JSON_STRING)
            assert_int_equal(tc_lex_string(&l, NULL), TC_OK);
    if (t != TC_JSON_DONE)
        fail_msg("%s in %.*s", l.why, STR_ARG(line));
    assert_true(tc_lex_trailing(&l));
    arena_release(&arena);
}

static void line_tells_what_the_event_knows(void **state)
{
    static const struct str want = STR_INIT(
        "{\"time\":\"2006-01-02T15:04:05.000006Z\",\"request_id\":\"r-1\","
        "\"client\":\"10.0.0.1:5\",\"method\":\"POST\",\"target\":\"/v1/x?y=%20\","
        "\"protocol\":\"HTTP/1.1\",\"route\":\"/v1/{a=**}\",\"rpc\":\"demo.v1.Echo.Unary\","
        "\"cluster\":\"llm\",\"status\":200,\"grpc_status\":\"OK\",\"from_upstream\":true,"
        "\"complete\":true,\"bytes_in\":10,\"bytes_out\":20,\"messages_in\":1,"
        "\"messages_out\":2,\"retries\":1,\"total_ms\":1.500,\"upstream_ms\":1.200,"
        "\"own_ms\":0.090}\n");
    struct fixture f;
    struct buf out;
    (void)state;

    fixture_init(&f);
    buf_init(&out, 1 << 20);
    struct event e = fixture_event(&f, 0);
    assert_true(access_log_line(&out, &e));
    assert_int_equal(out.n, want.n);
    assert_memory_equal(out.p, want.p, want.n);
    assert_json(buf_str(&out));
    buf_release(&out);
}

/* Byte `i` over and over. */
static void line_is_json_whatever_the_bytes(void **state)
{
    static char bytes[9000];
    struct fixture f;
    struct buf out;
    (void)state;

    fixture_init(&f);
    buf_init(&out, 1 << 20);
    for (int c = 0; c < 256; c++)
        for (size_t n = 1; n <= sizeof bytes; n = n * 9 - 8 + 1) {
            memset(bytes, c, n);
            struct event e = fixture_event(&f, c % 2);
            e.request_id = e.client = e.http_method = e.target = e.protocol = str_of(bytes, n);
            e.cluster_name = e.error = str_of(bytes, n);
            out.n = 0;
            assert_true(access_log_line(&out, &e));
            assert_true(out.n <= PIPE_BUF);
            assert_json(buf_str(&out));
        }
    buf_release(&out);
}

static void line_of_random_bytes_is_json(void **state)
{
    char bytes[300];
    struct fixture f;
    struct buf out;
    unsigned seed = 1;
    (void)state;

    fixture_init(&f);
    buf_init(&out, 1 << 20);
    for (int i = 0; i < 500; i++) {
        for (size_t k = 0; k < sizeof bytes; k++)
            bytes[k] = (char)rand_r(&seed);
        struct event e = fixture_event(&f, -1);
        e.target = e.error = e.request_id = str_of(bytes, sizeof bytes);
        out.n = 0;
        assert_true(access_log_line(&out, &e));
        assert_json(buf_str(&out));
    }
    buf_release(&out);
}

static void full_buffer_gets_no_half_line(void **state)
{
    struct fixture f;
    (void)state;

    fixture_init(&f);
    struct event e = fixture_event(&f, 0);
    for (size_t max = 0; max < 400; max += 13) {
        struct buf out;
        buf_init(&out, max);
        assert_false(access_log_line(&out, &e));
        assert_int_equal(out.n, 0);
        buf_release(&out);
    }
}

static double lost_lines(struct watch *w)
{
    static const char name[] = "\npostern_access_log_lost_total ";
    struct fixture f;
    struct buf out;

    fixture_init(&f);
    buf_init(&out, 1 << 20);
    assert_true(watch_metrics(&out, &w, 1, &f.plan, NULL, 0));
    assert_true(buf_add_char(&out, '\0'));
    const char *at = strstr(out.p, name);
    assert_non_null(at);
    double n = strtod(at + sizeof name - 1, NULL);
    buf_release(&out);
    return n;
}

static char *slurp(const char *path, char *to, size_t max)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, to, max - 1);
    assert_true(n >= 0);
    to[n] = '\0';
    if (fd >= 0)
        close(fd);
    return to;
}

static int count(const char *text, char c)
{
    int n = 0;
    for (; *text; text++)
        n += *text == c;
    return n;
}

static void lines_wait_for_the_flush_and_follow_the_rotation(void **state)
{
    char dir[] = "/tmp/postern-log-XXXXXX", path[64], old[64], text[16384];
    struct fixture f;
    (void)state;

    fixture_init(&f);
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/access.log", dir);
    snprintf(old, sizeof old, "%s/access.log.1", dir);
    struct access_log *log = access_log_open(path);
    struct watch *w = watch_new(FIXTURE_METHODS, log);
    struct event e = fixture_event(&f, 0);

    watch_record(w, &e);
    watch_record(w, &e);
    assert_int_equal(count(slurp(path, text, sizeof text), '\n'), 0);
    watch_flush(w);
    assert_int_equal(count(slurp(path, text, sizeof text), '\n'), 2);
    assert_int_equal(rename(path, old), 0);
    assert_true(access_log_reopen(log));
    watch_record(w, &e);
    watch_free(w);
    access_log_close(log);
    assert_int_equal(count(slurp(path, text, sizeof text), '\n'), 1);
    assert_int_equal(count(slurp(old, text, sizeof text), '\n'), 2);
    unlink(path);
    unlink(old);
    rmdir(dir);
}

static void file_that_cannot_be_opened_says_why(void **state)
{
    (void)state;
    errno = 0;
    assert_null(access_log_open("/nowhere/at/all"));
    assert_int_equal(errno, ENOENT);
}

static void reopening_keeps_the_old_file_when_it_fails(void **state)
{
    char dir[] = "/tmp/postern-log-XXXXXX", path[64];
    (void)state;

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/access.log", dir);
    struct access_log *log = access_log_open(path);
    unlink(path);
    rmdir(dir);
    assert_false(access_log_reopen(log));
    access_log_close(log);
}

static void full_disk_loses_lines_and_says_how_many(void **state)
{
    struct fixture f;
    (void)state;

    fixture_init(&f);
    struct access_log *log = access_log_open("/dev/full");
    if (!log)
        skip();
    struct watch *w = watch_new(FIXTURE_METHODS, log);
    struct event e = fixture_event(&f, 0);
    for (int i = 0; i < 3; i++)
        watch_record(w, &e);
    watch_flush(w);
    watch_record(w, &e);
    watch_flush(w);
    assert_true(lost_lines(w) == 4);
    watch_free(w);
    access_log_close(log);
}

/* The disk takes a part of a line: what is written later starts a line of its own. */
static void line_cut_by_a_full_disk_does_not_spoil_the_next(void **state)
{
    char path[] = "/tmp/postern-log-XXXXXX", text[16384];
    struct rlimit was, tight;
    struct fixture f;
    (void)state;

    fixture_init(&f);
    close(mkstemp(path));
    getrlimit(RLIMIT_FSIZE, &was);
    tight = was;
    tight.rlim_cur = 1000;
    signal(SIGXFSZ, SIG_IGN);
    struct access_log *log = access_log_open(path);
    struct watch *w = watch_new(FIXTURE_METHODS, log);
    struct event e = fixture_event(&f, 0);
    for (int i = 0; i < 4; i++)
        watch_record(w, &e);
    setrlimit(RLIMIT_FSIZE, &tight);
    watch_flush(w);
    setrlimit(RLIMIT_FSIZE, &was);
    double lost = lost_lines(w);
    assert_true(lost > 0 && lost < 4);
    watch_record(w, &e);
    watch_free(w);
    access_log_close(log);
    slurp(path, text, sizeof text);
    unlink(path);
    assert_int_equal(count(text, '\n'), 4 - (int)lost + 2);
    text[strlen(text) - 1] = '\0';
    char last[1024];
    snprintf(last, sizeof last, "%s\n", strrchr(text, '\n') + 1);
    assert_json(str_c(last));
}

/* Standard output is `fd` while the log is opened. */
static struct access_log *open_on(int fd)
{
    int out = dup(STDOUT_FILENO);
    fflush(stdout);
    dup2(fd, STDOUT_FILENO);
    struct access_log *log = access_log_open("-");
    dup2(out, STDOUT_FILENO);
    close(out);
    assert_non_null(log);
    assert_true(access_log_reopen(log));
    return log;
}

static size_t drain(int fd, int *lines)
{
    char text[8192];
    ssize_t n;
    size_t all = 0;
    while ((n = read(fd, text, sizeof text)) > 0) {
        all += (size_t)n;
        for (ssize_t i = 0; i < n; i++)
            *lines += text[i] == '\n';
    }
    return all;
}

/* Nobody reads: writing must not wait; what was held back comes once somebody does. */
static void check_slow_reader(int reading, int writing)
{
    enum { MANY = 2000 };
    struct fixture f;
    int lines = 0;

    fixture_init(&f);
    struct access_log *log = open_on(writing);
    struct watch *w = watch_new(FIXTURE_METHODS, log);
    struct event e = fixture_event(&f, 0);
    for (int i = 0; i < MANY; i++) {
        watch_record(w, &e);
        watch_flush(w);
    }
    assert_true(lost_lines(w) == 0);
    fcntl(reading, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 200 && lines < MANY; i++) {
        drain(reading, &lines);
        watch_flush(w);
    }
    assert_int_equal(lines, MANY);
    watch_free(w);
    access_log_close(log);
    close(reading);
    close(writing);
}

static void slow_pipe_is_not_waited_for(void **state)
{
    int p[2];
    (void)state;
    assert_int_equal(pipe(p), 0);
    check_slow_reader(p[0], p[1]);
}

static void slow_socket_is_not_waited_for(void **state)
{
    int s[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
    check_slow_reader(s[0], s[1]);
}

static void pipe_that_never_drains_loses_lines_within_bounded_memory(void **state)
{
    int p[2];
    struct fixture f;
    (void)state;

    fixture_init(&f);
    assert_int_equal(pipe(p), 0);
    struct access_log *log = open_on(p[1]);
    struct watch *w = watch_new(FIXTURE_METHODS, log);
    struct event e = fixture_event(&f, 0);
    for (int i = 0; i < 20000; i++) {
        watch_record(w, &e);
        if (i % 100 == 0)
            watch_flush(w);
    }
    assert_true(lost_lines(w) > 5000);
    watch_free(w);
    access_log_close(log);
    close(p[0]);
    close(p[1]);
}

static void closed_pipe_loses_lines(void **state)
{
    int p[2];
    struct fixture f;
    (void)state;

    fixture_init(&f);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(p), 0);
    struct access_log *log = open_on(p[1]);
    struct watch *w = watch_new(FIXTURE_METHODS, log);
    close(p[0]);
    close(p[1]);
    struct event e = fixture_event(&f, 0);
    watch_record(w, &e);
    watch_flush(w);
    assert_true(lost_lines(w) == 1);
    watch_free(w);
    access_log_close(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_tells_what_the_event_knows),
        cmocka_unit_test(line_is_json_whatever_the_bytes),
        cmocka_unit_test(line_of_random_bytes_is_json),
        cmocka_unit_test(full_buffer_gets_no_half_line),
        cmocka_unit_test(lines_wait_for_the_flush_and_follow_the_rotation),
        cmocka_unit_test(file_that_cannot_be_opened_says_why),
        cmocka_unit_test(reopening_keeps_the_old_file_when_it_fails),
        cmocka_unit_test(full_disk_loses_lines_and_says_how_many),
        cmocka_unit_test(line_cut_by_a_full_disk_does_not_spoil_the_next),
        cmocka_unit_test(slow_pipe_is_not_waited_for),
        cmocka_unit_test(slow_socket_is_not_waited_for),
        cmocka_unit_test(pipe_that_never_drains_loses_lines_within_bounded_memory),
        cmocka_unit_test(closed_pipe_loses_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
