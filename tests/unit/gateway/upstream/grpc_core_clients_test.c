#include "gateway/upstream/grpc_core.h"

#include "tests/unit/support/client_suite.h"

int main(void)
{
    return client_suite_run("clients over gRPC core", grpc_core_open);
}
