/* A worker as the server has it: a thread of its own behind real sockets, told what to do from
 * here. */
#include "gateway/worker.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/front/listener.h"
#include "gateway/load.h"

enum { PATIENCE_MS = 5000, GRACE_MS = 3000 };

struct bench {
    struct worker *worker;
    struct worker_input in;
    struct snapshot *snapshot;
    struct options options;
    int listener, silent; /* silent: an upstream that accepts and says nothing */
    uint16_t port;
    char upstream[32];
    atomic_uint ended;
};

static void on_ended(void *ctx)
{
    atomic_fetch_add(&((struct bench *)ctx)->ended, 1);
}

/* A listening socket that nobody else has; SO_REUSEPORT, as listener_bind sets it, would share. */
static int bind_alone(uint16_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 16), 0);
    *port = listener_port(fd);
    return fd;
}

static struct snapshot *load(const struct options *o, uint32_t generation)
{
    struct arena arena;
    struct tc_faults faults;
    arena_init(&arena, 4096, 1 << 20);
    tc_faults_init(&faults, &arena);
    struct snapshot *s = load_snapshot(o, generation, &faults);
    for (const struct tc_fault *f = faults.first; f; f = f->next)
        print_error("%.*s: %.*s\n", STR_ARG(f->place), STR_ARG(f->text));
    arena_release(&arena);
    assert_non_null(s);
    return s;
}

static struct bench *start(uint32_t max_connections)
{
    static struct bench b;
    uint16_t upstream = 0;
    b = (struct bench){0};
    b.silent = bind_alone(&upstream);
    snprintf(b.upstream, sizeof b.upstream, "127.0.0.1:%u", upstream);
    b.options = (struct options){
        .descriptors = TEST_PROTOS_DIR "/demo/v1/echo.pb", .upstream = b.upstream, .workers = 1};
    b.snapshot = load(&b.options, 1);
    b.listener = bind_alone(&b.port);
    b.in = (struct worker_input){
        .snapshot = b.snapshot,
        .listeners = &b.listener,
        .nlisteners = 1,
        .max_connections = max_connections,
        .ended = on_ended,
        .ctx = &b,
    };
    b.worker = worker_start(&b.in);
    assert_non_null(b.worker);
    return &b;
}

/* After a drain. */
static void finish(struct bench *b)
{
    worker_join(b->worker);
    assert_int_equal(atomic_load(&b->ended), 1);
    assert_int_equal(atomic_load(&b->snapshot->references), 1);
    snapshot_release(b->snapshot);
    close(b->silent);
}

static void stop(struct bench *b)
{
    assert_true(worker_drain(b->worker, 0));
    finish(b);
}

static int client(const struct bench *b)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(b->port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    struct str s = str_c(text);
    assert_int_equal(send(fd, s.p, s.n, MSG_NOSIGNAL), s.n);
}

/* What one read brings, or "" at the end. */
static const char *hear(int fd)
{
    static char text[4096];
    ssize_t n = recv(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    return n < 0 ? "nothing came" : text;
}

static struct worker_view view_when(struct bench *b, bool (*good)(const struct worker_view *))
{
    struct worker_view v;
    for (int i = 0; i < PATIENCE_MS / 5; i++) {
        worker_view(b->worker, &v);
        if (good(&v))
            return v;
        usleep(5000);
    }
    fail_msg("%u connections, %u exchanges, generation %u, serving %d", v.connections, v.exchanges,
             v.generation, v.serving);
    return v;
}

static bool two_connections(const struct worker_view *v)
{
    return v->connections == 2;
}

static bool one_exchange(const struct worker_view *v)
{
    return v->exchanges == 1;
}

static bool second_generation(const struct worker_view *v)
{
    return v->generation == 2;
}

static bool drains(const struct worker_view *v)
{
    return !v->serving;
}

#define NOWHERE "GET /nowhere HTTP/1.1\r\nHost: g\r\n\r\n"
#define WAITS                                                                                 \
    "POST /v1/echo HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\nContent-Length: " \
    "2\r\n\r\n{}"

static void it_serves_and_shows_what_it_does(void **state)
{
    struct bench *b = start(100);
    (void)state;
    int one = client(b), two = client(b);
    say(one, NOWHERE);
    assert_non_null(strstr(hear(one), " 404 "));
    struct worker_view v = view_when(b, two_connections);
    assert_int_equal(v.generation, 1);
    assert_true(v.serving);
    say(two, WAITS);
    view_when(b, one_exchange);
    struct cluster_stats stats;
    assert_true(worker_cluster(b->worker, 0, &stats));
    assert_int_equal(stats.endpoints_up, 0);
    assert_false(worker_cluster(b->worker, 5, &stats));
    close(one);
    close(two);
    stop(b);
}

static void clients_above_the_ceiling_are_turned_away(void **state)
{
    struct bench *b = start(2);
    (void)state;
    int one = client(b), two = client(b);
    view_when(b, two_connections);
    int three = client(b);
    assert_string_equal(hear(three), "");
    close(one); /* makes room */
    close(three);
    say(two, NOWHERE);
    assert_non_null(strstr(hear(two), " 404 "));
    close(two);
    stop(b);
}

static void a_drained_worker_ends_as_soon_as_nothing_is_left(void **state)
{
    struct bench *b = start(100);
    (void)state;
    int idle = client(b);
    say(idle, NOWHERE);
    hear(idle);
    assert_true(worker_drain(b->worker, 60000));
    assert_string_equal(hear(idle), "");
    close(idle);
    finish(b); /* and not in a minute */
}

static void what_is_in_flight_has_its_grace_and_no_more(void **state)
{
    struct bench *b = start(100);
    (void)state;
    int waiting = client(b);
    say(waiting, WAITS);
    view_when(b, one_exchange);
    assert_true(worker_drain(b->worker, 60000));
    view_when(b, drains);
    assert_int_equal(atomic_load(&b->ended), 0);
    assert_true(worker_drain(b->worker, 50)); /* less holds */
    assert_string_equal(hear(waiting), "");
    close(waiting);
    finish(b);
}

/* Whether /metrics tells of so many 404s. */
static bool counts_404(struct bench *b, int n)
{
    char line[64];
    struct buf out;
    buf_init(&out, 1 << 20);
    struct watch *watch = worker_watch(b->worker);
    assert_non_null(watch);
    assert_true(watch_metrics(&out, &watch, 1, b->snapshot->plan, NULL, 0));
    worker_watch_done(b->worker);
    snprintf(line, sizeof line, "status=\"404\",code=\"NOT_FOUND\"} %d\n", n);
    bool found = memmem(out.p, out.n, line, strlen(line)) != NULL;
    buf_release(&out);
    return found;
}

/* A call is counted when it is over, a moment after its answer is here. */
static void assert_counted_404(struct bench *b, int n)
{
    for (int i = 0; i < PATIENCE_MS / 5 && !counts_404(b, n); i++)
        usleep(5000);
    assert_true(counts_404(b, n));
}

static void a_reload_changes_the_generation_and_keeps_what_was_counted(void **state)
{
    struct bench *b = start(100);
    (void)state;
    int one = client(b), two = client(b);
    say(one, NOWHERE);
    hear(one);
    say(two, WAITS); /* holds the old generation */
    view_when(b, one_exchange);
    assert_counted_404(b, 1);
    struct snapshot *fresh = load(&b->options, 2);
    assert_true(worker_reload(b->worker, fresh));
    view_when(b, second_generation);
    assert_counted_404(b, 1);
    say(one, NOWHERE);
    assert_non_null(strstr(hear(one), " 404 "));
    assert_counted_404(b, 2);
    close(two); /* the old one's last call */
    for (int i = 0; i < PATIENCE_MS / 5 && atomic_load(&b->snapshot->references) > 1; i++)
        usleep(5000);
    assert_int_equal(atomic_load(&b->snapshot->references), 1);
    close(one);
    assert_true(worker_drain(b->worker, GRACE_MS));
    finish(b);
    assert_int_equal(atomic_load(&fresh->references), 1);
    snapshot_release(fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_serves_and_shows_what_it_does),
        cmocka_unit_test(clients_above_the_ceiling_are_turned_away),
        cmocka_unit_test(a_drained_worker_ends_as_soon_as_nothing_is_left),
        cmocka_unit_test(what_is_in_flight_has_its_grace_and_no_more),
        cmocka_unit_test(a_reload_changes_the_generation_and_keeps_what_was_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
