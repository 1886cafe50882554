#include "tests/unit/support/client_suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gen/demo/v1/echo.postern.h"
#include "gen/demo/v1/text_generation.postern.h"
#include "gen/google/rpc/status.pb-c.h"
#include "gen/grpc/health/v1/health.postern.h"
#include "gen/grpc/reflection/v1/reflection.postern.h"
#include "gen/inference/grpc_service.postern.h"
#include "tests/fakes/call_probe.h"
#include "tests/unit/support/demo_server.h"
#include "tests/unit/support/slower.h"

enum { PATIENCE_MS = 9000 + 1000 * SLOWER, MS = 1000000, BIG = 300000 };

struct suite {
    client_suite_open *open;
    struct demo_server server;
    uv_loop_t loop;
    struct str endpoint;
    struct cluster_config config;
    struct channel *channel;
};

/* What a call told. */
struct seen {
    struct client_call *call;
    bool over, answered, deadline;
    uint32_t messages;
    enum tc_code code;
    char text[512], message[256];
    size_t details;
    bool (*on_message)(struct seen *s); /* says whether the stream goes on; NULL: yes */
};

static void note_end(struct seen *s, const struct call_end *end)
{
    s->over = true;
    s->code = end->code;
    s->deadline = end->deadline;
    s->details = end->details.n;
    snprintf(s->message, sizeof s->message, "%.*s", STR_ARG(end->message));
}

static void on_end(void *ctx, const struct call_end *end)
{
    note_end(ctx, end);
}

static void note_answer(struct seen *s, const void *answer, const struct call_end *end)
{
    assert_false(s->over);
    assert_true((answer != NULL) == (end->code == TC_CODE_OK));
    s->answered = answer != NULL;
    note_end(s, end);
}

static bool note_message(struct seen *s, const char *text)
{
    size_t n = strlen(s->text);
    s->messages++;
    snprintf(s->text + n, sizeof s->text - n, "%s", text);
    return s->on_message ? s->on_message(s) : true;
}

/* A `done` that notes one text of the answer. */
#define DONE(name, type, shown)                                                 \
    static void name(void *ctx, const type *answer, const struct call_end *end) \
    {                                                                           \
        struct seen *s = ctx;                                                   \
        note_answer(s, answer, end);                                            \
        if (answer)                                                             \
            snprintf(s->text, sizeof s->text, "%s", (shown));                   \
    }

DONE(on_echo, Demo__V1__EchoMessage, answer->text)
DONE(on_sleep, Demo__V1__SleepResponse, "")
DONE(on_empty, Google__Protobuf__Empty, "")
DONE(on_generate, Demo__V1__GenerateResponse, answer->text)
DONE(on_summarize, Demo__V1__SummarizeResponse, answer->summary)
DONE(on_model, Demo__V1__Model, answer->display_name)
DONE(on_models, Demo__V1__ListModelsResponse, answer->models[0]->name)
DONE(on_live, Inference__ServerLiveResponse, answer->live ? "live" : "")
DONE(on_ready, Inference__ServerReadyResponse, answer->ready ? "ready" : "")
DONE(on_model_ready, Inference__ModelReadyResponse, answer->ready ? "ready" : "")
DONE(on_metadata, Inference__ServerMetadataResponse, answer->name)
DONE(on_model_metadata, Inference__ModelMetadataResponse, answer->inputs[0]->datatype)
DONE(on_infer, Inference__ModelInferResponse, answer->outputs[0]->name)
DONE(on_index, Inference__RepositoryIndexResponse, answer->models[0]->name)
DONE(on_load, Inference__RepositoryModelLoadResponse, "")
DONE(on_unload, Inference__RepositoryModelUnloadResponse, "")
DONE(on_check, Grpc__Health__V1__HealthCheckResponse,
     answer->status == GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING ? "serving"
                                                                                        : "")
DONE(on_list, Grpc__Health__V1__HealthListResponse, answer->statuses[0]->key)

static bool on_echoed(void *ctx, const Demo__V1__EchoMessage *m)
{
    return note_message(ctx, m->text);
}

static bool on_chunk(void *ctx, const Demo__V1__GenerateChunk *m)
{
    return note_message(ctx, m->text);
}

static bool on_chat(void *ctx, const Demo__V1__ChatResponse *m)
{
    return note_message(ctx, m->part_case == DEMO__V1__CHAT_RESPONSE__PART_TEXT ? m->text : "tool");
}

static bool on_watch(void *ctx, const Grpc__Health__V1__HealthCheckResponse *m)
{
    return note_message(ctx, m->status ? "s" : "?");
}

static bool on_reflection(void *ctx, const Grpc__Reflection__V1__ServerReflectionResponse *m)
{
    return note_message(ctx, m->list_services_response->service[0]->name);
}

static void await(struct suite *t, struct seen *s)
{
    assert_non_null(s->call);
    assert_true(run_until(&t->loop, &s->over, PATIENCE_MS));
}

static Demo__V1__GenerateRequest generate_request(char *model)
{
    Demo__V1__GenerateRequest r = DEMO__V1__GENERATE_REQUEST__INIT;
    r.model = model;
    r.prompt = "Once upon";
    r.max_tokens = 6;
    return r;
}

/* --- each kind of call --- */

static void unary_calls_get_their_answer(void **state)
{
    struct suite *t = *state;
    struct seen s = {0};
    Demo__V1__EchoMessage m = DEMO__V1__ECHO_MESSAGE__INIT;
    m.text = "h\xc3\xa9llo";
    s.call = demo__v1__echo__echo(t->channel, NULL, &m, on_echo, &s);
    await(t, &s);
    assert_int_equal(s.code, TC_CODE_OK);
    assert_string_equal(s.text, "h\xc3\xa9llo");
}

static void a_failed_call_has_status_and_details_and_no_answer(void **state)
{
    struct suite *t = *state;
    struct seen s = {0};
    Demo__V1__GenerateRequest r = generate_request("nowhere");
    s.call = demo__v1__text_generation__generate(t->channel, NULL, &r, on_generate, &s);
    await(t, &s);
    assert_int_equal(s.code, TC_CODE_NOT_FOUND);
    assert_false(s.answered);
    assert_string_equal(s.message, "no model 'nowhere' here");
    assert_true(s.details > 0);
}

static void a_stream_comes_message_by_message(void **state)
{
    struct suite *t = *state;
    struct seen whole = {0}, pieces = {0};
    Demo__V1__GenerateRequest r = generate_request("tiny");
    whole.call = demo__v1__text_generation__generate(t->channel, NULL, &r, on_generate, &whole);
    pieces.call = demo__v1__text_generation__stream_generate(t->channel, NULL, &r, on_chunk, on_end,
                                                             &pieces);
    await(t, &whole);
    await(t, &pieces);
    assert_int_equal(pieces.code, TC_CODE_OK);
    assert_int_equal(pieces.messages, 6);
    assert_string_equal(pieces.text, whole.text);
}

static bool hold(struct seen *s)
{
    (void)s;
    return false;
}

static void a_stream_waits_while_it_is_held(void **state)
{
    struct suite *t = *state;
    struct seen s = {.on_message = hold};
    Demo__V1__EchoMessage m = DEMO__V1__ECHO_MESSAGE__INIT;
    Demo__V1__EchoStreamRequest r = DEMO__V1__ECHO_STREAM_REQUEST__INIT;
    m.text = "x";
    r.message = &m;
    r.count = 3;
    s.call = demo__v1__echo__echo_stream(t->channel, NULL, &r, on_echoed, on_end, &s);
    for (uint32_t i = 1; i <= 3; i++) {
        run_for(&t->loop, 100);
        assert_int_equal(s.messages, i);
        assert_int_equal(s.over, i == 3); /* the end waits for nobody */
        if (!s.over)
            client_call_read(s.call);
    }
    assert_int_equal(s.code, TC_CODE_OK);
}

static void a_client_streams_and_gets_one_answer(void **state)
{
    struct suite *t = *state;
    struct seen s = {0};
    Demo__V1__SummarizeChunk chunk = DEMO__V1__SUMMARIZE_CHUNK__INIT;
    chunk.model = "tiny";
    chunk.text = "one two";
    chunk.max_words = 3;
    s.call = demo__v1__text_generation__summarize(t->channel, NULL, on_summarize, &s);
    assert_non_null(s.call);
    assert_int_equal(demo__v1__text_generation__summarize__send(s.call, &chunk, false),
                     CLIENT_SENT);
    chunk.text = "three four";
    demo__v1__text_generation__summarize__send(s.call, &chunk, true);
    await(t, &s);
    assert_int_equal(s.code, TC_CODE_OK);
    assert_string_equal(s.text, "one two three");
}

static bool answer_in_turn(struct seen *s)
{
    Demo__V1__ChatRequest r = DEMO__V1__CHAT_REQUEST__INIT;
    r.turn_case = DEMO__V1__CHAT_REQUEST__TURN_TEXT;
    r.text = "how is the weather";
    if (s->messages == 1)
        demo__v1__text_generation__chat__send(s->call, &r, false);
    else
        client_call_half_close(s->call);
    return true;
}

static void both_sides_talk_in_turn(void **state)
{
    struct suite *t = *state;
    struct seen s = {.on_message = answer_in_turn};
    Demo__V1__ChatRequest r = DEMO__V1__CHAT_REQUEST__INIT;
    r.model = "tiny";
    r.turn_case = DEMO__V1__CHAT_REQUEST__TURN_TEXT;
    r.text = "hi";
    s.call = demo__v1__text_generation__chat(t->channel, NULL, on_chat, on_end, &s);
    demo__v1__text_generation__chat__send(s.call, &r, false);
    await(t, &s);
    assert_int_equal(s.code, TC_CODE_OK);
    assert_string_equal(s.text, "You said (1): hitool");
}

/* --- ends that are not the server's --- */

static bool cancel_now(struct seen *s)
{
    client_call_cancel(s->call);
    return true;
}

static void a_call_can_be_cancelled_inside_its_callback(void **state)
{
    struct suite *t = *state;
    struct seen s = {.on_message = cancel_now};
    Demo__V1__GenerateRequest r = generate_request("tiny");
    s.call = demo__v1__text_generation__stream_generate(t->channel, NULL, &r, on_chunk, on_end, &s);
    run_for(&t->loop, 150);
    assert_int_equal(s.messages, 1);
    assert_false(s.over);
}

static void a_cancelled_call_tells_nothing(void **state)
{
    struct suite *t = *state;
    struct seen s = {0};
    Demo__V1__SleepRequest r = DEMO__V1__SLEEP_REQUEST__INIT;
    s.call = demo__v1__echo__sleep(t->channel, NULL, &r, on_sleep, &s);
    client_call_cancel(s.call);
    run_for(&t->loop, 50);
    assert_false(s.over);
}

static void a_deadline_ends_the_call(void **state)
{
    struct suite *t = *state;
    struct seen s = {0};
    Google__Protobuf__Duration d = GOOGLE__PROTOBUF__DURATION__INIT;
    Demo__V1__SleepRequest r = DEMO__V1__SLEEP_REQUEST__INIT;
    d.seconds = 60;
    r.duration = &d;
    uint64_t start = uv_hrtime();
    struct client_options o = {.deadline = start + (uint64_t)100 * MS};
    s.call = demo__v1__echo__sleep(t->channel, &o, &r, on_sleep, &s);
    await(t, &s);
    assert_int_equal(s.code, TC_CODE_DEADLINE_EXCEEDED);
    assert_true(s.deadline);
    assert_true(uv_hrtime() - start < (uint64_t)2000 * SLOWER * MS);
}

static void a_too_large_answer_is_refused(void **state)
{
    struct suite *t = *state;
    static uint8_t bytes[BIG];
    struct seen small = {0}, large = {0};
    Demo__V1__EchoMessage m = DEMO__V1__ECHO_MESSAGE__INIT;
    m.blob = (ProtobufCBinaryData){sizeof bytes, bytes};
    struct client_options o = {.max_message = BIG / 2};
    large.call = demo__v1__echo__echo(t->channel, NULL, &m, on_echo, &large);
    small.call = demo__v1__echo__echo(t->channel, &o, &m, on_echo, &small);
    await(t, &large);
    await(t, &small);
    assert_int_equal(large.code, TC_CODE_OK);
    assert_int_equal(small.code, TC_CODE_RESOURCE_EXHAUSTED);
}

/* --- the rest of the methods --- */

#define CALLED(function, request_type, init, prepare, done, expected) \
    do {                                                              \
        struct seen s = {0};                                          \
        request_type r = init;                                        \
        prepare;                                                      \
        s.call = function(t->channel, NULL, &r, done, &s);            \
        await(t, &s);                                                 \
        assert_int_equal(s.code, TC_CODE_OK);                         \
        assert_string_equal(s.text, expected);                        \
    } while (0)

static void every_method_of_the_models_answers(void **state)
{
    struct suite *t = *state;
    Demo__V1__Model m = DEMO__V1__MODEL__INIT;
    m.name = "base";
    m.display_name = "Changed";
    CALLED(demo__v1__text_generation__get_model, Demo__V1__GetModelRequest,
           DEMO__V1__GET_MODEL_REQUEST__INIT, r.name = "tiny", on_model, "Tiny");
    CALLED(demo__v1__text_generation__list_models, Demo__V1__ListModelsRequest,
           DEMO__V1__LIST_MODELS_REQUEST__INIT, r.page_size = 1, on_models, "base");
    CALLED(demo__v1__text_generation__update_model, Demo__V1__UpdateModelRequest,
           DEMO__V1__UPDATE_MODEL_REQUEST__INIT, r.model = &m, on_model, "Changed");
    CALLED(demo__v1__text_generation__delete_model, Demo__V1__DeleteModelRequest,
           DEMO__V1__DELETE_MODEL_REQUEST__INIT, r.name = "broken", on_empty, "");
    CALLED(demo__v1__echo__fail, Demo__V1__FailRequest, DEMO__V1__FAIL_REQUEST__INIT, (void)0,
           on_empty, "");
}

static void every_method_of_inference_answers(void **state)
{
    struct suite *t = *state;
    float values[] = {1, 2};
    int64_t shape = 2;
    Inference__InferTensorContents contents = INFERENCE__INFER_TENSOR_CONTENTS__INIT;
    contents.fp32_contents = values;
    contents.n_fp32_contents = 2;
    Inference__ModelInferRequest__InferInputTensor x =
        INFERENCE__MODEL_INFER_REQUEST__INFER_INPUT_TENSOR__INIT;
    Inference__ModelInferRequest__InferInputTensor *inputs = &x;
    x.name = "x";
    x.datatype = "FP32";
    x.shape = &shape;
    x.n_shape = 1;
    x.contents = &contents;
    CALLED(inference__grpcinference_service__server_live, Inference__ServerLiveRequest,
           INFERENCE__SERVER_LIVE_REQUEST__INIT, (void)0, on_live, "live");
    CALLED(inference__grpcinference_service__server_ready, Inference__ServerReadyRequest,
           INFERENCE__SERVER_READY_REQUEST__INIT, (void)0, on_ready, "ready");
    CALLED(inference__grpcinference_service__model_ready, Inference__ModelReadyRequest,
           INFERENCE__MODEL_READY_REQUEST__INIT, r.name = "linear", on_model_ready, "ready");
    CALLED(inference__grpcinference_service__server_metadata, Inference__ServerMetadataRequest,
           INFERENCE__SERVER_METADATA_REQUEST__INIT, (void)0, on_metadata, "demo-backend");
    CALLED(inference__grpcinference_service__model_metadata, Inference__ModelMetadataRequest,
           INFERENCE__MODEL_METADATA_REQUEST__INIT, r.name = "linear", on_model_metadata, "FP32");
    CALLED(inference__grpcinference_service__model_infer, Inference__ModelInferRequest,
           INFERENCE__MODEL_INFER_REQUEST__INIT,
           (r.model_name = "linear", r.inputs = &inputs, r.n_inputs = 1), on_infer, "y");
    CALLED(inference__grpcinference_service__repository_index, Inference__RepositoryIndexRequest,
           INFERENCE__REPOSITORY_INDEX_REQUEST__INIT, (void)0, on_index, "linear");
    CALLED(inference__grpcinference_service__repository_model_unload,
           Inference__RepositoryModelUnloadRequest,
           INFERENCE__REPOSITORY_MODEL_UNLOAD_REQUEST__INIT, r.model_name = "echo", on_unload, "");
    CALLED(inference__grpcinference_service__repository_model_load,
           Inference__RepositoryModelLoadRequest, INFERENCE__REPOSITORY_MODEL_LOAD_REQUEST__INIT,
           r.model_name = "echo", on_load, "");
}

static void health_and_reflection_answer(void **state)
{
    struct suite *t = *state;
    CALLED(grpc__health__v1__health__check, Grpc__Health__V1__HealthCheckRequest,
           GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT, (void)0, on_check, "serving");
    CALLED(grpc__health__v1__health__list, Grpc__Health__V1__HealthListRequest,
           GRPC__HEALTH__V1__HEALTH_LIST_REQUEST__INIT, (void)0, on_list, "");
    struct seen watch = {.on_message = cancel_now}, services = {0};
    Grpc__Health__V1__HealthCheckRequest check = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    watch.call = grpc__health__v1__health__watch(t->channel, NULL, &check, on_watch, on_end,
                                                 &watch);
    Grpc__Reflection__V1__ServerReflectionRequest r =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    r.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES;
    r.list_services = "";
    services.call = grpc__reflection__v1__server_reflection__server_reflection_info(
        t->channel, NULL, on_reflection, on_end, &services);
    grpc__reflection__v1__server_reflection__server_reflection_info__send(services.call, &r, true);
    await(t, &services);
    assert_string_equal(services.text, "demo.v1.Echo");
    for (int i = 0; i < PATIENCE_MS / 10 && !watch.text[0]; i++)
        run_for(&t->loop, 10);
    run_for(&t->loop, 50);
    assert_string_equal(watch.text, "s");
}

/* --- set-up --- */

static int connect_channel(void **state)
{
    struct suite *t = *state;
    uv_loop_init(&t->loop);
    t->endpoint = str_c(t->server.endpoint);
    t->config = (struct cluster_config){.name = STR("demo"),
                                        .endpoints = &t->endpoint,
                                        .nendpoints = 1,
                                        .connect_timeout_ms = 5000,
                                        .max_connections = 2,
                                        .max_pending = 100,
                                        .max_streams = 100};
    t->channel = t->open(&t->loop, &t->config);
    return t->channel ? 0 : -1;
}

static int close_channel(void **state)
{
    struct suite *t = *state;
    channel_close(t->channel);
    return run_out(&t->loop) ? 0 : -1;
}

int client_suite_run(const char *name, client_suite_open *open)
{
    struct suite t = {.open = open};
#define CASE(f) cmocka_unit_test_prestate_setup_teardown(f, connect_channel, close_channel, &t)
    const struct CMUnitTest tests[] = {
        CASE(unary_calls_get_their_answer),
        CASE(a_failed_call_has_status_and_details_and_no_answer),
        CASE(a_stream_comes_message_by_message),
        CASE(a_stream_waits_while_it_is_held),
        CASE(a_client_streams_and_gets_one_answer),
        CASE(both_sides_talk_in_turn),
        CASE(a_call_can_be_cancelled_inside_its_callback),
        CASE(a_cancelled_call_tells_nothing),
        CASE(a_deadline_ends_the_call),
        CASE(a_too_large_answer_is_refused),
        CASE(every_method_of_the_models_answers),
        CASE(every_method_of_inference_answers),
        CASE(health_and_reflection_answer),
    };
    t.server = demo_server_start(NULL);
    int failed = cmocka_run_group_tests_name(name, tests, NULL, NULL);
    demo_server_stop(&t.server);
    return failed;
}
