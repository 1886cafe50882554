/* Bytes of an HTTP/2 peer, cut anywhere: a call on the session ends at most once, and everything is
 * given back. */
#include "gateway/upstream/http2_session.h"
#include "tests/fuzz/fuzz.h"

enum { MESSAGE_MAX = 1 << 16 };

static const struct http2_request request = {.path = STR_INIT("/t.T/Echo")};

static bool gather(struct http2_session *s, struct output *out)
{
    for (int i = 0; i < 100 && http2_session_has_output(s); i++) {
        bool ok = http2_session_gather(s, out);
        output_reset(out);
        if (!ok)
            return false;
    }
    return true;
}

/* What the owner of a call does with news: takes what is whole and asks for more. */
static void take(struct http2_ready *ready)
{
    struct http2_stream *s;
    while ((s = http2_ready_pop(ready))) {
        while (http2_stream_message(s)) {
            REQUIRE(s->in.message.n <= MESSAGE_MAX);
            http2_stream_taken(s);
            http2_stream_read(s);
        }
        REQUIRE(!http2_stream_over(s) || s->ended);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct output out; /* breach: large, and empty between inputs */
    struct str in = {(const char *)data, size};
    uint8_t cuts = fuzz_choice(&in);
    struct http2_session_options options = {STR("fuzz"), 100};
    struct http2_ready ready = {0};
    struct http2_stream stream = {.session = NULL};
    struct buf message;

    struct http2_session *s = http2_session_new(&options, NULL, NULL);
    http2_stream_init(&stream, &ready);
    http2_stream_reset(&stream, MESSAGE_MAX);
    REQUIRE(s && http2_stream_begin(&stream, s, &request));
    REQUIRE(call_message_init(&message, 100) && buf_add(&message, STR("hello")));
    http2_stream_send(&stream, &message, true);
    http2_stream_read(&stream);
    bool open = gather(s, &out);
    for (uint32_t i = 0; open && in.n && !s->broken; i++) {
        open = http2_session_receive(s, fuzz_piece(&in, cuts, i)) && gather(s, &out);
        take(&ready);
    }
    REQUIRE(open || s->broken);
    http2_session_free(s, STR("over"));
    take(&ready);
    REQUIRE(stream.ended && !stream.session);
    http2_stream_release(&stream);
    return 0;
}
