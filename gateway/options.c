#include "gateway/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>

#include "gateway/core/text_values.h"
#include "gateway/load.h"

#ifndef POSTERN_VERSION
#define POSTERN_VERSION "0.1.0"
#endif

enum flag {
    FLAG_CONFIG = 1,
    FLAG_DESCRIPTORS,
    FLAG_REFLECT,
    FLAG_UPSTREAM,
    FLAG_LISTEN,
    FLAG_ADMIN,
    FLAG_WORKERS,
    FLAG_MAX_BODY,
    FLAG_ACCESS_LOG,
    FLAG_CHECK,
    FLAG_EXPR,
    FLAG_METHOD,
    FLAG_REQUEST,
    FLAG_HELP,
    FLAG_VERSION,
};

static const struct option flags[] = {
    {"config", required_argument, NULL, FLAG_CONFIG},
    {"descriptors", required_argument, NULL, FLAG_DESCRIPTORS},
    {"reflect", no_argument, NULL, FLAG_REFLECT},
    {"upstream", required_argument, NULL, FLAG_UPSTREAM},
    {"listen", required_argument, NULL, FLAG_LISTEN},
    {"admin", required_argument, NULL, FLAG_ADMIN},
    {"workers", required_argument, NULL, FLAG_WORKERS},
    {"max-request-body", required_argument, NULL, FLAG_MAX_BODY},
    {"access-log", required_argument, NULL, FLAG_ACCESS_LOG},
    {"check", no_argument, NULL, FLAG_CHECK},
    {"expr", required_argument, NULL, FLAG_EXPR},
    {"method", required_argument, NULL, FLAG_METHOD},
    {"request", required_argument, NULL, FLAG_REQUEST},
    {"help", no_argument, NULL, FLAG_HELP},
    {"version", no_argument, NULL, FLAG_VERSION},
    {NULL, 0, NULL, 0},
};

/* Two in number: with --descriptors, and of a gateway that has its schema inside. */
#define USAGE(schema, descriptors)                                                              \
    "postern: REST for gRPC services, declared in their .proto\n"                               \
    "\n"                                                                                        \
    "  postern " schema "--upstream 127.0.0.1:9001 --listen 127.0.0.1:8080\n"                   \
    "\n" descriptors                                                                            \
    "  --reflect                ask the upstream's server reflection for the schema instead\n"  \
    "  --upstream TARGET        host:port, unix:/path or the name of a cluster of the config\n" \
    "  --listen ADDRESS         host:port or unix:/path; may be repeated (127.0.0.1:8080)\n"    \
    "  --admin ADDRESS          health, metrics and configuration (none)\n"                     \
    "  --workers N              threads that serve, 0: one per core (1)\n"                      \
    "  --max-request-body BYTES largest request body (67108864)\n"                              \
    "  --access-log FILE        one JSON line per request; - is standard output (none)\n"       \
    "  --config FILE            postern.yaml; flags win over it\n"                              \
    "  --check                  load everything, print every fault, serve nothing\n"            \
    "  --expr EXPRESSION        of postern explain: an expression to be explained,\n"           \
    "  --method PKG.SERVICE.RPC the method that it is for,\n"                                   \
    "  --request JSON           and a request to judge\n"                                       \
    "  --help, --version\n"

static const char help[] = USAGE(
    "--descriptors api.pb ",
    "  --descriptors FILE       FileDescriptorSet (protoc --include_imports "
    "--descriptor_set_out)\n");
static const char dedicated_help[] = USAGE(
    "", "  This one was made by make gateway: its schema is inside.\n\n");

static bool dedicated(void)
{
    return &postern_builtin_schema != NULL;
}

void options_complain(const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    fprintf(stderr, "postern: %s\n", line); /* breach: the one place that speaks to the starter */
}

static bool bad(const char *flag, const char *value, const char *remedy)
{
    options_complain("--%s %s: %s", flag, value, remedy);
    return false;
}

static bool number(const char *flag, const char *text, uint64_t max, uint64_t *out)
{
    return str_to_u64(str_c(text), max, out) || bad(flag, text, "not a number in its range");
}

static bool address(const char *flag, const char *text)
{
    return endpoint_valid(str_c(text)) ||
           bad(flag, text, "not an address; write host:port, [v6]:port or unix:/path");
}

static bool take(struct options *o, enum flag flag, const char *value)
{
    uint64_t n = 0;
    switch (flag) {
    case FLAG_CONFIG: o->config = value; return true;
    case FLAG_DESCRIPTORS:
        o->descriptors = value;
        return !dedicated() || bad("descriptors", value, OPTIONS_SCHEMA_INSIDE);
    case FLAG_REFLECT: o->reflect = true; return true;
    case FLAG_UPSTREAM: o->upstream = value; return true;
    case FLAG_LISTEN:
        if (o->nlisten == OPTIONS_LISTEN_MAX)
            return bad("listen", value, "too many listeners");
        o->listen[o->nlisten++] = value;
        return address("listen", value);
    case FLAG_ADMIN: o->admin = value; return address("admin", value);
    case FLAG_ACCESS_LOG: o->access_log = value; return true;
    case FLAG_CHECK: o->check = true; return true;
    case FLAG_EXPR: o->explain_expr = value; return true;
    case FLAG_METHOD: o->explain_rpc = value; return true;
    case FLAG_REQUEST: o->explain_request = value; return true;
    case FLAG_WORKERS:
        if (!number("workers", value, 1024, &n))
            return false;
        o->workers = (int32_t)n;
        return true;
    case FLAG_MAX_BODY:
        if (!number("max-request-body", value, UINT32_MAX, &n))
            return false;
        o->max_request_body = n;
        return n != 0 || bad("max-request-body", value, "write a number of bytes from 1 up");
    default: return false;
    }
}

/* Words that stand before the flags: "explain METHOD TARGET". Returns how many, or -1. */
static int take_command(struct options *o, int argc, char **argv)
{
    if (argc < 2 || !str_eq(str_c(argv[1]), STR("explain")))
        return 0;
    if (argc > 2 && argv[2][0] == '-')
        return 1; /* --expr */
    if (argc < 4 || argv[3][0] == '-') {
        options_complain(
            "explain: write postern explain METHOD TARGET --descriptors FILE ..., as in "
            "postern explain GET '/v1/models?page_size=3', or postern explain --expr EXPRESSION "
            "--method pkg.Service.Rpc --descriptors FILE ...");
        return -1;
    }
    o->explain_method = argv[2];
    o->explain_target = argv[3];
    return 3;
}

enum options_result options_parse(struct options *o, int argc, char **argv)
{
    *o = (struct options){.workers = -1};
    opterr = 1;
    int words = take_command(o, argc, argv), flag;
    if (words < 0)
        return OPTIONS_BAD;
    argv[words] = argv[0]; /* getopt reads what follows the name of the program */
    argc -= words;
    argv += words;
    while ((flag = getopt_long(argc, argv, "", flags, NULL)) != -1) {
        if (flag == FLAG_HELP || flag == FLAG_VERSION) {
            /* breach: asked for on standard output */
            fputs(flag == FLAG_VERSION ? "postern " POSTERN_VERSION "\n"
                  : dedicated()        ? dedicated_help
                                       : help,
                  stdout);
            return OPTIONS_DONE;
        }
        if (flag == '?' || !take(o, (enum flag)flag, optarg))
            return OPTIONS_BAD;
    }
    if (words == 1 && (!o->explain_expr || !o->explain_rpc)) {
        options_complain("explain: --expr EXPRESSION and --method pkg.Service.Rpc go together");
        return OPTIONS_BAD;
    }
    if (words != 1 && (o->explain_expr || o->explain_rpc || o->explain_request)) {
        options_complain("--expr, --method and --request belong to postern explain");
        return OPTIONS_BAD;
    }
    if (optind < argc) {
        options_complain("%s: not a flag; see postern --help", argv[optind]);
        return OPTIONS_BAD;
    }
    return OPTIONS_RUN;
}
