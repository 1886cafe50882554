#include "stubs/client.h"

#include "gateway/upstream/cluster.h"
#include "tests/unit/support/client_suite.h"

int main(void)
{
    return client_suite_run("clients over our own HTTP/2 channel", cluster_open);
}
