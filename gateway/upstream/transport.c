#include "gateway/upstream/transport.h"

#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

#include "gateway/upstream/cluster.h"

/* gRPC core brings half a hundred libraries: they are loaded by the first cluster that wants them
 * and by nobody else. */

typedef struct channel *open_function(uv_loop_t *loop, const struct cluster_config *config);

static void *load_beside(const char *directory, size_t n)
{
    static const char *const places[] = {"", "../lib/postern/"};
    char path[4096 + 64];
    void *module = NULL;
    for (size_t i = 0; !module && i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "%.*s/%spostern-grpc-core.so", (int)n, directory, places[i]);
        module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    }
    return module;
}

/* dlopen counts: asking again costs a look-up, at start and reload only. The module is never
 * closed. */
static open_function *grpc_core(void)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self);
    while (n > 0 && self[n - 1] != '/')
        n--;
    void *module = n > 1 ? load_beside(self, (size_t)n - 1) : NULL;
    if (!module)
        return NULL;
    union {
        void *object;
        open_function *function;
    } symbol = {dlsym(module, "grpc_core_open")};
    return symbol.function;
}

struct channel *transport_open(uv_loop_t *loop, const struct cluster_config *config)
{
    if (config->transport == CLUSTER_HTTP2)
        return cluster_open(loop, config);
    open_function *open_core = grpc_core();
    return open_core ? open_core(loop, config) : NULL;
}

const char *transport_check(const struct cluster_config *config)
{
    if (config->transport == CLUSTER_HTTP2 || grpc_core())
        return NULL;
    return "transport GRPC_CORE needs postern-grpc-core.so beside the program or in "
           "../lib/postern; "
           "it is not there or its libraries are missing (install libgrpc29)";
}
