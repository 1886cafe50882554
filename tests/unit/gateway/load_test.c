#include "gateway/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/policy/route.h"
#include "tests/unit/support/failmalloc.h"

#define SET TEST_PROTOS_DIR "/demo/v1/echo.pb"

struct bench {
    struct arena arena;
    struct tc_faults faults;
    struct options o;
};

static struct bench bench_of(struct options o)
{
    struct bench b = {.o = o};
    if (!o.workers)
        b.o.workers = -1;
    return b;
}

static struct snapshot *load(struct bench *b)
{
    arena_init(&b->arena, 4096, 1 << 20);
    tc_faults_init(&b->faults, &b->arena);
    return load_snapshot(&b->o, 7, &b->faults);
}

static struct snapshot *must_load(struct bench *b)
{
    struct snapshot *s = load(b);
    if (!s)
        fail_msg("%.*s: %.*s", STR_ARG(b->faults.first->place), STR_ARG(b->faults.first->text));
    assert_int_equal(b->faults.count, 0);
    return s;
}

static void done(struct bench *b, struct snapshot *s)
{
    if (s)
        snapshot_release(s);
    arena_release(&b->arena);
}

/* A configuration in a folder of its own, which is removed with it. */
struct file {
    char folder[64], path[96];
};

static struct file file_of(const char *text)
{
    struct file f = {.folder = "/tmp/load_test_XXXXXX"};
    assert_non_null(mkdtemp(f.folder));
    snprintf(f.path, sizeof f.path, "%s/postern.yaml", f.folder);
    FILE *out = fopen(f.path, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
    return f;
}

static void file_remove(const struct file *f)
{
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(rmdir(f->folder), 0);
}

static void descriptors_and_an_upstream_make_a_snapshot(void **state)
{
    struct bench b = bench_of((struct options){.descriptors = SET, .upstream = "127.0.0.1:1"});
    struct snapshot *s = must_load(&b);
    (void)state;

    assert_int_equal(atomic_load(&s->references), 1);
    assert_int_equal(s->generation, 7);
    assert_true(s->plan->npolicies > 0 && s->plan->nroutes >= s->plan->npolicies);
    assert_int_equal(s->plan->nclusters, 1);
    assert_true(str_eq(s->plan->clusters[0].name, STR("127.0.0.1:1")));
    assert_non_null(s->router);
    assert_string_equal(s->config->message->upstream, "127.0.0.1:1");
    assert_false(s->half_close_allowed);
    done(&b, s);
}

static void flags_stand_in_the_configuration_as_if_the_file_had_said_it(void **state)
{
    struct file f = file_of("listeners: [ { address: 127.0.0.1:1 } ]\n"
                            "admin: { address: 127.0.0.1:2 }\n"
                            "access_log: { path: /nowhere }\n"
                            "upstream: a\n"
                            "clusters: [ { name: a, endpoints: [127.0.0.1:3] },\n"
                            "            { name: b, endpoints: [127.0.0.1:4] } ]\n"
                            "workers: 2\n"
                            "bounds: { request_body_bytes: 1000 }\n"
                            "allow_half_close: true\n");
    struct bench b = bench_of((struct options){.config = f.path, .descriptors = SET});
    struct snapshot *s = must_load(&b);
    (void)state;

    assert_string_equal(s->config->message->listeners[0]->address, "127.0.0.1:1");
    assert_int_equal(s->config->workers, 2);
    assert_int_equal(s->bounds.request_body, 1000);
    assert_true(s->half_close_allowed);
    done(&b, s);

    b = bench_of((struct options){
        .config = f.path,
        .descriptors = SET,
        .upstream = "b",
        .admin = "127.0.0.1:12",
        .access_log = "-",
        .listen = {"127.0.0.1:10", "127.0.0.1:11"},
        .nlisten = 2,
        .workers = 3,
        .max_request_body = 2000,
    });
    s = must_load(&b);
    const Postern__V1__Config *m = s->config->message;
    assert_int_equal(m->n_listeners, 2);
    assert_string_equal(m->listeners[1]->address, "127.0.0.1:11");
    assert_string_equal(m->admin->address, "127.0.0.1:12");
    assert_string_equal(m->access_log->path, "-");
    assert_string_equal(m->upstream, "b");
    assert_int_equal(m->workers, 3);
    assert_int_equal(s->config->workers, 3);
    assert_int_equal(m->bounds->request_body_bytes, 2000);
    assert_int_equal(s->bounds.request_body, 2000);
    int32_t to = s->plan->policies[0].cluster;
    assert_in_range(to, 0, s->plan->nclusters - 1);
    assert_true(str_eq(s->plan->clusters[to].name, STR("b")));
    done(&b, s);
    file_remove(&f);
}

static void no_workers_are_one_per_core(void **state)
{
    struct bench b = bench_of((struct options){.descriptors = SET, .upstream = "127.0.0.1:1"});
    (void)state;

    b.o.workers = 0;
    struct snapshot *s = must_load(&b);
    assert_int_equal(s->config->workers, sysconf(_SC_NPROCESSORS_ONLN));
    done(&b, s);
}

static void descriptors_of_a_configuration_lie_beside_it(void **state)
{
    struct file f = file_of("descriptors: api.pb\nupstream: 127.0.0.1:1\n");
    struct bench b = bench_of((struct options){.config = f.path});
    char set[96];
    (void)state;

    snprintf(set, sizeof set, "%s/api.pb", f.folder);
    assert_int_equal(symlink(SET, set), 0);
    done(&b, must_load(&b));
    assert_int_equal(unlink(set), 0);
    file_remove(&f);
}

/* ---- what is refused ---- */

static void check_refused(struct bench *b, const char *place, const char *text)
{
    struct snapshot *s = load(b);
    assert_null(s);
    assert_true(b->faults.count > 0);
    const struct tc_fault *f = b->faults.first;
    /* Both are searched for: folders differ from run to run. */
    if (!memmem(f->place.p, f->place.n, place, strlen(place)) ||
        !memmem(f->text.p, f->text.n, text, strlen(text)))
        fail_msg("%.*s: %.*s", STR_ARG(f->place), STR_ARG(f->text));
    done(b, NULL);
}

static void a_fault_names_its_place(void **state)
{
    static const struct {
        struct options o;
        const char *yaml; /* of the config; NULL: none */
        const char *place, *text;
    } cases[] = {
        {{0}, NULL, "--descriptors", "missing: give a FileDescriptorSet"},
        {{.descriptors = "/nowhere.pb"}, NULL, "/nowhere.pb", "No such file"},
        {{.descriptors = "/tmp"}, NULL, "/tmp", "Is a directory"},
        {{.descriptors = "/proc/self/stat"}, NULL, "/proc/self/stat: ", ""},
        {{.config = "/nowhere.yaml"}, NULL, "/nowhere.yaml", "cannot be read: No such file"},
        {{.reflect = true}, NULL, "--reflect", "needs --upstream"},
        {{.reflect = true, .upstream = "no port"}, NULL, "--reflect", "needs --upstream"},
        {{.descriptors = SET, .upstream = "nobody"}, NULL, "", "nobody"},
        {{0}, "reflect: true\n", "--reflect", "needs --upstream"},
        {{0}, "descriptors: none.pb\n", "/none.pb", "No such file"},
        {{0}, "\nwokers: 2\n", "postern.yaml:2", "workers"},
        {{.descriptors = SET}, "\n\nupstream: nobody\n", "postern.yaml:3", "nobody"},
        {{.descriptors = TEST_PROTOS_DIR "/policy_bad.pb", .upstream = "127.0.0.1:1"},
         NULL,
         "policy_bad.proto:10",
         "10 seconds"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench b = bench_of(cases[i].o);
        struct file f;
        if (cases[i].yaml) {
            f = file_of(cases[i].yaml);
            b.o.config = f.path;
        }
        check_refused(&b, cases[i].place, cases[i].text);
        if (cases[i].yaml)
            file_remove(&f);
    }
}

/* The module is beside the program, and a test has none. */
static void a_transport_that_is_not_there_is_a_fault_of_its_cluster(void **state)
{
    struct file f = file_of("upstream: far\n"
                            "clusters: [ { name: far, target: 'dns:///h:1' } ]\n");
    struct bench b = bench_of((struct options){.config = f.path, .descriptors = SET});
    (void)state;

    check_refused(&b, "far", "postern-grpc-core.so");
    file_remove(&f);
}

/* ---- short memory ---- */

static bool load_once(void *arg)
{
    struct bench *b = arg;
    struct snapshot *s = load(b);
    bool ok = s != NULL;
    done(b, s);
    return ok;
}

static void short_memory_is_a_refusal_and_leaves_nothing_behind(void **state)
{
    struct file f = file_of("clusters: [ { name: a, endpoints: [127.0.0.1:3] } ]\n");
    struct bench b = bench_of((struct options){
        .config = f.path,
        .descriptors = SET,
        .upstream = "a",
        .listen = {"127.0.0.1:10"},
        .nlisten = 1,
        .access_log = "-",
    });
    (void)state;

    assert_true(failmalloc_each(load_once, &b) > 5);
    file_remove(&f);
}

/* Room for the descriptors can be refused by their ceiling or by malloc: two remedies. */
static void short_memory_is_not_taken_for_a_large_file(void **state)
{
    struct bench b = bench_of((struct options){.descriptors = SET, .upstream = "127.0.0.1:1"});
    (void)state;

    for (size_t i = 0;; i++) {
        failmalloc_start(i);
        struct snapshot *s = load(&b);
        bool hit = failmalloc_stop();
        for (const struct tc_fault *f = b.faults.first; f; f = f->next)
            assert_null(memmem(f->text.p, f->text.n, "larger", 6));
        done(&b, s);
        if (!hit)
            return;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_and_an_upstream_make_a_snapshot),
        cmocka_unit_test(flags_stand_in_the_configuration_as_if_the_file_had_said_it),
        cmocka_unit_test(no_workers_are_one_per_core),
        cmocka_unit_test(descriptors_of_a_configuration_lie_beside_it),
        cmocka_unit_test(a_fault_names_its_place),
        cmocka_unit_test(a_transport_that_is_not_there_is_a_fault_of_its_cluster),
        cmocka_unit_test(short_memory_is_a_refusal_and_leaves_nothing_behind),
        cmocka_unit_test(short_memory_is_not_taken_for_a_large_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
