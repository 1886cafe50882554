#include "tests/unit/gateway/config_faults.h"

#define NO_ADDRESS " is no address; write \"host:port\", \"[v6]:port\" or \"unix:/path\""
#define NO_DURATION " is no duration; write a number and a unit: \"250ms\", \"30s\", \"5m\", \"2h\""
#define NO_ENDPOINT " is no endpoint; write \"host:port\", \"[v6]:port\" or \"unix:/path\""
#define NO_TARGET " is no target of gRPC core; write \"xds:///name\" or \"dns:///name:port\""
#define NO_UPSTREAM                                                                     \
    " is neither a cluster of this file nor an endpoint; write the name of a cluster, " \
    "\"host:port\", \"[v6]:port\" or \"unix:/path\""
#define KNOWN_CLUSTER                                                                      \
    "name, endpoints, target, transport, authority, connect_timeout, keepalive_interval, " \
    "keepalive_timeout, max_connections, max_pending"
#define NO_KEY "there is no such key; known here: "

static void listeners_and_admin_are_checked(void **state)
{
    static const struct mistake mistakes[] = {
        {"listeners:\n"
         "  - address: x\n",
         ":2: listeners[0].address: \"x\"" NO_ADDRESS "\n"},
        {"listeners:\n"
         "  - {}\n",
         ":2: listeners[0].address: is missing; write where to listen, like \"127.0.0.1:8080\"\n"},
        {"listeners:\n"
         "  - address: h:1\n"
         "  - address: h:1\n",
         ":3: listeners[1].address: \"h:1\" is listeners[0] already\n"},
        {"listeners: [{ address: \"h:99999\" }]\n",
         ":1: listeners[0].address: \"h:99999\"" NO_ADDRESS "\n"},
        {"admin: {}\n",
         ":1: admin.address: is missing; write where to listen, like \"127.0.0.1:8080\"\n"},
        {"admin: { address: \"h:0\" }\n", ":1: admin.address: \"h:0\"" NO_ADDRESS "\n"},
        {"admin: { address: \"127.0.0.1:8080\" }\n",
         ":1: admin.address: \"127.0.0.1:8080\" is listeners[0] already; take another port\n"},
        {"listeners: [{ address: h:1 }]\n"
         "admin:\n"
         "  address: h:1\n",
         ":3: admin.address: \"h:1\" is listeners[0] already; take another port\n"},
    };
    (void)state;
    check_mistakes(mistakes, sizeof mistakes / sizeof *mistakes);
}

static const struct mistake cluster_mistakes[] = {
    {"clusters:\n"
     "  - endpoints: [h:1]\n",
     ":2: clusters[0].name: is missing; options and \"upstream\" name the cluster by it\n"},
    {"clusters:\n"
     "  - name: a b\n"
     "    endpoints: [h:1]\n",
     ":2: clusters[0].name: \"a b\" is no name; use letters, digits, '-', '_' and '.', at most "
     "128\n"},
    {"clusters:\n"
     "  - name: h:1\n"
     "    endpoints: [h:1]\n",
     ":2: clusters[0].name: \"h:1\" is no name; use letters, digits, '-', '_' and '.', at most "
     "128\n"},
    {"clusters:\n"
     "  - { name: a, endpoints: [h:1] }\n"
     "  - { name: b, endpoints: [h:1] }\n"
     "  - { name: a, endpoints: [h:1] }\n",
     ":4: clusters[2].name: \"a\" is the name of clusters[0] already\n"},
    {"clusters:\n"
     "  - name: a\n",
     ":2: clusters[0].endpoints: is missing; a cluster has \"endpoints\" or a \"target\"\n"},
    {"clusters:\n"
     "  - name: a\n"
     "    endpoints: []\n",
     ":3: clusters[0].endpoints: is missing; a cluster has \"endpoints\" or a \"target\"\n"},
    {"clusters:\n"
     "  - name: a\n"
     "    endpoints:\n"
     "      - h:1\n"
     "      - nonsense\n",
     ":5: clusters[0].endpoints[1]: \"nonsense\"" NO_ENDPOINT "\n"},
    {"clusters:\n"
     "  - name: a\n"
     "    endpoints: [h:1, h:2, h:1]\n",
     ":3: clusters[0].endpoints[2]: \"h:1\" is endpoints[0] already\n"},
    {"clusters:\n"
     "  - name: a\n"
     "    endpoints: [\"http://h:1\"]\n",
     ":3: clusters[0].endpoints[0]: \"http://h:1\"" NO_ENDPOINT "\n"},
    {"clusters:\n"
     "  - name: a\n"
     "    endpoints: [h:1]\n"
     "    target: xds:///a\n",
     ":4: clusters[0].target: a cluster has \"endpoints\" or a \"target\", not both\n"},
    {"clusters:\n"
     "  - name: a\n"
     "    target: h:1\n",
     ":3: clusters[0].target: \"h:1\"" NO_TARGET "\n"},
    {"clusters:\n"
     "  - name: a\n"
     "    target: \"dns:\"\n",
     ":3: clusters[0].target: \"dns:\"" NO_TARGET "\n"},
    {"clusters:\n"
     "  - name: a\n"
     "    endpoints: [h:1]\n"
     "    authority: a/b\n",
     ":4: clusters[0].authority: \"a/b\" is no authority; write \"host\" or \"host:port\"\n"},
    {"clusters:\n"
     "  - name: a\n"
     "    endpoints: [h:1]\n"
     "    connect_timeout: 5\n",
     ":4: clusters[0].connect_timeout: \"5\"" NO_DURATION "\n"},
    {"clusters:\n"
     "  - name: a\n"
     "    endpoints: [h:1]\n"
     "    connectTimeout: 0s\n",
     ":4: clusters[0].connect_timeout: must be longer than 0; the default is \"5s\"\n"},
    {"clusters:\n"
     "  - name: a\n"
     "    endpoints: [h:1]\n"
     "    keepalive_interval: 1.5s\n"
     "    keepalive_timeout: 0ms\n",
     ":4: clusters[0].keepalive_interval: \"1.5s\"" NO_DURATION "\n"
     ":5: clusters[0].keepalive_timeout: must be longer than 0; the default is \"10s\"\n"},
    {"upstream: nowhere\n", ":1: upstream: \"nowhere\"" NO_UPSTREAM "\n"},
    {"clusters: [{ name: a, endpoints: [h:1] }]\n"
     "upstream: A\n",
     ":2: upstream: \"A\"" NO_UPSTREAM "\n"},
};

static void clusters_are_checked(void **state)
{
    (void)state;
    check_mistakes(cluster_mistakes, sizeof cluster_mistakes / sizeof *cluster_mistakes);
}

static void bounds_are_checked(void **state)
{
    static const struct mistake mistakes[] = {
        {"bounds:\n"
         "  header_bytes: 1\n",
         ":2: bounds.header_bytes: 1 is out of range; from 1024 to 1048576\n"},
        {"bounds:\n"
         "  header_count: 5\n",
         ":2: bounds.header_count: 5 is out of range; from 10 to 10000\n"},
        {"bounds:\n"
         "  uri_bytes: 20000\n",
         ":2: bounds.uri_bytes: 20000 is more than header_bytes, which counts it too (16384)\n"},
        {"bounds:\n"
         "  header_bytes: 2048\n"
         "  uri_bytes: 4096\n",
         ":3: bounds.uri_bytes: 4096 is more than header_bytes, which counts it too (2048)\n"},
        {"bounds:\n"
         "  request_body_bytes: 5000000000\n",
         ":2: bounds.request_body_bytes: 5000000000 is out of range; from 1 to 4294967295\n"},
        {"bounds:\n"
         "  responseBytes: 99999999999999\n",
         ":2: bounds.response_bytes: 99999999999999 is out of range; from 1 to 4294967295\n"},
        {"bounds:\n"
         "  json_depth: 1001\n",
         ":2: bounds.json_depth: 1001 is out of range; from 1 to 1000\n"},
        {"bounds:\n"
         "  buffer_bytes: 1000\n",
         ":2: bounds.buffer_bytes: 1000 is out of range; from 1024 to 16777216\n"},
        {"bounds:\n"
         "  streams_per_connection: 99999999\n",
         ":2: bounds.streams_per_connection: 99999999 is out of range; from 1 to 1048576\n"},
        {"bounds:\n"
         "  connections: 99999999\n",
         ":2: bounds.connections: 99999999 is out of range; from 1 to 16777216\n"},
        {"bounds:\n"
         "  body_rate: 4294967295\n",
         ":2: bounds.body_rate: 4294967295 is out of range; from 1 to 1073741824\n"},
        {"bounds:\n"
         "  header_deadline: never\n",
         ":2: bounds.header_deadline: \"never\"" NO_DURATION "\n"},
        {"bounds:\n"
         "  body_deadline: 9999h\n",
         ":2: bounds.body_deadline: \"9999h\"" NO_DURATION "\n"},
        {"bounds:\n"
         "  idle: 0s\n",
         ":2: bounds.idle: must be longer than 0; the default is \"75s\"\n"},
        {"bounds:\n"
         "  write_stall: \"-1s\"\n",
         ":2: bounds.write_stall: \"-1s\"" NO_DURATION "\n"},
    };
    (void)state;
    check_mistakes(mistakes, sizeof mistakes / sizeof *mistakes);
}

static void the_rest_is_checked(void **state)
{
    static const struct mistake mistakes[] = {
        {"workers: 257\n", ":1: workers: 257 is out of range; from 0 (one per core) to 256\n"},
        {"metrics: { callers: 1001 }\n",
         ":1: metrics.callers: 1001 is out of range; from 0 to 1000\n"},
        {"grace_period: soon\n", ":1: grace_period: \"soon\"" NO_DURATION "\n"},
        {"descriptors: a.pb\n"
         "reflect: true\n",
         ":2: reflect: the schema comes from \"descriptors\" or from \"reflect\", not from both\n"},
        {"access_log: {}\n",
         ":1: access_log.path: is missing; write a file, or \"-\" for standard output\n"},
        {"access_log:\n"
         "  path: \"\"\n",
         ":2: access_log.path: is missing; write a file, or \"-\" for standard output\n"},
        {"grace_period: soon\n"
         "clusters:\n"
         "  - name: a\n"
         "    endpoints: [x]\n"
         "workers: 1000\n"
         "admin: { address: y }\n",
         ":1: grace_period: \"soon\"" NO_DURATION "\n"
         ":4: clusters[0].endpoints[0]: \"x\"" NO_ENDPOINT "\n"
         ":5: workers: 1000 is out of range; from 0 (one per core) to 256\n"
         ":6: admin.address: \"y\"" NO_ADDRESS "\n"},
        {"clusters:\n"
         "  - nam: a\n"
         "    endpoints: [h:1]\n"
         "  - name: b\n"
         "    endpoints: { h: 1 }\n"
         "upstream: a\n"
         "admin: {}\n"
         "grace_period: 5\n",
         ":2: clusters[0].nam: " NO_KEY KNOWN_CLUSTER "\n"
         ":5: clusters[1].endpoints: expected an array, found an object\n"
         ":8: grace_period: \"5\"" NO_DURATION "\n"},
    };
    (void)state;
    check_mistakes(mistakes, sizeof mistakes / sizeof *mistakes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listeners_and_admin_are_checked),
        cmocka_unit_test(clusters_are_checked),
        cmocka_unit_test(bounds_are_checked),
        cmocka_unit_test(the_rest_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
