/* Server reflection asked of a scripted server, which runs in a process of its own because
 * reflect_schema has the thread until it is done. */
#include "gateway/upstream/reflect.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka.h wants those above first. */
#include <cmocka.h>

#include "tests/fakes/h2_server.h"
#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/sets.h"
#include "transcoder/wire.h"

enum { ASK_FILE = 3, ASK_SYMBOL = 4, ASK_LIST = 7 };
enum { SAYS_FILES = 4, SAYS_SERVICES = 6, SAYS_ERROR = 7 };
enum { FILES = 32, TIMEOUT_MS = 3000, FAR = 1 << 20 };

static const char service[] = "demo.v1.TextGeneration";
static const char service_file[] = "demo/v1/text_generation.proto";
#define HEAD ":status: 200\ncontent-type: application/grpc\n"

/* What the server does. Shared with it, so that tests can read what it has seen. */
struct script {
    bool no_v1, no_v1alpha;
    bool closure;           /* a file comes with all that it imports, the last first */
    const char *missing[2]; /* files that it does not have */
    size_t cut;             /* bytes of each answer that are sent; 0: all */
    uint32_t from;          /* the answer with this number, from 0, and those behind it are: */
    struct buf *instead;
    const char *ending;     /* trailers instead */
    bool reset, silent;
    char name[128];
    atomic_uint questions, files_asked, streams, resets, ended;
};

struct server {
    struct script *script;
    pid_t pid;
    struct arena arena;
    struct str files[FILES];
    uint32_t nfiles;
};

/* ---- the server ---- */

static struct str name_of(struct str file)
{
    struct tc_wire_field f;
    return tc_wire_find(file, 1, TC_LEN, &f) ? f.bytes : STR_NONE;
}

static void put_message(struct buf *out, uint32_t number, const struct buf *content)
{
    assert_true(tc_put_bytes(out, number, buf_str(content)));
}

static void put_error(struct buf *out, const char *text)
{
    struct buf error;
    buf_init(&error, FAR);
    tc_put_key(&error, 1, TC_VARINT);
    tc_put_varint(&error, 5);
    tc_put_bytes(&error, 2, str_c(text));
    put_message(out, SAYS_ERROR, &error);
    buf_release(&error);
}

static void put_services(struct buf *out)
{
    static const char *const names[] = {"grpc.reflection.v1.ServerReflection", service};
    struct buf list, one;
    buf_init(&list, FAR);
    buf_init(&one, FAR);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        one.n = 0;
        tc_put_bytes(&one, 1, str_c(names[i]));
        put_message(&list, 1, &one);
    }
    put_message(out, SAYS_SERVICES, &list);
    buf_release(&one);
    buf_release(&list);
}

static bool has(const struct script *s, struct str name)
{
    for (size_t i = 0; i < 2; i++)
        if (str_eq(name, str_c(s->missing[i])))
            return false;
    return true;
}

static void put_files(struct server *v, struct buf *out, struct str name)
{
    struct buf list;
    uint32_t found = 0;
    buf_init(&list, FAR);
    for (uint32_t i = v->nfiles; i-- > 0;) {
        struct str n = name_of(v->files[i]);
        if (!has(v->script, n) || (!v->script->closure && !str_eq(n, name)))
            continue;
        tc_put_bytes(&list, 1, v->files[i]);
        found++;
    }
    if (found)
        put_message(out, SAYS_FILES, &list);
    else
        put_error(out, "not found");
    buf_release(&list);
}

static void answer(struct h2_stream *s, const struct tc_wire_field *question)
{
    struct server *v = s->connection->server->ctx;
    struct script *script = v->script;
    struct buf out;
    buf_init(&out, FAR);
    bool spoilt = script->questions++ >= script->from;
    script->files_asked += question->number == ASK_FILE;
    if (spoilt && script->instead)
        buf_add(&out, buf_str(script->instead));
    else if (question->number == ASK_LIST)
        put_services(&out);
    else
        put_files(v, &out, question->number == ASK_SYMBOL ? str_c(service_file) : question->bytes);
    if (spoilt && script->ending)
        h2_trailers(s, script->ending);
    else if (spoilt && script->reset)
        h2_reset(s, 2);
    else if (!spoilt || !script->silent)
        h2_message(s, out.p, script->cut && script->cut < out.n ? script->cut : out.n);
    buf_release(&out);
}

static void on_headers(struct h2_stream *s)
{
    const struct script *script = ((struct server *)s->connection->server->ctx)->script;
    bool alpha = strstr(s->path, "v1alpha") != NULL;
    bool unknown = alpha ? script->no_v1alpha : script->no_v1;
    ((struct server *)s->connection->server->ctx)->script->streams++;
    h2_head(s, unknown ? HEAD "grpc-status: 12\n" : HEAD, unknown);
    s->has_trailers = unknown;
}

static void on_data(struct h2_stream *s)
{
    const unsigned char *p = (const unsigned char *)s->body.p;
    while (s->body.n >= 5 && !s->has_trailers) {
        size_t n = (size_t)p[3] << 8 | p[4];
        if (s->body.n < 5 + n)
            break;
        struct str rest = str_of(s->body.p + 5, n);
        struct tc_wire_field question;
        if (tc_wire_next(&rest, &question) == TC_OK)
            answer(s, &question);
        buf_consume(&s->body, 5 + n);
    }
}

static void on_end(struct h2_stream *s)
{
    struct server *v = s->connection->server->ctx;
    v->script->ended++;
    h2_trailers(s, "grpc-status: 0\n");
}

static void on_tick(uv_timer_t *timer)
{
    struct h2_server *h = timer->data;
    ((struct server *)h->ctx)->script->resets = h->resets;
}

static void serve(struct server *v, int ready)
{
    static struct h2_server h;
    uv_loop_t loop;
    uv_timer_t tick;
    h = (struct h2_server){.on_headers = on_headers, .on_data = on_data, .on_end = on_end, .ctx = v};
    if (uv_loop_init(&loop) != 0 || !h2_listen(&h, &loop, "127.0.0.1:0"))
        _exit(1);
    snprintf(v->script->name, sizeof v->script->name, "%s", h.name);
    uv_timer_init(&loop, &tick);
    tick.data = &h;
    uv_timer_start(&tick, on_tick, 1, 1);
    if (write(ready, "", 1) != 1)
        _exit(1);
    uv_run(&loop, UV_RUN_DEFAULT);
    _exit(0);
}

static void start(struct server *v, const struct script *script)
{
    int ready[2];
    char byte;
    v->script = mmap(NULL, sizeof *script, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(v->script != MAP_FAILED);
    memcpy(v->script, script, sizeof *script);
    arena_init(&v->arena, 64 << 10, 64 << 20);
    struct str set = set_read(&v->arena, "demo/v1/text_generation.pb");
    struct tc_wire_field f;
    for (v->nfiles = 0; tc_wire_next(&set, &f) == TC_OK && v->nfiles < FILES; v->nfiles++)
        v->files[v->nfiles] = f.bytes;
    assert_int_equal(pipe(ready), 0);
    v->pid = fork();
    if (v->pid == 0)
        serve(v, ready[1]);
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
}

static void stop(struct server *v)
{
    kill(v->pid, SIGKILL);
    waitpid(v->pid, NULL, 0);
    arena_release(&v->arena);
    munmap(v->script, sizeof *v->script);
}

/* ---- asking ---- */

struct outcome {
    struct arena arena;
    struct tc_faults faults;
    struct buf set;
    bool ok;
};

static struct outcome reflect(const char *endpoint, uint32_t timeout_ms)
{
    struct str address = str_c(endpoint);
    struct cluster_config cluster = cluster_config_of_endpoint(&address);
    struct outcome o = {.ok = false};
    arena_init(&o.arena, 64 << 10, 64 << 20);
    tc_faults_init(&o.faults, &o.arena);
    o.faults.arena = NULL;
    buf_init(&o.set, TC_SCHEMA_MAX_BYTES);
    (void)timeout_ms;
    (void)cluster;
    return o;
}

static void release(struct outcome *o)
{
    buf_release(&o->set);
    arena_release(&o->arena);
}
