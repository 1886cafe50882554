#include "gateway/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"

/* One arena and fault list per parse. */
struct bench {
    struct arena arena;
    struct tc_faults faults;
    struct config *c;
};

static struct config *parse(struct bench *b, const char *yaml)
{
    arena_init(&b->arena, 1 << 16, 64 << 20);
    tc_faults_init(&b->faults, &b->arena);
    b->c = config_parse(str_c(yaml), "p.yaml", &b->arena, &b->faults);
    return b->c;
}

static void done(struct bench *b)
{
    arena_release(&b->arena);
}

static void must_parse(struct bench *b, const char *yaml)
{
    if (!parse(b, yaml))
        fail_msg("%.*s: %.*s", STR_ARG(b->faults.first->place), STR_ARG(b->faults.first->text));
    assert_int_equal(b->faults.count, 0);
}

/* Field by field: the struct has padding. */
static void assert_bounds(const struct bounds *a, const struct bounds *b)
{
    assert_int_equal(a->header_bytes, b->header_bytes);
    assert_int_equal(a->header_count, b->header_count);
    assert_int_equal(a->uri_bytes, b->uri_bytes);
    assert_int_equal(a->request_body, b->request_body);
    assert_int_equal(a->response, b->response);
    assert_int_equal(a->json_depth, b->json_depth);
    assert_int_equal(a->streams, b->streams);
    assert_int_equal(a->buffer, b->buffer);
    assert_int_equal(a->header_ms, b->header_ms);
    assert_int_equal(a->body_ms, b->body_ms);
    assert_int_equal(a->body_rate, b->body_rate);
    assert_int_equal(a->idle_ms, b->idle_ms);
    assert_int_equal(a->write_stall_ms, b->write_stall_ms);
    assert_int_equal(a->connections, b->connections);
    assert_int_equal(a->drain_bytes, b->drain_bytes);
}

/* ---- good files ---- */

static void empty_file_gives_every_default(void **state)
{
    static const char *const empty[] = {"", "\n", "# nothing\n", "---\n", "{}\n"};
    struct bench b;
    (void)state;

    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        must_parse(&b, empty[i]);
        const Postern__V1__Config *m = b.c->message;
        assert_int_equal(m->n_listeners, 1);
        assert_string_equal(m->listeners[0]->address, "127.0.0.1:8080");
        assert_null(m->admin);
        assert_null(m->access_log);
        assert_int_equal(b.c->workers, 1);
        assert_int_equal(b.c->grace_ms, 30000);
        assert_int_equal(b.c->nclusters, 0);
        struct bounds d = BOUNDS_DEFAULT;
        assert_bounds(&b.c->bounds, &d);
        assert_string_equal(m->bounds->idle, "75s");
        assert_int_equal(m->bounds->request_body_bytes, 64 << 20);
        assert_true(str_eq(b.c->name, STR("p.yaml")));
        done(&b);
    }
}

static void whole_file_is_understood(void **state)
{
    struct bench b;
    (void)state;

    must_parse(&b, "listeners:\n"
                   "  - address: 0.0.0.0:80\n"
                   "  - address: '[::1]:81'\n"
                   "  - { address: unix:/run/p.sock }\n"
                   "admin: { address: 127.0.0.1:9900 }\n"
                   "upstream: b\n"
                   "clusters:\n"
                   "- name: a\n"
                   "  endpoints: [h1:1, 10.0.0.1:2, \"[::1]:3\", unix:/m]\n"
                   "  authority: model.internal:443\n"
                   "  connect_timeout: 250ms\n"
                   "  keepaliveInterval: 0s\n"
                   "  keepalive_timeout: 1s\n"
                   "  max_connections: 7\n"
                   "  max_pending: 8\n"
                   "- name: b\n"
                   "  target: xds:///b\n"
                   "workers: 3\n"
                   "bounds: { uri_bytes: 500, streams_per_connection: 9, idle: 2m,\n"
                   "          request_body_bytes: 0x10000 }\n"
                   "grace_period: 0s\n"
                   "access_log: {path: /var/log/p.log}\n"
                   "allow_half_close: true\n");
    const struct config *c = b.c;
    assert_int_equal(c->message->n_listeners, 3);
    assert_string_equal(c->message->listeners[2]->address, "unix:/run/p.sock");
    assert_string_equal(c->message->admin->address, "127.0.0.1:9900");
    assert_int_equal(c->nclusters, 2);
    const struct cluster_config *a = &c->clusters[0];
    assert_true(str_eq(a->name, STR("a")));
    assert_int_equal(a->nendpoints, 4);
    assert_true(str_eq(a->endpoints[3], STR("unix:/m")));
    assert_int_equal(a->endpoints[3].p[a->endpoints[3].n], '\0');
    assert_true(str_eq(a->authority, STR("model.internal:443")));
    assert_int_equal(a->connect_timeout_ms, 250);
    assert_int_equal(a->keepalive_interval_ms, 0);
    assert_int_equal(a->keepalive_timeout_ms, 1000);
    assert_int_equal(a->max_connections, 7);
    assert_int_equal(a->max_pending, 8);
    assert_int_equal(a->max_streams, 9);
    assert_int_equal(a->transport, CLUSTER_HTTP2);
    assert_int_equal(c->clusters[1].transport, CLUSTER_GRPC_CORE);
    assert_true(str_eq(c->clusters[1].target, STR("xds:///b")));
    assert_int_equal(c->clusters[1].max_connections, 10);
    assert_int_equal(c->workers, 3);
    assert_int_equal(c->grace_ms, 0);
    assert_int_equal(c->bounds.uri_bytes, 500);
    assert_int_equal(c->bounds.idle_ms, 120000);
    assert_int_equal(c->bounds.request_body, 65536);
    assert_int_equal(c->bounds.header_bytes, 16384);
    assert_string_equal(c->message->access_log->path, "/var/log/p.log");
    assert_true(c->message->allow_half_close);
    done(&b);
}

static void overrides_and_http_rules_are_carried(void **state)
{
    struct bench b;
    (void)state;

    must_parse(&b, "overrides:\n"
                   "  - selector: a.*\n"
                   "    policy:\n"
                   "      timeout: 120s\n"
                   "      idempotent: true\n"
                   "      json: { proto_names: true }\n"
                   "      route: [ { header: x, equals: '1', to: c } ]\n"
                   "http:\n"
                   "  - selector: a.B.C\n"
                   "    custom: { kind: PURGE, path: /x }\n"
                   "    additional_bindings: [ { get: /y } ]\n");
    const Postern__V1__Config *m = b.c->message;
    assert_int_equal(m->n_overrides, 1);
    assert_string_equal(m->overrides[0]->policy->timeout, "120s");
    assert_string_equal(m->overrides[0]->policy->route[0]->to, "c");
    assert_string_equal(m->http[0]->custom->kind, "PURGE");
    assert_string_equal(m->http[0]->additional_bindings[0]->get, "/y");
    assert_int_equal(config_line(b.c->places, "overrides[0].policy.timeout"), 4);
    assert_int_equal(config_line(b.c->places, "http[0].additional_bindings[0].get"), 11);
    done(&b);
}

static void plain_scalars_are_what_they_look_like(void **state)
{
    static const struct {
        const char *yaml;
        uint32_t rate;
    } cases[] = {
        {"bounds: { body_rate: 12 }", 12},    {"bounds: { body_rate: +12 }", 12},
        {"bounds: { body_rate: 0012 }", 12},  {"bounds: { body_rate: 0x1F }", 31},
        {"bounds: { body_rate: 0o17 }", 15},  {"bounds: { body_rate: 1.2e1 }", 12},
        {"bounds: { body_rate: 12. }", 12},   {"bounds: { body_rate: '12' }", 12},
        {"bounds: { body_rate: }", 240},      {"bounds: { body_rate: ~ }", 240},
        {"bounds: { body_rate: null }", 240}, {"bounds: { body_rate: !!str 12 }", 12},
        {"bounds: { bodyRate: 12 }", 12},     {"bounds: NULL", 240},
    };
    struct bench b;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        must_parse(&b, cases[i].yaml);
        assert_int_equal(b.c->bounds.body_rate, cases[i].rate);
        done(&b);
    }
}

static void text_field_takes_the_text_of_a_number(void **state)
{
    struct bench b;
    (void)state;

    must_parse(&b, "clusters: [{ name: 007, endpoints: [h:1] }, { name: 1.50, endpoints: [h:2] }]\n"
                   "upstream: 007\n");
    assert_string_equal(b.c->message->clusters[0]->name, "007");
    assert_string_equal(b.c->message->clusters[1]->name, "1.50");
    done(&b);
}

static void aliases_are_expanded(void **state)
{
    struct bench b;
    (void)state;

    must_parse(&b, "clusters:\n"
                   "  - { name: a, endpoints: &e [h:1, h:2] }\n"
                   "  - { name: b, endpoints: *e }\n");
    assert_int_equal(b.c->clusters[1].nendpoints, 2);
    assert_true(str_eq(b.c->clusters[1].endpoints[1], STR("h:2")));
    done(&b);
}

static void workers_of_zero_are_one_per_core(void **state)
{
    struct bench b;
    (void)state;
    must_parse(&b, "workers: 0\n");
    assert_true(b.c->workers >= 1);
    done(&b);
}

static void shorter_head_shortens_the_default_uri(void **state)
{
    struct bench b;
    (void)state;
    must_parse(&b, "bounds: { header_bytes: 4096 }\n");
    assert_int_equal(b.c->bounds.uri_bytes, 4096);
    done(&b);
}

static void paths_are_relative_to_the_file(void **state)
{
    struct bench b;
    (void)state;

    arena_init(&b.arena, 1 << 16, 64 << 20);
    tc_faults_init(&b.faults, &b.arena);
    const struct config *c = config_parse(STR("descriptors: a/api.pb\naccess_log: {path: a.log}\n"),
                                          "/etc/postern/p.yaml", &b.arena, &b.faults);
    assert_non_null(c);
    assert_string_equal(c->message->descriptors, "/etc/postern/a/api.pb");
    assert_string_equal(c->message->access_log->path, "/etc/postern/a.log");
    done(&b);
    must_parse(&b, "descriptors: a/api.pb\naccess_log: {path: '-'}\n");
    assert_string_equal(b.c->message->descriptors, "a/api.pb");
    assert_string_equal(b.c->message->access_log->path, "-");
    done(&b);
}

static void line_of_what_is_absent_is_that_of_what_it_would_stand_in(void **state)
{
    struct bench b;
    (void)state;

    must_parse(&b, "# one\nclusters:\n  - name: a\n    endpoints:\n    - h:1\n    - h:2\n");
    assert_int_equal(config_line(b.c->places, "clusters"), 2);
    assert_int_equal(config_line(b.c->places, "clusters[0]"), 3);
    assert_int_equal(config_line(b.c->places, "clusters[0].endpoints"), 4);
    assert_int_equal(config_line(b.c->places, "clusters[0].endpoints[1]"), 6);
    assert_int_equal(config_line(b.c->places, "clusters[0].target"), 3);
    assert_int_equal(config_line(b.c->places, "clusters[9].name"), 2);
    assert_int_equal(config_line(b.c->places, "workers"), 0);
    assert_int_equal(config_line(b.c->places, "clusters[x"), 2);
    assert_int_equal(config_line(b.c->places, "..[[]]"), 0);
    assert_int_equal(config_line(NULL, "clusters"), 0);
    done(&b);
}

static void print_shows_what_is_in_effect(void **state)
{
    struct bench b, again;
    struct buf out, twice;
    (void)state;

    must_parse(&b, "clusters: [{ name: a, endpoints: [h:1] }]\nupstream: a\n");
    buf_init(&out, 1 << 20);
    buf_init(&twice, 1 << 20);
    assert_true(config_print(b.c, &out));
    assert_true(buf_add_char(&out, '\0'));
    assert_non_null(strstr(out.p, "\"listeners\":[{\"address\":\"127.0.0.1:8080\"}]"));
    assert_non_null(strstr(out.p, "\"connect_timeout\":\"5s\""));
    assert_non_null(strstr(out.p, "\"request_body_bytes\":67108864"));
    assert_non_null(strstr(out.p, "\"workers\":1"));
    /* JSON is YAML: what is printed can be loaded, and means the same. */
    must_parse(&again, out.p);
    assert_true(config_print(again.c, &twice));
    assert_int_equal(twice.n + 1, out.n);
    assert_memory_equal(twice.p, out.p, twice.n);
    struct buf small;
    buf_init(&small, 100);
    assert_false(config_print(b.c, &small));
    buf_release(&small);
    buf_release(&out);
    buf_release(&twice);
    done(&again);
    done(&b);
}

/* ---- files ---- */

static void example_in_packaging_loads(void **state)
{
    struct bench b;
    (void)state;

    arena_init(&b.arena, 1 << 16, 64 << 20);
    tc_faults_init(&b.faults, &b.arena);
    b.c = config_load("packaging/postern.yaml", &b.arena, &b.faults);
    if (!b.c)
        fail_msg("%.*s: %.*s", STR_ARG(b.faults.first->place), STR_ARG(b.faults.first->text));
    assert_int_equal(b.c->nclusters, 1);
    done(&b);
}

/* "# " in front of a key is taken away: the keys that are shown as defaults exist as well. */
static void example_in_packaging_loads_with_all_its_defaults(void **state)
{
    static char text[1 << 16], whole[1 << 16];
    size_t n = 0;
    struct bench b;
    (void)state;

    FILE *f = fopen("packaging/postern.yaml", "r");
    assert_non_null(f);
    while (fgets(text, sizeof text, f)) {
        char *hash = strchr(text, '#'), *colon = hash ? strchr(hash, ':') : NULL;
        bool alone = hash && strspn(text, " ") == (size_t)(hash - text);
        bool key = colon && hash[1] == ' ' && strcspn(hash + 2, " :") + 2 == (size_t)(colon - hash);
        bool shown = alone && (key || strstr(hash, "# - ") || strstr(hash, "#   ")) &&
                     !strstr(text, "reflect:");
        if (shown)
            memmove(hash, hash + 2, strlen(hash + 2) + 1);
        n += (size_t)snprintf(whole + n, sizeof whole - n, "%s", text);
    }
    fclose(f);
    must_parse(&b, whole);
    assert_int_equal(b.c->nclusters, 2);
    assert_int_equal(b.c->message->n_overrides, 1);
    assert_int_equal(b.c->message->n_http, 1);
    assert_int_equal(b.c->bounds.connections, 10000);
    struct bounds d = BOUNDS_DEFAULT;
    d.connections = 10000;
    assert_bounds(&b.c->bounds, &d);
    assert_int_equal(b.c->clusters[0].connect_timeout_ms, 5000);
    done(&b);
}

static void file_that_cannot_be_read_says_why(void **state)
{
    static const struct {
        const char *path, *why;
    } cases[] = {
        {"/nowhere/p.yaml", "cannot be read: No such file or directory"},
        {"/tmp", "cannot be read: Is a directory"},
    };
    struct bench b;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena_init(&b.arena, 1 << 16, 64 << 20);
        tc_faults_init(&b.faults, &b.arena);
        assert_null(config_load(cases[i].path, &b.arena, &b.faults));
        assert_int_equal(b.faults.count, 1);
        assert_true(str_eq(b.faults.first->place, str_c(cases[i].path)));
        assert_true(str_eq(b.faults.first->text, str_c(cases[i].why)));
        done(&b);
    }
    arena_init(&b.arena, 1 << 16, 64 << 20);
    tc_faults_init(&b.faults, &b.arena);
    const struct config *c = config_load(NULL, &b.arena, &b.faults);
    assert_non_null(c);
    assert_true(str_eq(c->name, STR("command line")));
    done(&b);
}

static void file_over_a_mebibyte_is_refused(void **state)
{
    char path[] = "/tmp/postern-config-XXXXXX";
    struct bench b;
    (void)state;

    int fd = mkstemp(path);
    assert_true(fd >= 0);
    for (int over = 0; over < 2; over++) {
        static char text[(1 << 20) + 1];
        memset(text, ' ', sizeof text);
        assert_int_equal(pwrite(fd, text, sizeof text - !over, 0), sizeof text - !over);
        arena_init(&b.arena, 1 << 16, 64 << 20);
        tc_faults_init(&b.faults, &b.arena);
        b.c = config_load(path, &b.arena, &b.faults);
        assert_int_equal(b.c == NULL, over);
        if (over)
            assert_true(str_eq(b.faults.first->text, STR("larger than 1 MiB")));
        done(&b);
    }
    close(fd);
    unlink(path);
}

/* ---- memory ---- */

static bool parse_and_print(void *yaml)
{
    struct arena arena;
    struct tc_faults faults;
    struct buf out;

    arena_init(&arena, 512, 64 << 20);
    tc_faults_init(&faults, &arena);
    const struct config *c = config_parse(str_c(yaml), "p.yaml", &arena, &faults);
    buf_init(&out, 1 << 20);
    bool ok = c && config_print(c, &out);
    /* Never silent. */
    if (!c)
        assert_true(faults.count > 0);
    buf_release(&out);
    arena_release(&arena);
    return ok;
}

static void short_memory_is_reported(void **state)
{
    static char yaml[] = "listeners: [{address: h:1}]\n"
                         "clusters:\n"
                         "  - { name: a, endpoints: &e [h:1, h:2], authority: x }\n"
                         "  - { name: b, endpoints: *e, connect_timeout: 1s }\n"
                         "overrides: [{ selector: '*', policy: { timeout: 1s } }]\n"
                         "bounds: { idle: 3s }\n"
                         "descriptors: a.pb\n";
    (void)state;
    assert_true(failmalloc_each(parse_and_print, yaml) > 10);
}

static void full_arena_is_reported(void **state)
{
    (void)state;
    for (size_t max = 0; max < 4000; max += 53) {
        struct arena arena, more;
        struct tc_faults faults;
        arena_init(&arena, 512, max);
        arena_init(&more, 512, 1 << 20);
        tc_faults_init(&faults, &more);
        const struct config *c = config_parse(STR("clusters: [{name: a, endpoints: [h:1]}]"),
                                              "p.yaml", &arena, &faults);
        assert_null(c);
        assert_true(faults.count > 0);
        arena_release(&arena);
        arena_release(&more);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_file_gives_every_default),
        cmocka_unit_test(whole_file_is_understood),
        cmocka_unit_test(overrides_and_http_rules_are_carried),
        cmocka_unit_test(plain_scalars_are_what_they_look_like),
        cmocka_unit_test(text_field_takes_the_text_of_a_number),
        cmocka_unit_test(aliases_are_expanded),
        cmocka_unit_test(workers_of_zero_are_one_per_core),
        cmocka_unit_test(shorter_head_shortens_the_default_uri),
        cmocka_unit_test(paths_are_relative_to_the_file),
        cmocka_unit_test(line_of_what_is_absent_is_that_of_what_it_would_stand_in),
        cmocka_unit_test(print_shows_what_is_in_effect),
        cmocka_unit_test(example_in_packaging_loads),
        cmocka_unit_test(example_in_packaging_loads_with_all_its_defaults),
        cmocka_unit_test(file_that_cannot_be_read_says_why),
        cmocka_unit_test(file_over_a_mebibyte_is_refused),
        cmocka_unit_test(short_memory_is_reported),
        cmocka_unit_test(full_arena_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
