#include "gateway/policy/policy_auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What two providers read: x-a and Bearer, x-b and Bearer; the first by ?a= too. */
static const struct str x_a = STR_INIT("x-a"), x_b = STR_INIT("x-b");

struct bed {
    struct auth_provider providers[2];
    struct plan_requirement requirements[2], parts[2];
    struct plan_auth auth;
    struct compile c;
    struct arena arena;
    struct plan_hidden out;
};

static void begin(struct bed *b)
{
    *b = (struct bed){.c = {.nproviders = 2}};
    arena_init(&b->arena, 1024, 1 << 20);
    b->c.arena = &b->arena;
    b->c.providers = b->providers;
    b->providers[0].places = (struct auth_places){&x_a, 1, true, false, STR_INIT("a")};
    b->providers[1].places = (struct auth_places){&x_b, 1, true, false, STR_INIT("")};
    b->auth.any_of = b->requirements;
}

static bool hides(const struct bed *b, struct str name)
{
    for (uint16_t i = 0; i < b->out.nheaders; i++)
        if (str_eq(b->out.headers[i], name))
            return true;
    return false;
}

static void check(struct bed *b, const struct plan_auth *auth, const char *expected)
{
    char seen[6] = "";
    size_t n = 0;
    policy_auth_hidden(&b->c, auth, &b->out);
    if (hides(b, x_a))
        seen[n++] = 'a';
    if (hides(b, x_b))
        seen[n++] = 'b';
    if (b->out.bearer)
        seen[n++] = 'B';
    if (b->out.nqueries)
        seen[n++] = '?';
    if (b->out.nothers)
        seen[n++] = '*';
    seen[n] = 0;
    assert_string_equal(seen, expected);
}

static void all_that_any_provider_reads_ends_here(void **state)
{
    struct bed b;
    (void)state;
    begin(&b);
    check(&b, NULL, "abB*");
    check(&b, &b.auth, "abB*"); /* anonymous */
    b.auth.nany_of = 1;
    b.requirements[0].provider = &b.providers[0];
    check(&b, &b.auth, "abB?"); /* its own query parameter goes in any case */
    b.requirements[0].provider = &b.providers[1];
    check(&b, &b.auth, "abB*");
    arena_release(&b.arena);
}

static void what_is_forwarded_stays(void **state)
{
    struct bed b;
    (void)state;
    begin(&b);
    b.providers[0].forward = true;
    check(&b, NULL, "bB*"); /* the other one reads Bearer too */
    b.auth.nany_of = 1;
    b.requirements[0].provider = &b.providers[0];
    check(&b, &b.auth, "b?"); /* its own forwards Bearer; the parameter never travels */
    b.requirements[0].provider = &b.providers[1];
    check(&b, &b.auth, "bB*");
    b.auth.nany_of = 2;
    b.requirements[1].provider = &b.providers[0];
    check(&b, &b.auth, "bB?"); /* one of its own does not */
    arena_release(&b.arena);
}

static void parts_of_a_requirement_are_its_own_too(void **state)
{
    struct bed b;
    (void)state;
    begin(&b);
    b.providers[0].forward = b.providers[1].forward = true;
    b.auth.nany_of = 1;
    b.requirements[0] = (struct plan_requirement){.all_of = b.parts, .nall_of = 2};
    b.parts[0].provider = &b.providers[0];
    b.parts[1].provider = &b.providers[1];
    check(&b, &b.auth, "?");
    b.providers[1].forward = false;
    check(&b, &b.auth, "bB?");
    arena_release(&b.arena);
}

static void a_header_that_two_read_stands_there_once(void **state)
{
    struct bed b;
    (void)state;
    begin(&b);
    b.providers[1].places.headers = &x_a;
    policy_auth_hidden(&b.c, NULL, &b.out);
    assert_int_equal(b.out.nheaders, 1);
    arena_release(&b.arena);
}

/* Whether or not what was judged is forwarded. */
static void nothing_that_is_read_travels_behind_a_prefix(void **state)
{
    struct bed b;
    (void)state;
    begin(&b);
    b.providers[0].forward = b.providers[1].forward = true;
    policy_auth_hidden(&b.c, NULL, &b.out);
    assert_int_equal(b.out.nheaders, 0);
    assert_int_equal(b.out.nbehind, 3);
    assert_true(str_eq(b.out.behind[0], x_a) && str_eq(b.out.behind[2], x_b));
    assert_true(str_eq(b.out.behind[1], STR("authorization")));
    arena_release(&b.arena);
}

static void what_tells_who_calls_is_not_the_clients_to_say(void **state)
{
    struct bed b;
    (void)state;
    begin(&b);
    b.c.identity = (struct plan_identity){.id = STR("x-uid"), .scopes = STR("x-scopes")};
    policy_auth_hidden(&b.c, &b.auth, &b.out);
    assert_true(hides(&b, STR("x-uid")) && hides(&b, STR("x-scopes")) && hides(&b, x_a));
    b.c.nproviders = 0;
    policy_auth_hidden(&b.c, NULL, &b.out);
    assert_true(hides(&b, STR("x-uid")) && b.out.nheaders == 2);
    arena_release(&b.arena);
}

static void want_of_memory_is_noted(void **state)
{
    struct bed b;
    (void)state;
    begin(&b);
    arena_release(&b.arena);
    arena_init(&b.arena, 16, 8);
    policy_auth_hidden(&b.c, NULL, &b.out);
    assert_true(b.c.no_memory && b.out.nheaders == 0);
    arena_release(&b.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_any_provider_reads_ends_here),
        cmocka_unit_test(what_is_forwarded_stays),
        cmocka_unit_test(parts_of_a_requirement_are_its_own_too),
        cmocka_unit_test(a_header_that_two_read_stands_there_once),
        cmocka_unit_test(nothing_that_is_read_travels_behind_a_prefix),
        cmocka_unit_test(what_tells_who_calls_is_not_the_clients_to_say),
        cmocka_unit_test(want_of_memory_is_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
