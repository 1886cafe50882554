#include "gateway/core/plan.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "gateway/bounds.h"

static void a_cluster_of_an_endpoint_has_the_documented_defaults(void **state)
{
    struct str endpoint = STR("127.0.0.1:9001");
    struct cluster_config c = cluster_config_of_endpoint(&endpoint);
    (void)state;

    assert_true(str_eq(c.name, endpoint));
    assert_int_equal(c.nendpoints, 1);
    assert_ptr_equal(c.endpoints, &endpoint);
    assert_int_equal(c.target.n, 0);
    assert_int_equal(c.authority.n, 0);
    assert_int_equal(c.transport, CLUSTER_HTTP2);
    assert_int_equal(c.connect_timeout_ms, 5000);
    assert_int_equal(c.max_streams, BOUNDS_DEFAULT.streams);
    assert_true(c.max_connections > 0);
    assert_true(c.max_pending > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cluster_of_an_endpoint_has_the_documented_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
