#include <string.h>

#include "gateway/keys.h"
#include "gateway/server_internal.h"

/* One per process; too large for a stack. */
static struct server server;

int main(int argc, char **argv)
{
    struct options options;
    if (argc > 1 && !strcmp(argv[1], "keys"))
        return keys_main(argc - 1, argv + 1);
    switch (options_parse(&options, argc, argv)) {
    case OPTIONS_DONE: return 0;
    case OPTIONS_BAD: return 2;
    case OPTIONS_RUN: break;
    }
    if (options.explain_target || options.explain_expr)
        return server_explain(&options);
    return options.check ? server_check(&options) : server_run(&server, &options);
}
