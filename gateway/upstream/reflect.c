#include "gateway/upstream/reflect.h"

#include <stdio.h>
#include <uv.h>

#include "gateway/core/channel.h"
#include "gateway/upstream/transport.h"
#include "transcoder/wire.h"

/* One stream of ServerReflectionInfo; questions go one after the other:
 *
 *   LIST --names--> for each service: file_containing_symbol --> for each import not yet there:
 * file_by_filename --> half-close --> end
 *
 * A server that is not there (UNAVAILABLE) is asked again from the beginning, with growing pauses:
 * a sidecar and its server start together, and the server takes longer.
 *
 * Field numbers are those of grpc.reflection.v1 (v1alpha has the same). A server is trusted no more
 * than a client: the number of files, their bytes and the time are bounded. */

enum {
    FILES_MAX = 4096,
    SLOTS = 2 * FILES_MAX,
    QUESTIONS_MAX = 8192,
    NAME_BYTES_MAX = 4096,
    ARENA_MAX = 64 << 20,
    MESSAGE_MAX = 2 * NAME_BYTES_MAX,
    LINGER_MS = 500, /* for the end of a stream that has told all */
    PAUSE_FIRST_MS = 100,
    PAUSE_MAX_MS = 1000, /* each is 1.5 times the one before */
    REASON_MAX = 512,
};
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

struct file {
    struct str name;
    bool here; /* else it was asked for, and may never come */
};

struct reflection {
    struct channel *channel;
    struct call *call;
    uv_timer_t linger, pause;
    struct arena arena;
    struct question questions[QUESTIONS_MAX];
    uint32_t asked, nquestions;
    struct file files[FILES_MAX];
    uint32_t nfiles;
    uint16_t slots[SLOTS]; /* hash table of files by name: index + 1; 0: free */
    uint32_t version;
    uint64_t deadline, patient_until; /* uv_hrtime() */
    uint32_t pause_ms;                /* the next one */
    char absent[REASON_MAX];          /* why the server was last found not to be there; or empty */
    struct buf *set;
    struct tc_faults *faults;
    struct str place;
    bool ok;   /* nothing is left to ask */
    bool done; /* that and the stream is over, or it has failed */
};

static void fail(struct reflection *r, const char *what, struct str detail)
{
    if (!r->done)
        tc_fault_add(r->faults, r->place, "server reflection: %s%.*s", what, STR_ARG(detail));
    r->done = true;
}

/* ---- what is asked ---- */

static struct str keep(struct reflection *r, struct str name)
{
    struct str copy = name.n <= NAME_BYTES_MAX ? arena_copy(&r->arena, name) : STR_NONE;
    if (name.n > NAME_BYTES_MAX)
        fail(r, "the server gives a name that is longer than is believable", STR(""));
    else if (!copy.p)
        fail(r, "out of memory", STR(""));
    return copy;
}

static void put_question(struct reflection *r, uint32_t kind, struct str text)
{
    struct str copy = keep(r, text);
    if (copy.p && r->nquestions == QUESTIONS_MAX)
        fail(r, "the server names more services and files than is believable", STR(""));
    else if (copy.p)
        r->questions[r->nquestions++] = (struct question){kind, copy};
}

/* Makes a new one when there is none of that name; NULL when that has failed. */
static struct file *file_of(struct reflection *r, struct str name)
{
    uint32_t at = str_hash(name) % SLOTS;
    while (r->slots[at] && !str_eq(r->files[r->slots[at] - 1].name, name))
        at = (at + 1) % SLOTS;
    if (r->slots[at])
        return &r->files[r->slots[at] - 1];
    if (r->nfiles == FILES_MAX) {
        fail(r, "the server has more files than is believable", STR(""));
        return NULL;
    }
    struct str copy = keep(r, name);
    if (!copy.p)
        return NULL;
    r->files[r->nfiles] = (struct file){.name = copy};
    r->slots[at] = (uint16_t)++r->nfiles;
    return &r->files[r->nfiles - 1];
}

static void on_lingered(uv_timer_t *timer)
{
    struct reflection *r = timer->data;
    r->done = true;
}

/* A server that is left in the middle of a stream writes an error into its log. */
static void finish(struct reflection *r)
{
    r->ok = true;
    call_half_close(r->call);
    uv_timer_start(&r->linger, on_lingered, LINGER_MS, 0);
}

static void ask(struct reflection *r, const struct question *q)
{
    struct buf message;
    if (call_message_init(&message, MESSAGE_MAX) && tc_put_bytes(&message, q->kind, q->text)) {
        call_send(r->call, &message, false);
        call_read(r->call);
        return;
    }
    buf_release(&message);
    fail(r, "out of memory", STR(""));
}

/* An import may have come by itself, with a file that needs it too. */
static bool answered(struct reflection *r, const struct question *q)
{
    const struct file *f = q->kind == ASK_FILE ? file_of(r, q->text) : NULL;
    return f && f->here;
}

static void ask_next(struct reflection *r)
{
    while (r->asked < r->nquestions && answered(r, &r->questions[r->asked]))
        r->asked++;
    if (r->done)
        return;
    if (r->asked == r->nquestions)
        finish(r);
    else
        ask(r, &r->questions[r->asked++]);
}

/* ---- what is answered ---- */

static void take_file(struct reflection *r, struct str file)
{
    struct tc_wire_field name;
    if (!tc_wire_find(file, FILE_NAME, TC_LEN, &name)) {
        fail(r, "a file descriptor came that is none, or has no name", STR(""));
        return;
    }
    struct file *f = file_of(r, name.bytes);
    if (!f || f->here)
        return;
    f->here = true;
    if (!tc_put_bytes(r->set, 1, file))
        fail(r, "the descriptors are larger than a schema may be", STR(""));
}

/* Files may come with their imports or without: what is missing after an answer is asked for. */
static void want_imports(struct reflection *r, struct str file)
{
    struct tc_wire_field f;
    while (!r->done && tc_wire_next(&file, &f) == TC_OK) {
        if (f.number != FILE_IMPORT || f.type != TC_LEN)
            continue;
        uint32_t before = r->nfiles;
        if (file_of(r, f.bytes) && r->nfiles > before)
            put_question(r, ASK_FILE, f.bytes);
    }
}

static void take_service(struct reflection *r, struct str service)
{
    struct tc_wire_field f;
    if (tc_wire_find(service, 1, TC_LEN, &f) && !str_starts(f.bytes, STR("grpc.reflection.")))
        put_question(r, ASK_SYMBOL, f.bytes);
}

static void malformed(struct reflection *r)
{
    fail(r, "the answer is no ServerReflectionResponse", STR(""));
}

/* FileDescriptorResponse and ListServiceResponse alike have their items in field 1. */
static void each_item(struct reflection *r, struct str list,
                      void (*take)(struct reflection *, struct str))
{
    struct tc_wire_field f;
    enum tc_status status = TC_OK;
    while (!r->done && (status = tc_wire_next(&list, &f)) == TC_OK)
        if (f.number == 1 && f.type == TC_LEN)
            take(r, f.bytes);
    if (status == TC_INVALID)
        malformed(r);
}

static void take_services(struct reflection *r, struct str list)
{
    each_item(r, list, take_service);
    if (r->nquestions == 1)
        fail(r, "the server lists no service but reflection; give --descriptors FILE instead",
             STR(""));
}

static void take_files(struct reflection *r, struct str list)
{
    each_item(r, list, take_file);
    each_item(r, list, want_imports);
}

/* Servers often lack files that only carry options; whether a missing import matters is for
 * schema_compile to say. */
static void take_error(struct reflection *r, const struct question *q, struct str error)
{
    struct tc_wire_field f;
    if (q->kind == ASK_FILE)
        return;
    struct str text = tc_wire_find(error, 2, TC_LEN, &f) ? f.bytes : STR("no reason given");
    struct str line = arena_printf(&r->arena, "%.*s: %.*s", STR_ARG(q->text), STR_ARG(text));
    fail(r, "the server does not describe ", line);
}

static void take_answer(struct reflection *r, const struct question *q, uint32_t says,
                        struct str content)
{
    bool list = q->kind == ASK_LIST;
    if (says == SAYS_ERROR)
        take_error(r, q, content);
    else if (says != (list ? SAYS_SERVICES : SAYS_FILES))
        fail(r, "the answer is none to the question for ", q->text);
    else if (list)
        take_services(r, content);
    else
        take_files(r, content);
}

static void on_message(void *ctx, struct buf *message)
{
    struct reflection *r = ctx;
    struct str rest = buf_str(message);
    struct tc_wire_field f, answer = {0};
    enum tc_status status;
    if (r->ok)
        return; /* unasked for */
    while ((status = tc_wire_next(&rest, &f)) == TC_OK)
        if (f.type == TC_LEN &&
            (f.number == SAYS_FILES || f.number == SAYS_SERVICES || f.number == SAYS_ERROR))
            answer = f;
    if (status == TC_INVALID)
        malformed(r);
    else
        take_answer(r, &r->questions[r->asked - 1], answer.number, answer.bytes);
    ask_next(r);
}

static void begin(struct reflection *r);

static void on_paused(uv_timer_t *timer)
{
    struct reflection *r = timer->data;
    arena_reset(&r->arena);
    memset(r->slots, 0, sizeof r->slots);
    r->nquestions = r->nfiles = r->version = 0;
    r->set->n = 0;
    begin(r);
}

/* False when the time for that is over. */
static bool try_again(struct reflection *r, const struct call_end *end)
{
    if (end->code != TC_CODE_UNAVAILABLE ||
        uv_hrtime() + r->pause_ms * UINT64_C(1000000) >= r->patient_until)
        return false;
    snprintf(r->absent, sizeof r->absent, "%.*s", STR_ARG(end->message));
    uv_timer_start(&r->pause, on_paused, r->pause_ms, 0);
    r->pause_ms = r->pause_ms * 3 / 2 < PAUSE_MAX_MS ? r->pause_ms * 3 / 2 : PAUSE_MAX_MS;
    return true;
}

static void fail_with_status(struct reflection *r, const struct call_end *end)
{
    bool never_there = end->code == TC_CODE_DEADLINE_EXCEEDED && r->absent[0] && r->asked <= 1;
    if (never_there)
        fail(r, "", str_c(r->absent));
    else
        fail(r, "", end->message.n ? end->message : tc_code_name(end->code));
}

static void on_end(void *ctx, const struct call_end *end)
{
    struct reflection *r = ctx;
    r->call = NULL;
    bool first = end->code == TC_CODE_UNIMPLEMENTED && r->asked <= 1;
    if (r->done || r->ok)
        r->done = true;
    else if (first && r->version + 1 < VERSIONS) {
        r->version++;
        begin(r);
    } else if (first)
        fail(r, "the server does not offer it; give --descriptors FILE instead", STR(""));
    else if (end->code == TC_CODE_OK)
        fail(r, "the server ended the stream before all was asked", STR(""));
    else if (!try_again(r, end))
        fail_with_status(r, end);
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
    if (r->nquestions == 0)
        put_question(r, ASK_LIST, STR("*"));
    r->asked = 0;
    r->call = channel_start(r->channel, &options, &events, r);
    if (!r->call)
        fail(r, "out of memory", STR(""));
    ask_next(r);
}

static void run(struct reflection *r, uv_loop_t *loop)
{
    uv_timer_init(loop, &r->linger);
    uv_timer_init(loop, &r->pause);
    r->linger.data = r->pause.data = r;
    begin(r);
    while (!r->done && uv_run(loop, UV_RUN_ONCE))
        ;
    if (r->call)
        call_cancel(r->call);
    uv_close((uv_handle_t *)&r->linger, NULL);
    uv_close((uv_handle_t *)&r->pause, NULL);
    channel_close(r->channel);
}

static bool ask_server(struct reflection *r, const struct cluster_config *cluster)
{
    uv_loop_t loop;
    if (uv_loop_init(&loop) != 0)
        return false;
    r->channel = transport_open(&loop, cluster);
    if (r->channel)
        run(r, &loop);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return r->ok && r->channel;
}

bool reflect_schema(const struct cluster_config *cluster, struct reflect_budget budget,
                    struct buf *set, struct tc_faults *faults)
{
    const char *why = transport_check(cluster);
    if (why) {
        tc_fault_add(faults, cluster->name, "server reflection: %s", why);
        return false;
    }
    struct arena arena;
    arena_init(&arena, 64 << 10, ARENA_MAX);
    struct reflection *r = arena_alloc(&arena, sizeof *r);
    bool ok = false;
    if (r) {
        r->set = set;
        r->faults = faults;
        r->place = cluster->name;
        r->deadline = uv_hrtime() + budget.total_ms * UINT64_C(1000000);
        r->patient_until = uv_hrtime() + budget.absent_ms * UINT64_C(1000000);
        r->pause_ms = PAUSE_FIRST_MS;
        arena_init(&r->arena, 64 << 10, ARENA_MAX);
        ok = ask_server(r, cluster);
        arena_release(&r->arena);
    }
    arena_release(&arena);
    if (!ok && !faults->count)
        tc_fault_add(faults, cluster->name, "server reflection: out of memory");
    return ok;
}
