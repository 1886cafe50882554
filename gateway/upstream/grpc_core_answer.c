#include <grpc/support/alloc.h>

#include "gateway/upstream/grpc_core_internal.h"

/* Core rounds deadlines to milliseconds and so may be a little early; in ns. */
enum { CORE_EARLY = 2000000 };

void core_answer_init(struct core_answer *a)
{
    *a = (struct core_answer){.text = grpc_empty_slice()};
    grpc_metadata_array_init(&a->initial);
    grpc_metadata_array_init(&a->trailing);
}

void core_answer_release(struct core_answer *a)
{
    grpc_metadata_array_destroy(&a->initial);
    grpc_metadata_array_destroy(&a->trailing);
    if (a->message)
        grpc_byte_buffer_destroy(a->message);
    grpc_slice_unref(a->text);
    gpr_free((void *)(uintptr_t)a->error);
    core_answer_init(a);
}

static struct str text_of(const struct core_answer *a)
{
    return str_of((const char *)GRPC_SLICE_START_PTR(a->text), GRPC_SLICE_LENGTH(a->text));
}

/* Core dresses what its transport has seen as trailers with a text of its own; what else it ends a
 * call with carries no peer in the error. A peer that sends these very words is taken at them: all
 * that can come of it is another try of a call that may be tried again. */
enum core_cause core_answer_cause(const struct core_answer *a)
{
    static const struct {
        struct str text; /* begins with */
        enum core_cause cause;
    } own[] = {
        {STR_INIT("Received RST_STREAM with error code 7"), CORE_REFUSED},
        {STR_INIT("Received RST_STREAM with error code "), CORE_FAILED},
        {STR_INIT("Received http2 header with status: "), CORE_FAILED},
        {STR_INIT("received initial metadata size exceeds limit"), CORE_FAILED},
        {STR_INIT("received trailing metadata size exceeds limit"), CORE_FAILED},
        {STR_INIT("Socket closed"), CORE_LOST},
        {STR_INIT("Transport closed"), CORE_LOST},
        {STR_INIT("Stream removed"), CORE_LOST},
        {STR_INIT("Connection reset by peer"), CORE_LOST},
        {STR_INIT("Connection timed out"), CORE_LOST},
        {STR_INIT("Broken pipe"), CORE_LOST},
        {STR_INIT("keepalive watchdog timeout"), CORE_LOST},
    };
    struct str text = text_of(a);

    if (a->code == GRPC_STATUS_OK)
        return CORE_PEER;
    if (!a->error || !strstr(a->error, "Error received from peer"))
        return CORE_FAILED;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (str_starts(text, own[i].text))
            return own[i].cause;
    }
    return CORE_PEER;
}

/* Both sides watch the same deadline; when the peer was first, it says so or resets the stream with
 * CANCEL. */
static void judge_deadline(struct core_call *c)
{
    struct call_end *end = &c->end;
    bool passed = end->code == TC_CODE_DEADLINE_EXCEEDED;
    bool reset = end->code == TC_CODE_CANCELLED && !end->from_peer;

    if (!c->deadline || (!passed && !reset) || uv_hrtime() + CORE_EARLY < c->deadline)
        return;
    end->code = TC_CODE_DEADLINE_EXCEEDED;
    end->deadline = true;
    if (!end->from_peer || str_eq(end->message, STR("Deadline Exceeded"))) {
        end->from_peer = false;
        end->message = STR("the upstream did not answer within the deadline");
    }
}

void core_answer_end(struct core_call *c)
{
    struct core_answer *a = &c->answer;
    struct headers trailers = {.n = 0};
    struct str details = STR_NONE;
    bool known = (unsigned)a->code < TC_CODE_COUNT;

    c->ended = true;
    c->end = (struct call_end){
        .code = known ? (enum tc_code)a->code : TC_CODE_UNKNOWN,
        .message = text_of(a),
        .from_peer = core_answer_cause(a) == CORE_PEER,
    };
    if (core_metadata_to(c, &a->trailing, &trailers, &details)) {
        c->end.details = details;
        c->end.trailers = trailers.items;
        c->end.ntrailers = trailers.n;
        judge_deadline(c);
    } else {
        c->end = (struct call_end){.code = TC_CODE_RESOURCE_EXHAUSTED,
                                   .message = STR("out of memory for the upstream's headers")};
    }
}
