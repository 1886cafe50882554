#include "tests/fakes/reflection_server.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fakes/h2_server.h"
#include "transcoder/wire.h"

enum { FILES_MAX = 64, ANSWER_MAX = 16 << 20 };
enum { ASK_FILE = 3, ASK_SYMBOL = 4, ASK_LIST = 7 };
enum { SAYS_FILES = 4, SAYS_SERVICES = 6, SAYS_ERROR = 7 };

#define HEAD ":status: 200\ncontent-type: application/grpc\n"

/* The child's own. */
struct world {
    struct reflection_server *shared;
    struct str files[FILES_MAX];
    uint32_t nfiles;
};

static struct world *world_of(const struct h2_stream *s)
{
    return s->connection->server->ctx;
}

static void put_message(struct buf *out, uint32_t number, struct buf *content)
{
    tc_put_bytes(out, number, buf_str(content));
    buf_release(content);
}

static void put_error(struct buf *out, struct str text)
{
    struct buf error;
    buf_init(&error, ANSWER_MAX);
    tc_put_key(&error, 1, TC_VARINT);
    tc_put_varint(&error, 5);
    tc_put_bytes(&error, 2, text);
    put_message(out, SAYS_ERROR, &error);
}

static void put_services(struct buf *out, struct str service)
{
    const struct str names[] = {STR("grpc.reflection.v1.ServerReflection"), service};
    struct buf list;
    buf_init(&list, ANSWER_MAX);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct buf one;
        buf_init(&one, ANSWER_MAX);
        tc_put_bytes(&one, 1, names[i]);
        put_message(&list, 1, &one);
    }
    put_message(out, SAYS_SERVICES, &list);
}

static bool gives(const struct reflection_script *script, struct str file, struct str wanted)
{
    struct tc_wire_field name;
    if (!tc_wire_find(file, 1, TC_LEN, &name))
        return false;
    for (size_t i = 0; i < sizeof script->missing / sizeof *script->missing; i++)
        if (str_eq(name.bytes, script->missing[i]))
            return false;
    return script->closure || str_eq(name.bytes, wanted);
}

static void put_files(const struct world *w, struct buf *out, struct str wanted)
{
    struct buf list;
    buf_init(&list, ANSWER_MAX);
    for (uint32_t i = w->nfiles; i-- > 0;)
        if (gives(&w->shared->script, w->files[i], wanted))
            tc_put_bytes(&list, 1, w->files[i]);
    if (list.n)
        put_message(out, SAYS_FILES, &list);
    else
        put_error(out, STR("no such file"));
    buf_release(&list);
}

static void put_answer(const struct world *w, struct buf *out, const struct tc_wire_field *question)
{
    const struct reflection_script *script = &w->shared->script;
    if (question->number == ASK_LIST)
        put_services(out, script->service);
    else if (question->number == ASK_FILE)
        put_files(w, out, question->bytes);
    else if (str_eq(question->bytes, script->service))
        put_files(w, out, script->file);
    else
        put_error(out, STR("no such symbol"));
}

static void send_answer(struct h2_stream *s, struct str bytes)
{
    size_t cut = world_of(s)->shared->script.cut;
    h2_message(s, bytes.p, cut && cut < bytes.n ? cut : bytes.n);
}

static void spoil(struct h2_stream *s)
{
    const struct reflection_script *script = &world_of(s)->shared->script;
    if (script->instead.p)
        send_answer(s, script->instead);
    else if (script->ending)
        h2_trailers(s, script->ending);
    else if (script->reset)
        h2_reset(s, 2);
}

/* Counts the question, and tells whether its answer is one of those to be spoilt. */
static bool spoilt(struct reflection_server *s)
{
    bool well_again = s->script.times && s->seen.streams > s->script.times;
    return s->seen.questions++ >= s->script.from && !well_again;
}

static void answer(struct h2_stream *s, struct str request)
{
    struct world *w = world_of(s);
    struct tc_wire_field question;
    struct buf out;
    if (tc_wire_next(&request, &question) != TC_OK)
        return;
    w->shared->seen.for_files += question.number == ASK_FILE;
    if (spoilt(w->shared)) {
        spoil(s);
        return;
    }
    buf_init(&out, ANSWER_MAX);
    put_answer(w, &out, &question);
    send_answer(s, buf_str(&out));
    buf_release(&out);
}

static void on_headers(struct h2_stream *s)
{
    struct reflection_server *shared = world_of(s)->shared;
    if (shared->script.times)
        shared->seen.questions = 0;
    bool alpha = str_starts(str_c(s->path), STR("/grpc.reflection.v1alpha."));
    bool unknown = alpha ? shared->script.no_v1alpha : shared->script.no_v1;
    shared->seen.streams++;
    h2_head(s, unknown ? HEAD "grpc-status: 12\n" : HEAD, unknown);
    s->reset = unknown;
}

static void on_data(struct h2_stream *s)
{
    size_t at = 0;
    while (!s->reset && s->body.n - at >= 5) {
        const unsigned char *p = (const unsigned char *)s->body.p + at;
        size_t n = (size_t)p[3] << 8 | p[4];
        if (s->body.n - at < 5 + n)
            break;
        answer(s, str_of(s->body.p + at + 5, n));
        at += 5 + n;
    }
    buf_consume(&s->body, at);
}

static void on_end(struct h2_stream *s)
{
    world_of(s)->shared->seen.half_closes++;
    if (!s->reset)
        h2_trailers(s, "grpc-status: 0\n");
}

static void on_tick(uv_timer_t *timer)
{
    const struct h2_server *h = timer->data;
    ((struct world *)h->ctx)->shared->seen.resets = h->resets;
}

static void serve(struct reflection_server *shared, struct str set, int ready)
{
    static struct world w; /* breach: a process of its own */
    static struct h2_server h;
    uv_loop_t loop;
    uv_timer_t tick;
    struct tc_wire_field f;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails does not stop its server */
    w.shared = shared;
    while (w.nfiles < FILES_MAX && tc_wire_next(&set, &f) == TC_OK)
        w.files[w.nfiles++] = f.bytes;
    h = (struct h2_server){
        .on_headers = on_headers, .on_data = on_data, .on_end = on_end, .ctx = &w};
    if (uv_loop_init(&loop) != 0 || !h2_listen(&h, &loop, "127.0.0.1:0"))
        _exit(1);
    snprintf(shared->name, sizeof shared->name, "%s", h.name);
    uv_timer_init(&loop, &tick);
    tick.data = &h;
    uv_timer_start(&tick, on_tick, 1, 1);
    if (write(ready, "", 1) == 1)
        uv_run(&loop, UV_RUN_DEFAULT);
    _exit(1);
}

struct reflection_server *reflection_server_start(struct str set,
                                                  const struct reflection_script *script)
{
    int ready[2];
    char byte;
    struct reflection_server *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE,
                                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED || pipe(ready) != 0)
        return NULL;
    s->script = *script;
    s->pid = fork();
    if (s->pid == 0)
        serve(s, set, ready[1]);
    close(ready[1]);
    bool up = s->pid > 0 && read(ready[0], &byte, 1) == 1;
    close(ready[0]);
    if (up)
        return s;
    reflection_server_stop(s);
    return NULL;
}

void reflection_server_stop(struct reflection_server *s)
{
    if (s->pid > 0) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    munmap(s, sizeof *s);
}
