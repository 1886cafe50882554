#include "gateway/generation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/policy/auth_provider.h"
#include "tests/unit/support/failmalloc.h"

/* Nobody listens there; nothing is called either. */
static const struct str nowhere = STR_INIT("127.0.0.1:1");

struct plan_of_two {
    struct plan plan;
    struct cluster_config clusters[2];
};

static struct snapshot *snapshot_of(struct plan_of_two *p)
{
    struct snapshot *s = calloc(1, sizeof *s);
    assert_non_null(s);
    for (int i = 0; i < 2; i++)
        p->clusters[i] = cluster_config_of_endpoint(&nowhere);
    p->clusters[0].name = STR("a");
    p->clusters[1].name = STR("b");
    p->plan = (struct plan){.npolicies = 1, .clusters = p->clusters, .nclusters = 2};
    atomic_init(&s->references, 1);
    arena_init(&s->arena, 4096, 1 << 20);
    s->plan = &p->plan;
    return s;
}

static void end_loop(uv_loop_t *loop)
{
    uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
}

static void it_holds_its_snapshot(void **state)
{
    struct plan_of_two p;
    struct snapshot *s = snapshot_of(&p);
    uv_loop_t loop;
    (void)state;

    uv_loop_init(&loop);
    struct generation *g = generation_new(&(struct worker_loop){.loop = &loop}, s, NULL);
    assert_non_null(g);
    assert_int_equal(atomic_load(&s->references), 2);
    assert_ptr_equal(g->scope.snapshot, s);
    assert_int_equal(g->scope.exchanges, 0);
    generation_free(g);
    assert_int_equal(atomic_load(&s->references), 1);
    snapshot_release(s);
    end_loop(&loop);
}

static void a_channel_is_opened_once_when_it_is_asked_for(void **state)
{
    struct plan_of_two p;
    struct snapshot *s = snapshot_of(&p);
    uv_loop_t loop;
    (void)state;

    uv_loop_init(&loop);
    struct generation *g = generation_new(&(struct worker_loop){.loop = &loop}, s, NULL);
    assert_null(g->channels[1]);
    struct channel *c = generation_channel(g, 1);
    assert_non_null(c);
    assert_ptr_equal(generation_channel(g, 1), c);
    assert_null(g->channels[0]);
    generation_free(g);
    snapshot_release(s);
    end_loop(&loop);
}

static void an_equal_cluster_hands_its_channel_on(void **state)
{
    struct plan_of_two old, fresh;
    struct snapshot *first = snapshot_of(&old), *second = snapshot_of(&fresh);
    uv_loop_t loop;
    (void)state;

    fresh.clusters[1].connect_timeout_ms++;
    uv_loop_init(&loop);
    struct generation *g = generation_new(&(struct worker_loop){.loop = &loop}, first, NULL);
    struct channel *a = generation_channel(g, 0), *b = generation_channel(g, 1);
    struct generation *h = generation_new(&(struct worker_loop){.loop = &loop}, second, g);
    assert_ptr_equal(generation_channel(h, 0), a);
    assert_ptr_not_equal(generation_channel(h, 1), b);
    assert_int_equal(h->channels[0]->users, 2);
    generation_free(g); /* the shared one lives on, with the configuration that it was made of */
    snapshot_release(first);
    assert_true(str_eq(h->channels[0]->config->name, STR("a")));
    assert_ptr_equal(generation_channel(h, 0), a);
    generation_free(h);
    snapshot_release(second);
    end_loop(&loop);
}

static void what_differs_is_not_the_same_cluster(void **state)
{
    static const struct str other = STR_INIT("127.0.0.1:2");
    (void)state;

    for (int what = 0; what < 8; what++) {
        struct plan_of_two old, fresh;
        struct snapshot *first = snapshot_of(&old), *second = snapshot_of(&fresh);
        struct cluster_config *c = &fresh.clusters[0];
        uv_loop_t loop;
        uv_loop_init(&loop);
        switch (what) {
        case 0: c->name = STR("z"); break;
        case 1: c->endpoints = &other; break;
        case 2: c->authority = STR("h"); break;
        case 3: c->keepalive_interval_ms++; break;
        case 4: c->keepalive_timeout_ms++; break;
        case 5: c->max_connections++; break;
        case 6: c->max_pending++; break;
        default: c->max_streams++; break;
        }
        struct generation *g = generation_new(&(struct worker_loop){.loop = &loop}, first, NULL);
        generation_channel(g, 0);
        struct generation *h = generation_new(&(struct worker_loop){.loop = &loop}, second, g);
        assert_null(h->channels[0]);
        generation_free(h);
        generation_free(g);
        snapshot_release(first);
        snapshot_release(second);
        end_loop(&loop);
    }
}

/* Two generations that share a channel; false when memory is short. */
static bool reload(void *arg)
{
    struct plan_of_two p;
    uv_loop_t loop;
    (void)arg;
    struct snapshot *s = snapshot_of(&p);
    uv_loop_init(&loop);
    struct generation *g = generation_new(&(struct worker_loop){.loop = &loop}, s, NULL);
    struct generation *h = NULL;
    bool ok = g && generation_channel(g, 0);
    if (ok)
        h = generation_new(&(struct worker_loop){.loop = &loop}, s, g);
    ok = ok && h && generation_channel(h, 0) && generation_channel(h, 1);
    if (h)
        generation_free(h);
    if (g)
        generation_free(g);
    assert_int_equal(atomic_load(&s->references), 1);
    snapshot_release(s);
    end_loop(&loop);
    return ok;
}

static void short_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    for (size_t i = 1;; i++) { /* number 0 is the test's own */
        failmalloc_start(i);
        bool ok = reload(NULL);
        bool hit = failmalloc_stop();
        if (!hit) {
            assert_true(ok);
            assert_true(i > 4);
            return;
        }
    }
}

/* A plan whose API keys stand in a Redis. */
static struct snapshot *snapshot_with_redis(struct plan_of_two *p, struct auth_provider *keys,
                                            struct str password)
{
    struct snapshot *s = snapshot_of(p);
    *keys = (struct auth_provider){.name = STR("k"), .redis_keys = STR("{p:keys:k}")};
    p->plan.providers = keys;
    p->plan.nproviders = 1;
    p->plan.redis.config = (struct redis_config){.endpoint = nowhere, .password = password};
    return s;
}

static void a_redis_that_has_not_changed_is_handed_on(void **state)
{
    struct plan_of_two plans[3];
    struct auth_provider keys[3];
    struct snapshot *s[3];
    struct generation *g[3];
    struct timer_wheel timers;
    uv_loop_t loop;
    (void)state;

    uv_loop_init(&loop);
    timer_wheel_init(&timers, &loop);
    for (int i = 0; i < 3; i++) {
        s[i] = snapshot_with_redis(&plans[i], &keys[i], i < 2 ? STR("") : STR("secret"));
        g[i] = generation_new(&(struct worker_loop){.loop = &loop, .timers = &timers}, s[i],
                              i ? g[i - 1] : NULL);
        assert_non_null(g[i]);
    }
    assert_non_null(g[0]->redis);
    assert_ptr_equal(g[1]->redis, g[0]->redis);
    assert_ptr_not_equal(g[2]->redis, g[1]->redis); /* another password */
    for (int i = 0; i < 3; i++) {
        struct redis_stats stats;
        redis_stats(g[i]->redis, &stats); /* is there as long as its last user */
        generation_free(g[i]);
        snapshot_release(s[i]);
    }
    timer_wheel_close(&timers);
    end_loop(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_its_snapshot),
        cmocka_unit_test(a_channel_is_opened_once_when_it_is_asked_for),
        cmocka_unit_test(an_equal_cluster_hands_its_channel_on),
        cmocka_unit_test(what_differs_is_not_the_same_cluster),
        cmocka_unit_test(short_memory_leaves_nothing_behind),
        cmocka_unit_test(a_redis_that_has_not_changed_is_handed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
