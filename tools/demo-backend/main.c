/* demo-backend: the gRPC model server of the demo and of the tests. See usage below. */
#include <getopt.h>
#include <grpc/support/log.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "stubs/reflection.h"
#include "tools/demo-backend/demo.h"
#include "tools/demo-backend/models.h"

enum { PACE_DEFAULT_MS = 50, GRACE_MS = 2000, EXIT_BAD_START = 2, THREADS_MAX = 64 };

static const char usage[] =
    "demo-backend --listen HOST:PORT|unix:PATH [flags]: a small gRPC model server\n"
    "  --pace-ms N                 between two pieces of generated text (50)\n"
    "  --delay-ms N                before every call (0)\n"
    "  --fail CODE[:MESSAGE]       every call fails, as in --fail UNAVAILABLE:gone\n"
    "  --die-after N               call number N ends the process, unanswered\n"
    "  --max-concurrent-streams N  of one connection\n"
    "  --threads N                 that serve (1)\n"
    "  --echo-metadata             x-... metadata comes back, in headers and trailers\n"
    "  --ready-file FILE           made when it listens; holds the port\n"
    "SIGUSR1 turns health and readiness off and on. SIGTERM ends it.\n";

__attribute__((format(printf, 1, 2), noreturn)) static void refuse(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("demo-backend: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(EXIT_BAD_START);
}

static uint32_t number(const char *flag, const char *text, uint32_t most)
{
    uint64_t n;
    if (!str_to_u64(str_c(text), most, &n))
        refuse("--%s '%s': write a number from 0 to %u", flag, text, most);
    return (uint32_t)n;
}

static void read_fail(struct demo_options *o, const char *text)
{
    struct str rest = str_c(text), name = str_cut(&rest, ':');
    uint64_t n;
    o->fail = true;
    o->fail_message = rest.n ? rest.p : "told to fail";
    if (str_to_u64(name, UINT16_MAX, &n))
        o->fail_code = (enum tc_code)n;
    else if (!tc_code_from_name(name, &o->fail_code))
        refuse("--fail '%s': write a status such as UNAVAILABLE or 14", text);
}

enum flag {
    LISTEN = 1,
    PACE,
    DELAY,
    FAIL,
    DIE,
    STREAMS,
    THREADS,
    ECHO_METADATA,
    READY_FILE,
    HELP,
};

static const struct option flags[] = {
    {"listen", required_argument, NULL, LISTEN},
    {"pace-ms", required_argument, NULL, PACE},
    {"delay-ms", required_argument, NULL, DELAY},
    {"fail", required_argument, NULL, FAIL},
    {"die-after", required_argument, NULL, DIE},
    {"max-concurrent-streams", required_argument, NULL, STREAMS},
    {"threads", required_argument, NULL, THREADS},
    {"echo-metadata", no_argument, NULL, ECHO_METADATA},
    {"ready-file", required_argument, NULL, READY_FILE},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static void take_flag(struct demo_options *o, int flag)
{
    switch (flag) {
    case LISTEN: o->listen = optarg; break;
    case PACE: o->pace_ms = number("pace-ms", optarg, UINT32_MAX); break;
    case DELAY: o->delay_ms = number("delay-ms", optarg, UINT32_MAX); break;
    case FAIL: read_fail(o, optarg); break;
    case DIE: o->die_after = number("die-after", optarg, UINT32_MAX); break;
    case STREAMS: o->max_streams = number("max-concurrent-streams", optarg, INT32_MAX); break;
    case THREADS: o->threads = number("threads", optarg, THREADS_MAX); break;
    case ECHO_METADATA: o->echo_metadata = true; break;
    case READY_FILE: o->ready_file = optarg; break;
    case HELP: fputs(usage, stdout); exit(0);
    default: exit(EXIT_BAD_START); /* getopt has said why */
    }
}

static struct demo_options read_flags(int argc, char **argv)
{
    struct demo_options o = {.pace_ms = PACE_DEFAULT_MS};
    for (int flag; (flag = getopt_long(argc, argv, "", flags, NULL)) != -1;)
        take_flag(&o, flag);
    if (optind < argc)
        refuse("'%s': see --help", argv[optind]);
    if (!o.listen)
        refuse("--listen is missing: write --listen 127.0.0.1:9001");
    return o;
}

/* Others wait for the file, so it appears whole. */
static void write_ready_file(const char *path, int port)
{
    struct arena a;
    arena_init(&a, 4096, 1 << 16);
    const char *part = text_in(&a, "%s.part", path);
    FILE *f = fopen(part, "w");
    if (!f || fprintf(f, "%d\n", port) < 0 || fclose(f) != 0 || rename(part, path) != 0)
        refuse("--ready-file %s: cannot be written", path);
    arena_release(&a);
}

static void serve_until_told(struct demo *demo, const sigset_t *signals)
{
    for (int signal; sigwait(signals, &signal) == 0;) {
        if (signal != SIGUSR1)
            return;
        atomic_store(&demo->serving, !atomic_load(&demo->serving));
    }
}

/* gRPC core writes a page to standard error for what we say in one line. */
static void ignore_log(gpr_log_func_args *args)
{
    (void)args;
}

int main(int argc, char **argv)
{
    gpr_set_log_function(ignore_log);
    struct demo demo = {.options = read_flags(argc, argv), .serving = true, .repository = {1, 1}};
    /* before any thread is made, so that none of them takes a signal */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);

    const struct str descriptors[] = {
        postern_descriptors_demo_v1_echo, postern_descriptors_demo_v1_text_generation,
        postern_descriptors_inference_grpc_service, postern_descriptors_grpc_health_v1_health};
    struct reflection *reflection = reflection_new(descriptors, 4);
    demo.models = models_new();
    if (!reflection || !demo.models)
        refuse("out of memory");
    const struct server_service services[] = {
        {&demo__v1__echo__service, &echo_handlers, &demo},
        {&demo__v1__text_generation__service, &text_generation_handlers, &demo},
        {&inference__grpcinference_service__service, &inference_handlers, &demo},
        {&grpc__health__v1__health__service, &health_handlers, &demo},
        reflection_service(reflection, REFLECTION_V1),
        reflection_service(reflection, REFLECTION_V1ALPHA),
    };
    const struct server_options options = {.address = demo.options.listen,
                                           .services = services,
                                           .nservices = sizeof services / sizeof *services,
                                           .threads = demo.options.threads,
                                           .max_streams = demo.options.max_streams,
                                           .admit = demo_admit,
                                           .admit_ctx = &demo};
    char why[SERVER_WHY_MAX];
    struct server *server = server_start(&options, why);
    if (!server)
        refuse("--listen: %s", why);
    printf("demo-backend: listening on %s, port %d\n", demo.options.listen, server_port(server));
    fflush(stdout);
    if (demo.options.ready_file)
        write_ready_file(demo.options.ready_file, server_port(server));
    serve_until_told(&demo, &signals);
    server_stop(server, GRACE_MS);
    models_free(demo.models);
    reflection_free(reflection);
    return 0;
}
