#include "gateway/upstream/transport.h"

#include "gateway/upstream/cluster.h"
#include "gateway/upstream/module.h"

/* gRPC core brings half a hundred libraries: they are loaded by the first cluster that wants them
 * and by nobody else. */

typedef struct channel *open_function(uv_loop_t *loop, const struct cluster_config *config);

static open_function *grpc_core(void)
{
    return (open_function *)module_find("grpc-core", "grpc_core_open");
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
