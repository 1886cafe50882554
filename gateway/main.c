#include "gateway/server_internal.h"

/* One per process; too large for a stack. */
static struct server server;

int main(int argc, char **argv)
{
    struct options options;
    switch (options_parse(&options, argc, argv)) {
    case OPTIONS_DONE: return 0;
    case OPTIONS_BAD: return 2;
    case OPTIONS_RUN: break;
    }
    if (options.explain_target)
        return server_explain(&options);
    return options.check ? server_check(&options) : server_run(&server, &options);
}
