/* The session without a socket: what the peer says is fed by hand, cut wherever one likes. */
#include "gateway/upstream/http2_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

#include "tests/fakes/h2_frames.h"
#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"
#include "tests/unit/support/splits.h"

#define HEAD ":status: 200\ncontent-type: application/grpc\n"

static const struct http2_request request = {.path = STR_INIT("/t.T/Echo")};

struct side {
    struct http2_session *session;
    struct http2_ready ready;
    struct http2_stream stream;
    struct output *output;
    struct buf sent;     /* to the peer */
    struct buf received; /* messages, one behind the other */
    uint32_t messages;
};

static bool open_side(struct side *x)
{
    struct http2_session_options options = {STR("test"), 100};
    struct buf message;

    *x = (struct side){.session = NULL};
    buf_init(&x->sent, 1 << 24);
    buf_init(&x->received, 1 << 24);
    http2_stream_init(&x->stream, &x->ready);
    http2_stream_reset(&x->stream, 1 << 20);
    x->output = calloc(1, sizeof *x->output);
    x->session = x->output ? http2_session_new(&options, NULL, NULL) : NULL;
    if (!x->session || !http2_stream_begin(&x->stream, x->session, &request))
        return false;
    if (!call_message_init(&message, 100) || !buf_add(&message, STR("hello"))) {
        buf_release(&message);
        return false;
    }
    http2_stream_send(&x->stream, &message, true);
    http2_stream_read(&x->stream);
    return !x->stream.ended;
}

static void close_side(struct side *x)
{
    http2_session_free(x->session, STR("over"));
    http2_stream_release(&x->stream);
    if (x->output)
        output_reset(x->output);
    free(x->output);
    buf_release(&x->sent);
    buf_release(&x->received);
}

static bool gather(struct side *x)
{
    bool ok = http2_session_gather(x->session, x->output);

    for (uint32_t i = 0; i < x->output->nvectors; i++)
        ok &= buf_add(&x->sent,
                      str_of(x->output->vectors[i].iov_base, x->output->vectors[i].iov_len));
    output_reset(x->output);
    return ok;
}

static void take_messages(struct side *x)
{
    while (http2_stream_message(&x->stream)) {
        buf_add(&x->received, buf_str(&x->stream.in.message));
        x->messages++;
        http2_stream_taken(&x->stream);
        http2_stream_read(&x->stream);
    }
}

static bool receive(struct side *x, struct str bytes)
{
    bool ok = http2_session_receive(x->session, bytes);

    take_messages(x);
    return ok && gather(x);
}

static struct buf unary_answer(void)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    h2_put_frame(&b, H2_SETTINGS, 0, 0, STR(""));
    h2_put_headers(&b, 0, 1, HEAD "x-a: b\n");
    h2_put_message(&b, 0, 1, STR("wor"));
    h2_put_message(&b, 0, 1, STR("ld"));
    h2_put_headers(&b, H2_END_STREAM, 1, "grpc-status: 5\ngrpc-message: gone%21\nx-t: u\n");
    return b;
}

static void feed_answer(void *arg, const struct str *pieces, size_t n)
{
    struct side x;
    (void)arg;

    assert_true(open_side(&x));
    assert_true(gather(&x));
    for (size_t i = 0; i < n; i++) {
        struct guard g = guard_copy(pieces[i]);
        assert_true(receive(&x, g.s));
        guard_release(&g);
    }
    assert_true(http2_stream_over(&x.stream));
    assert_true(str_eq(buf_str(&x.received), STR("world")));
    assert_int_equal(x.messages, 2);
    assert_int_equal(x.stream.end.code, TC_CODE_NOT_FOUND);
    assert_true(str_eq(x.stream.end.message, STR("gone!")));
    assert_int_equal(x.stream.end.ntrailers, 1);
    assert_int_equal(x.stream.answer.metadata.n, 1);
    close_side(&x);
}

static void an_answer_may_be_cut_anywhere(void **state)
{
    struct buf b = unary_answer();
    (void)state;

    splits_each(buf_str(&b), feed_answer, NULL);
    buf_release(&b);
}

static bool run_once(void *arg)
{
    struct side x;
    struct str answer = *(struct str *)arg;
    bool ok = open_side(&x) && gather(&x) && receive(&x, answer) && http2_stream_over(&x.stream) &&
              x.stream.end.code == TC_CODE_NOT_FOUND && x.stream.end.message.n == 5 &&
              x.messages == 2 && x.received.n == 5;

    close_side(&x);
    return ok;
}

static void memory_may_be_short_anywhere(void **state)
{
    struct buf b = unary_answer();
    struct str answer = buf_str(&b);
    (void)state;

    assert_true(failmalloc_each(run_once, &answer) > 5);
    buf_release(&b);
}

static void the_request_is_what_grpc_wants(void **state)
{
    struct side x;
    (void)state;

    assert_true(open_side(&x));
    assert_true(gather(&x));
    assert_memory_equal(x.sent.p, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    /* The last frame is DATA with END_STREAM: one prefixed message. */
    static const char data[] = "\0\0\x0a\0\1\0\0\0\1\0\0\0\0\5hello";
    assert_memory_equal(x.sent.p + x.sent.n - (sizeof data - 1), data, sizeof data - 1);
    close_side(&x);
}

/* Sends a call of that id over the side's session and returns the size of the compression table. */
static size_t table_after(struct side *x, struct http2_stream *stream, struct str id)
{
    struct header metadata[] = {{STR("x-request-id"), id}, {STR("x-tenant"), STR("blue")}};
    struct http2_request with = {.path = request.path, .metadata = metadata, .nmetadata = 2};

    http2_stream_init(stream, &x->ready);
    http2_stream_reset(stream, 100);
    assert_true(http2_stream_begin(stream, x->session, &with));
    assert_true(gather(x));
    return nghttp2_session_get_hd_deflate_dynamic_table_size(x->session->ng);
}

static void ids_stay_out_of_the_compression_table(void **state)
{
    struct side x;
    struct http2_stream one = {.id = 0}, two = {.id = 0};
    (void)state;

    assert_true(open_side(&x));
    size_t size = table_after(&x, &one, STR("00000001"));
    assert_true(size > 100); /* what stays the same is in it */
    assert_int_equal(table_after(&x, &two, STR("00000002")), size);
    http2_session_free(x.session, STR("over"));
    x.session = NULL;
    http2_stream_release(&one);
    http2_stream_release(&two);
    close_side(&x);
}

/* With the name in the table the id alone is sent, and again after many calls: others may have
 * pushed it out. */
static void the_name_of_an_id_is_sent_once(void **state)
{
    struct side x;
    struct http2_stream calls[3] = {{.id = 0}};
    size_t size[3], sent[3], before;
    (void)state;

    assert_true(open_side(&x));
    for (int i = 0; i < 3; i++) {
        x.session->begun = i == 1 ? 512 : 513;
        before = x.sent.n;
        size[i] = table_after(&x, &calls[i], STR("00000001"));
        sent[i] = x.sent.n - before;
    }
    assert_int_equal(size[1] - size[0], 12 + 8 + 32); /* RFC 7541 4.1 */
    assert_int_equal(size[2], size[1]);
    assert_true(sent[2] + 8 < sent[0]);
    http2_session_free(x.session, STR("over"));
    x.session = NULL;
    for (int i = 0; i < 3; i++)
        http2_stream_release(&calls[i]);
    close_side(&x);
}

static void no_stream_begins_before_the_peer_has_greeted(void **state)
{
    struct side x;
    struct buf b;
    (void)state;

    assert_true(open_side(&x));
    assert_int_equal(http2_session_room(x.session), 0);
    buf_init(&b, 1000);
    h2_put_frame(&b, H2_SETTINGS, 0, 0, STR("\0\3\0\0\0\7"));
    assert_true(receive(&x, buf_str(&b)));
    assert_int_equal(http2_session_room(x.session), 6);
    buf_release(&b);
    close_side(&x);
}

static void goaway_tells_what_was_never_begun(void **state)
{
    struct side x;
    struct buf b;
    (void)state;

    assert_true(open_side(&x));
    assert_true(gather(&x));
    buf_init(&b, 1000);
    h2_put_frame(&b, H2_SETTINGS, 0, 0, STR(""));
    h2_put_frame(&b, H2_GOAWAY, 0, 0, STR("\0\0\0\0\0\0\0\0"));
    assert_true(receive(&x, buf_str(&b)));
    assert_true(http2_stream_over(&x.stream));
    assert_int_equal(x.stream.attempt, HTTP2_UNSTARTED);
    assert_int_equal(http2_session_room(x.session), 0);
    assert_true(http2_session_finished(x.session));
    assert_true(http2_stream_rewind(&x.stream));
    buf_release(&b);
    close_side(&x);
}

static void a_lost_session_ends_its_streams(void **state)
{
    struct side x;
    (void)state;

    assert_true(open_side(&x));
    assert_true(gather(&x));
    http2_session_free(x.session, STR("lost it"));
    x.session = NULL;
    assert_ptr_equal(http2_ready_pop(&x.ready), &x.stream);
    assert_true(http2_stream_over(&x.stream));
    assert_int_equal(x.stream.end.code, TC_CODE_UNAVAILABLE);
    assert_true(str_eq(x.stream.end.message, STR("lost it")));
    assert_int_equal(x.stream.attempt, HTTP2_STARTED);
    close_side(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_is_what_grpc_wants),
        cmocka_unit_test(ids_stay_out_of_the_compression_table),
        cmocka_unit_test(the_name_of_an_id_is_sent_once),
        cmocka_unit_test(an_answer_may_be_cut_anywhere),
        cmocka_unit_test(memory_may_be_short_anywhere),
        cmocka_unit_test(no_stream_begins_before_the_peer_has_greeted),
        cmocka_unit_test(goaway_tells_what_was_never_begun),
        cmocka_unit_test(a_lost_session_ends_its_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
