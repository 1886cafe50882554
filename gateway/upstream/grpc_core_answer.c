#include <grpc/support/alloc.h>

#include "gateway/upstream/grpc_core_internal.h"

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

/* Core says only here, in words, whether a status came in trailers or is its own. */
static bool sent_by_peer(const struct core_answer *a)
{
    return a->code == GRPC_STATUS_OK ||
           (a->error && strstr(a->error, "Error received from peer") != NULL);
}

/* Both sides watch the same deadline; when the peer was first, it says so or resets the stream with
 * CANCEL. */
static void judge_deadline(struct core_call *c)
{
    struct call_end *end = &c->end;
    bool passed = end->code == TC_CODE_DEADLINE_EXCEEDED;
    bool reset = end->code == TC_CODE_CANCELLED && !end->from_peer;

    if (!c->deadline || (!passed && !reset))
        return;
    /* Core rounds to milliseconds and so may be a little early. */
    if ((reset || end->from_peer) && uv_hrtime() < c->deadline)
        return;
    end->code = TC_CODE_DEADLINE_EXCEEDED;
    end->deadline = true;
    if (!end->from_peer)
        end->message = STR("the upstream did not answer within the deadline");
}

void core_answer_end(struct core_call *c)
{
    struct core_answer *a = &c->answer;
    struct headers trailers = {.n = 0};
    struct str details = STR_NONE;
    bool known = (unsigned)a->code < TC_CODE_COUNT;
    const char *text = (const char *)GRPC_SLICE_START_PTR(a->text);

    c->ended = true;
    c->end = (struct call_end){
        .code = known ? (enum tc_code)a->code : TC_CODE_UNKNOWN,
        .message = str_of(text, GRPC_SLICE_LENGTH(a->text)),
        .from_peer = sent_by_peer(a),
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
