#include "gateway/upstream/reflect.h"

#include <uv.h>

#include "gateway/core/channel.h"
#include "gateway/upstream/transport.h"
#include "transcoder/wire.h"

/* One stream of ServerReflectionInfo; questions go one after the other:
 *
 *   LIST --names--> for each service: file_containing_symbol --> for each import not yet there:
 * file_by_filename --> done
 *
 * Field numbers are those of grpc.reflection.v1 (v1alpha has the same). A server is trusted no more
 * than a client: the number of files, their bytes and the time are bounded. */

enum { FILES_MAX = 4096, QUESTIONS_MAX = 8192, ARENA_MAX = 64 << 20 };
enum { ASK_FILE = 3, ASK_SYMBOL = 4, ASK_LIST = 7 };
enum { SAYS_FILES = 4, SAYS_SERVICES = 6, SAYS_ERROR = 7 };
enum { FILE_NAME = 1, FILE_IMPORT = 3 };

static const struct str paths[] = {
    STR_INIT("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"),
    STR_INIT("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"),
};
enum { VERSIONS = sizeof paths / sizeof *paths };

struct question {
    uint32_t kind;
    struct str text;
};

struct reflection {
    struct channel *channel;
    struct call *call;
    struct arena arena;
    struct question questions[QUESTIONS_MAX];
    uint32_t asked, nquestions;
    struct str files[FILES_MAX]; /* names seen or asked for */
    uint32_t nfiles;
    uint32_t version;
    uint64_t deadline;
    struct buf *set;
    struct tc_faults *faults;
    struct str place;
    bool done, ok;
};

static void fail(struct reflection *r, const char *what, struct str detail)
{
    if (!r->done)
        tc_fault_add(r->faults, r->place, "server reflection: %s%.*s", what, STR_ARG(detail));
    r->done = true;
}

static void put_question(struct reflection *r, uint32_t kind, struct str text)
{
    struct str copy = arena_copy(&r->arena, text);
    if (!copy.p || r->nquestions == QUESTIONS_MAX)
        fail(r, "the server names more services and files than are believable", STR(""));
    else
        r->questions[r->nquestions++] = (struct question){kind, copy};
}

static void ask_next(struct reflection *r)
{
    if (r->done)
        return;
    if (r->asked == r->nquestions) {
        r->done = r->ok = true;
        return;
    }
    const struct question *q = &r->questions[r->asked++];
    struct buf message;
    if (!call_message_init(&message, 64 << 10) || !tc_put_bytes(&message, q->kind, q->text)) {
        buf_release(&message);
        fail(r, "out of memory", STR(""));
        return;
    }
    call_send(r->call, &message, false);
    call_read(r->call);
}

static bool known(struct reflection *r, struct str name)
{
    for (uint32_t i = 0; i < r->nfiles; i++)
        if (str_eq(r->files[i], name))
            return true;
    return false;
}

/* True when the name is new: it then counts as known. */
static bool note_file(struct reflection *r, struct str name)
{
    if (known(r, name))
        return false;
    struct str copy = arena_copy(&r->arena, name);
    if (!copy.p || r->nfiles == FILES_MAX) {
        fail(r, "more files than are believable", STR(""));
        return false;
    }
    r->files[r->nfiles++] = copy;
    return true;
}

static bool have_name(struct str file, struct str *name)
{
    struct tc_wire_field f;
    bool found = tc_wire_find(file, FILE_NAME, TC_LEN, &f);
    if (found)
        *name = f.bytes;
    return found;
}

static void take_file(struct reflection *r, struct str file)
{
    struct str name;
    if (!have_name(file, &name)) {
        fail(r, "a file descriptor without a name came back", STR(""));
        return;
    }
    if (!note_file(r, name))
        return;
    if (!tc_put_bytes(r->set, 1, file))
        fail(r, "the descriptors are larger than a schema may be", STR(""));
}

/* Files may come with their imports or without: what is missing after an answer is asked for. */
static void ask_imports(struct reflection *r, struct str file)
{
    struct tc_wire_field f;
    while (tc_wire_next(&file, &f) == TC_OK)
        if (f.number == FILE_IMPORT && f.type == TC_LEN && !known(r, f.bytes))
            put_question(r, ASK_FILE, f.bytes);
}

static void each_bytes(struct reflection *r, struct str message,
                       void (*take)(struct reflection *, struct str))
{
    struct tc_wire_field f;
    while (tc_wire_next(&message, &f) == TC_OK)
        if (f.number == 1 && f.type == TC_LEN)
            take(r, f.bytes);
}

static void take_service(struct reflection *r, struct str service)
{
    struct tc_wire_field f;
    if (tc_wire_find(service, 1, TC_LEN, &f) && !str_starts(f.bytes, STR("grpc.reflection.")))
        put_question(r, ASK_SYMBOL, f.bytes);
}

static void take_error(struct reflection *r, struct str error)
{
    struct tc_wire_field f;
    const struct question *q = &r->questions[r->asked - 1];
    struct str text = tc_wire_find(error, 2, TC_LEN, &f) ? f.bytes : STR("no reason given");
    struct str line = arena_printf(&r->arena, "%.*s: %.*s", STR_ARG(q->text), STR_ARG(text));
    fail(r, "the server refused a question: ", line);
}

static void on_message(void *ctx, struct buf *message)
{
    struct reflection *r = ctx;
    struct str rest = buf_str(message);
    struct tc_wire_field f;
    while (tc_wire_next(&rest, &f) == TC_OK) {
        if (f.type != TC_LEN)
            continue;
        if (f.number == SAYS_SERVICES)
            each_bytes(r, f.bytes, take_service);
        else if (f.number == SAYS_ERROR)
            take_error(r, f.bytes);
        if (f.number != SAYS_FILES)
            continue;
        each_bytes(r, f.bytes, take_file);
        each_bytes(r, f.bytes, ask_imports);
    }
    ask_next(r);
}

static void begin(struct reflection *r);

static void on_end(void *ctx, const struct call_end *end)
{
    struct reflection *r = ctx;
    r->call = NULL;
    if (r->done)
        return;
    bool unknown = end->code == TC_CODE_UNIMPLEMENTED && r->asked <= 1;
    if (unknown && ++r->version < VERSIONS) {
        begin(r);
        return;
    }
    if (unknown)
        fail(r, "the server does not offer it; give --descriptors FILE instead", STR(""));
    else
        fail(r, "", end->message.n ? end->message : tc_code_name(end->code));
}

static void on_headers(void *ctx, const struct header *metadata, size_t n)
{
    (void)ctx;
    (void)metadata;
    (void)n;
}

static void on_writable(void *ctx)
{
    (void)ctx; /* one question at a time is never too much */
}

static void begin(struct reflection *r)
{
    static const struct call_events events = {on_headers, on_message, on_writable, on_end};
    struct call_options options = {
        .path = paths[r->version],
        .deadline = r->deadline,
        .max_message = TC_SCHEMA_MAX_BYTES,
    };
    r->asked = 0;
    r->call = channel_start(r->channel, &options, &events, r);
    if (!r->call)
        fail(r, "out of memory", STR(""));
    ask_next(r);
}

static void run(struct reflection *r, uv_loop_t *loop)
{
    put_question(r, ASK_LIST, STR("*"));
    begin(r);
    while (!r->done && uv_run(loop, UV_RUN_ONCE))
        ;
    if (r->call)
        call_cancel(r->call);
}

bool reflect_schema(const struct cluster_config *cluster, uint32_t timeout_ms, struct buf *set,
                    struct tc_faults *faults)
{
    uv_loop_t loop;
    struct arena arena;
    arena_init(&arena, 64 << 10, ARENA_MAX);
    struct reflection *r = arena_alloc(&arena, sizeof *r);
    bool ok = false;
    if (r && uv_loop_init(&loop) == 0) {
        *r = (struct reflection){.set = set, .faults = faults, .place = cluster->name};
        arena_init(&r->arena, 64 << 10, ARENA_MAX);
        r->deadline = uv_hrtime() + (uint64_t)timeout_ms * 1000000;
        r->channel = transport_open(&loop, cluster);
        if (r->channel) {
            run(r, &loop);
            channel_close(r->channel);
        }
        uv_run(&loop, UV_RUN_DEFAULT);
        uv_loop_close(&loop);
        ok = r->ok;
        arena_release(&r->arena);
    }
    arena_release(&arena);
    if (!ok && !faults->count)
        tc_fault_add(faults, cluster->name, "server reflection: out of memory");
    return ok;
}
