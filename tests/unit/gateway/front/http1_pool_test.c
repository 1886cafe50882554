#include "gateway/front/http1_pool.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/front/mhd.h"

#if MHD_POOL_KNOWN

enum { SIZE = 32 << 10 };

/* ---- the blocks ---- */

static void blocks_come_from_both_ends_until_they_meet(void **state)
{
    struct MemoryPool *pool = MHD_pool_create(256);
    size_t required;
    (void)state;

    char *first = MHD_pool_allocate(pool, 100, false), *last = MHD_pool_allocate(pool, 17, true);
    assert_int_equal((uintptr_t)first % 16, 0);
    assert_ptr_equal(last, first + 256 - 32);
    assert_int_equal(MHD_pool_get_free(pool), 256 - 112 - 32);
    assert_null(MHD_pool_allocate(pool, 113, false));
    assert_null(MHD_pool_allocate(pool, SIZE_MAX, true));
    assert_null(MHD_pool_try_alloc(pool, 128, &required));
    assert_int_equal(required, 16); /* so many the front must give back */
    assert_null(MHD_pool_try_alloc(pool, 240, &required));
    assert_int_equal(required, SIZE_MAX);
    assert_null(MHD_pool_try_alloc(pool, SIZE_MAX - 3, &required));
    assert_int_equal(required, SIZE_MAX);
    assert_ptr_equal(MHD_pool_try_alloc(pool, 112, &required), first + 112);
    assert_int_equal(required, 0);
    assert_int_equal(MHD_pool_get_free(pool), 0);
    MHD_pool_destroy(pool);
    MHD_pool_destroy(NULL);
}

static void the_newest_block_grows_and_shrinks_in_its_place(void **state)
{
    struct MemoryPool *pool = MHD_pool_create(256);
    (void)state;

    char *a = MHD_pool_allocate(pool, 64, false);
    assert_true(MHD_pool_is_resizable_inplace(pool, a, 64));
    assert_false(MHD_pool_is_resizable_inplace(pool, NULL, 0));
    assert_ptr_equal(MHD_pool_reallocate(pool, a, 64, 256), a);
    assert_int_equal(MHD_pool_get_free(pool), 0);
    assert_null(MHD_pool_reallocate(pool, a, 256, 257));
    assert_null(MHD_pool_reallocate(pool, a, 256, SIZE_MAX));
    assert_ptr_equal(MHD_pool_reallocate(pool, a, 256, 10), a);
    assert_int_equal(MHD_pool_get_free(pool), 240);

    memcpy(a, "abc", 3);
    char *b = MHD_pool_allocate(pool, 16, false);
    assert_false(MHD_pool_is_resizable_inplace(pool, a, 10));
    assert_ptr_equal(MHD_pool_reallocate(pool, a, 10, 5), a); /* smaller is always there */
    char *moved = MHD_pool_reallocate(pool, a, 10, 40);
    assert_ptr_equal(moved, b + 16);
    assert_memory_equal(moved, "abc", 3);
    assert_null(MHD_pool_reallocate(pool, b, 16, 200));
    assert_non_null(MHD_pool_reallocate(pool, NULL, 0, 8)); /* as allocate */
    MHD_pool_destroy(pool);
}

static void what_is_given_back_is_free_when_it_was_the_newest(void **state)
{
    struct MemoryPool *pool = MHD_pool_create(256);
    (void)state;

    char *a = MHD_pool_allocate(pool, 32, false), *b = MHD_pool_allocate(pool, 30, false);
    char *y = MHD_pool_allocate(pool, 32, true), *z = MHD_pool_allocate(pool, 30, true);
    MHD_pool_deallocate(pool, a, 32);
    MHD_pool_deallocate(pool, y, 32);
    MHD_pool_deallocate(pool, NULL, 0);
    assert_int_equal(MHD_pool_get_free(pool), 128);
    MHD_pool_deallocate(pool, b, 30);
    MHD_pool_deallocate(pool, z, 30);
    assert_int_equal(MHD_pool_get_free(pool), 192);
    b = MHD_pool_allocate(pool, 192, false); /* the ends meet: which one was it? */
    z = b + 192;
    MHD_pool_deallocate(pool, z, 32);
    assert_int_equal(MHD_pool_get_free(pool), 32);
    MHD_pool_deallocate(pool, b, 192);
    assert_int_equal(MHD_pool_get_free(pool), 224);
    MHD_pool_destroy(pool);
}

static void a_reset_keeps_what_was_read_ahead(void **state)
{
    struct MemoryPool *pool = MHD_pool_create(256);
    (void)state;

    char *a = MHD_pool_allocate(pool, 64, false);
    memcpy(a, "GET /oneGET /two", 16);
    MHD_pool_allocate(pool, 64, true);
    assert_ptr_equal(MHD_pool_reset(pool, a + 8, 8, 128), a);
    assert_memory_equal(a, "GET /two", 8);
    assert_int_equal(MHD_pool_get_free(pool), 128);
    assert_ptr_equal(MHD_pool_reset(pool, NULL, 0, 256), a);
    assert_int_equal(MHD_pool_get_free(pool), 0);
    MHD_pool_destroy(pool);
}

/* ---- where a connection's memory lies, and until when ---- */

struct bench {
    struct MHD_Daemon *daemon;
    struct http1_pool pool;
    int noted;
};

static enum MHD_Result handle(void *ctx, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *data, size_t *n,
                              void **state)
{
    (void)ctx, (void)c, (void)url, (void)method, (void)version, (void)data, (void)n, (void)state;
    return MHD_NO;
}

static void notify(void *ctx, struct MHD_Connection *c, void **socket_context,
                   enum MHD_ConnectionNotificationCode code)
{
    struct bench *b = ctx;
    (void)c, (void)socket_context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        http1_pool_note(&b->pool);
        b->noted++;
    } else {
        assert_null(b->pool.of); /* a pool goes before its connection is said to be closed */
        http1_pool_forget(&b->pool);
    }
}

static void a_pool_is_known_while_its_connection_lives(void **state)
{
    struct bench b = {.noted = 0};
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int ends[2];
    (void)state;

    b.daemon = MHD_start_daemon(MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, handle, NULL,
                                MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SIZE,
                                MHD_OPTION_NOTIFY_CONNECTION, notify, &b, MHD_OPTION_END);
    assert_non_null(b.daemon);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    assert_int_equal(MHD_add_connection(b.daemon, ends[1], (struct sockaddr *)&peer, sizeof peer),
                     MHD_YES);
    MHD_run(b.daemon);
    assert_int_equal(b.noted, 1);
    assert_non_null(b.pool.of); /* ours: MHD's own memorypool.o was left out */
    http1_pool_trim(&b.pool);   /* nothing is kept yet: it must go on to work */
    assert_int_equal(write(ends[0], "GET / HTTP/1.1\r\n\r\n", 18), 18);
    for (int i = 0; i < 20; i++)
        MHD_run(b.daemon);
    close(ends[0]);
    for (int i = 0; i < 20 && b.pool.of; i++)
        MHD_run(b.daemon);
    assert_null(b.pool.of);
    http1_pool_trim(&b.pool); /* without effect: the memory is not MHD's any more */
    http1_pool_forget(&b.pool);
    MHD_stop_daemon(b.daemon);
}

static void what_the_client_has_sent_is_never_trimmed(void **state)
{
    struct MemoryPool *of = MHD_pool_create(SIZE);
    struct http1_pool pool;
    (void)state;

    http1_pool_note(&pool);
    assert_ptr_equal(pool.of, of);
    char *p = MHD_pool_allocate(of, SIZE / 2, false);
    memset(p, 'G', SIZE);
    http1_pool_trim(&pool); /* begins with a byte of a method */
    assert_int_equal(p[SIZE / 2], 'G');
    assert_ptr_equal(MHD_pool_reset(of, p, 4, SIZE / 2), p);
    http1_pool_trim(&pool); /* read ahead */
    assert_int_equal(p[SIZE / 2], 'G');
    MHD_pool_reset(of, p, 0, SIZE / 2);
    http1_pool_trim(&pool);
    assert_int_equal(p[SIZE / 2], 0);
    http1_pool_forget(&pool);
    assert_null(pool.of);
    http1_pool_trim(&pool);
    MHD_pool_destroy(of);
}

static void each_pool_has_at_most_one_owner(void **state)
{
    struct MemoryPool *of = MHD_pool_create(SIZE);
    struct http1_pool first, second;
    (void)state;

    http1_pool_note(&first);
    http1_pool_note(&second); /* nobody has made another one */
    assert_null(second.of);
    MHD_pool_destroy(of);
    assert_null(first.of);
    MHD_pool_destroy(MHD_pool_create(SIZE)); /* gone before it was taken note of */
    http1_pool_note(&first);
    assert_null(first.of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_come_from_both_ends_until_they_meet),
        cmocka_unit_test(the_newest_block_grows_and_shrinks_in_its_place),
        cmocka_unit_test(what_is_given_back_is_free_when_it_was_the_newest),
        cmocka_unit_test(a_reset_keeps_what_was_read_ahead),
        cmocka_unit_test(a_pool_is_known_while_its_connection_lives),
        cmocka_unit_test(what_the_client_has_sent_is_never_trimmed),
        cmocka_unit_test(each_pool_has_at_most_one_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

/* MHD keeps its own: there is nothing of ours to test. */
int main(void)
{
    return 0;
}

#endif
