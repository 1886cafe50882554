#include "tools/demo-backend/demo.h"
#include "tools/demo-backend/tensor.h"

/* Two models: "linear" computes y = 2 x + 1 on FP32 of any shape, "echo" gives every input back
 * under its name. Answers come as the question did: typed or raw. */

#define METADATA_TENSOR Inference__ModelMetadataResponse__TensorMetadata
#define OUTPUT Inference__ModelInferResponse__InferOutputTensor

enum { LINEAR, ECHO, MODELS, TENSORS_MAX = 64 };
static const char *const names[MODELS] = {"linear", "echo"};
static const char version[] = "1";

static void server_live(struct server_call *c, const Inference__ServerLiveRequest *request)
{
    (void)request;
    Inference__ServerLiveResponse r = INFERENCE__SERVER_LIVE_RESPONSE__INIT;
    r.live = true;
    inference__grpcinference_service__server_live__reply(c, &r);
}

static void server_ready(struct server_call *c, const Inference__ServerReadyRequest *request)
{
    (void)request;
    Inference__ServerReadyResponse r = INFERENCE__SERVER_READY_RESPONSE__INIT;
    r.ready = atomic_load(&demo_of(c)->serving);
    inference__grpcinference_service__server_ready__reply(c, &r);
}

/* MODELS when there is none; the call has then been ended. */
static int find_model(struct server_call *c, const char *name, const char *wanted_version)
{
    int i = 0;
    while (i < MODELS && !str_eq(str_c(names[i]), str_c(name)))
        i++;
    if (i == MODELS)
        reply_reason(c, TC_CODE_NOT_FOUND, "MODEL_NOT_FOUND", "model", name, "no model '%s' here",
                     name);
    else if (wanted_version[0] && !str_eq(str_c(wanted_version), str_c(version)))
        reply_reason(c, TC_CODE_NOT_FOUND, "VERSION_NOT_FOUND", "version", wanted_version,
                     "model '%s' has no version '%s'", name, wanted_version);
    else
        return i;
    return MODELS;
}

static void model_ready(struct server_call *c, const Inference__ModelReadyRequest *request)
{
    int model = find_model(c, request->name, request->version);
    if (model == MODELS)
        return;
    Inference__ModelReadyResponse r = INFERENCE__MODEL_READY_RESPONSE__INIT;
    r.ready = atomic_load(&demo_of(c)->repository[model]);
    inference__grpcinference_service__model_ready__reply(c, &r);
}

static void server_metadata(struct server_call *c, const Inference__ServerMetadataRequest *request)
{
    (void)request;
    struct arena *a = server_call_arena(c);
    char *extensions[] = {text_in(a, "model_repository"), text_in(a, "binary_tensor_data")};
    Inference__ServerMetadataResponse r = INFERENCE__SERVER_METADATA_RESPONSE__INIT;
    r.name = text_in(a, "demo-backend");
    r.version = text_in(a, "%s", version);
    r.extensions = extensions;
    r.n_extensions = sizeof extensions / sizeof *extensions;
    inference__grpcinference_service__server_metadata__reply(c, &r);
}

static void model_metadata(struct server_call *c, const Inference__ModelMetadataRequest *request)
{
    struct arena *a = server_call_arena(c);
    int model = find_model(c, request->name, request->version);
    if (model == MODELS)
        return;
    int64_t any_size = -1;
    METADATA_TENSOR x = INFERENCE__MODEL_METADATA_RESPONSE__TENSOR_METADATA__INIT, *xs = &x;
    x.datatype = text_in(a, model == LINEAR ? "FP32" : "BYTES");
    x.shape = &any_size;
    x.n_shape = 1;
    METADATA_TENSOR y = x, *ys = &y;
    x.name = text_in(a, "x");
    y.name = text_in(a, model == LINEAR ? "y" : "x");
    char *versions[] = {text_in(a, "%s", version)};
    Inference__ModelMetadataResponse r = INFERENCE__MODEL_METADATA_RESPONSE__INIT;
    r.name = request->name;
    r.versions = versions;
    r.n_versions = 1;
    r.platform = text_in(a, "demo");
    r.inputs = &xs;
    r.outputs = &ys;
    r.n_inputs = r.n_outputs = 1;
    inference__grpcinference_service__model_metadata__reply(c, &r);
}

/* --- ModelInfer --- */

static float linear(float x)
{
    return 2 * x + 1;
}

/* A raw tensor has no alignment; our own machine's order is the protocol's (little-endian). */
static bool linear_raw(struct arena *a, ProtobufCBinaryData in, ProtobufCBinaryData *out)
{
    out->data = arena_alloc(a, in.len);
    out->len = in.len;
    for (size_t i = 0; out->data && i + sizeof(float) <= in.len; i += sizeof(float)) {
        float x;
        memcpy(&x, in.data + i, sizeof x);
        x = linear(x);
        memcpy(out->data + i, &x, sizeof x);
    }
    return out->data != NULL;
}

static Inference__InferTensorContents *linear_typed(struct arena *a,
                                                    const Inference__InferTensorContents *in)
{
    Inference__InferTensorContents *out = arena_alloc(a, sizeof *out);
    float *values = in ? arena_array(a, in->n_fp32_contents, sizeof *values) : NULL;
    if (!out)
        return NULL;
    inference__infer_tensor_contents__init(out);
    for (size_t i = 0; values && i < in->n_fp32_contents; i++)
        values[i] = linear(in->fp32_contents[i]);
    out->fp32_contents = values;
    out->n_fp32_contents = values ? in->n_fp32_contents : 0;
    return out;
}

static bool check_inputs(struct server_call *c, int model, const Inference__ModelInferRequest *r)
{
    struct arena *a = server_call_arena(c);
    if (!r->n_inputs || r->n_inputs > TENSORS_MAX || (model == LINEAR && r->n_inputs != 1)) {
        reply_bad_field(c, "inputs", "the model takes %s", model == LINEAR ? "one" : "1 to 64");
        return false;
    }
    if (r->n_raw_input_contents && r->n_raw_input_contents != r->n_inputs) {
        reply_bad_field(c, "rawInputContents", "there must be one for each input, or none");
        return false;
    }
    for (size_t i = 0; i < r->n_inputs; i++) {
        ProtobufCBinaryData raw = {0, NULL};
        static uint8_t nothing;
        if (r->n_raw_input_contents)
            raw = r->raw_input_contents[i];
        if (r->n_raw_input_contents && !raw.data)
            raw.data = &nothing;
        const char *fault = tensor_fault(r->inputs[i], raw);
        if (!fault && model == LINEAR && !str_eq(str_c(r->inputs[i]->datatype), STR("FP32")))
            fault = "the model takes FP32";
        if (fault) {
            reply_bad_field(c, text_in(a, "inputs[%zu]", i), "%s", fault);
            return false;
        }
    }
    return true;
}

/* Are outputs asked for by name, and is this not among them? */
static bool is_unwanted(const Inference__ModelInferRequest *r, const char *name)
{
    for (size_t i = 0; i < r->n_outputs; i++)
        if (str_eq(str_c(r->outputs[i]->name), str_c(name)))
            return false;
    return r->n_outputs != 0;
}

static bool add_output(struct arena *a, int model, const Inference__ModelInferRequest *r, size_t i,
                       Inference__ModelInferResponse *to)
{
    TENSOR_INPUT *in = r->inputs[i];
    OUTPUT *out = arena_alloc(a, sizeof *out);
    if (!out)
        return false;
    inference__model_infer_response__infer_output_tensor__init(out);
    out->name = model == LINEAR ? text_in(a, "y") : in->name;
    out->datatype = in->datatype;
    out->shape = in->shape;
    out->n_shape = in->n_shape;
    if (is_unwanted(r, out->name))
        return true;
    to->outputs[to->n_outputs++] = out;
    if (!r->n_raw_input_contents) {
        out->contents = model == LINEAR ? linear_typed(a, in->contents) : in->contents;
        return out->contents || model == ECHO;
    }
    ProtobufCBinaryData *raw = &to->raw_output_contents[to->n_raw_output_contents++];
    *raw = r->raw_input_contents[i];
    return model == ECHO || linear_raw(a, r->raw_input_contents[i], raw);
}

static void model_infer(struct server_call *c, const Inference__ModelInferRequest *request)
{
    struct arena *a = server_call_arena(c);
    int model = find_model(c, request->model_name, request->model_version);
    if (model == MODELS || !check_inputs(c, model, request))
        return;
    if (!atomic_load(&demo_of(c)->repository[model])) {
        reply_reason(c, TC_CODE_UNAVAILABLE, "MODEL_NOT_LOADED", "model", names[model],
                     "model '%s' is not loaded", names[model]);
        return;
    }
    OUTPUT *outputs[TENSORS_MAX];
    ProtobufCBinaryData raw[TENSORS_MAX];
    Inference__ModelInferResponse r = INFERENCE__MODEL_INFER_RESPONSE__INIT;
    r.model_name = request->model_name;
    r.model_version = text_in(a, "%s", version);
    r.id = request->id;
    r.outputs = outputs;
    r.raw_output_contents = raw;
    for (size_t i = 0; i < request->n_inputs; i++)
        if (!add_output(a, model, request, i, &r)) {
            reply_status(c, TC_CODE_RESOURCE_EXHAUSTED, "out of memory");
            return;
        }
    inference__grpcinference_service__model_infer__reply(c, &r);
}

/* --- the repository --- */

static void repository_index(struct server_call *c,
                             const Inference__RepositoryIndexRequest *request)
{
    struct arena *a = server_call_arena(c);
    Inference__RepositoryIndexResponse__ModelIndex list[MODELS], *pointers[MODELS];
    Inference__RepositoryIndexResponse r = INFERENCE__REPOSITORY_INDEX_RESPONSE__INIT;
    r.models = pointers;
    for (size_t i = 0; i < MODELS; i++) {
        bool loaded = atomic_load(&demo_of(c)->repository[i]);
        if (request->ready && !loaded)
            continue;
        inference__repository_index_response__model_index__init(&list[i]);
        list[i].name = text_in(a, "%s", names[i]);
        list[i].version = text_in(a, "%s", version);
        list[i].state = text_in(a, loaded ? "READY" : "UNAVAILABLE");
        list[i].reason = text_in(a, loaded ? "" : "unloaded");
        pointers[r.n_models++] = &list[i];
    }
    inference__grpcinference_service__repository_index__reply(c, &r);
}

static void load(struct server_call *c, const Inference__RepositoryModelLoadRequest *request)
{
    int model = find_model(c, request->model_name, "");
    if (model == MODELS)
        return;
    atomic_store(&demo_of(c)->repository[model], true);
    Inference__RepositoryModelLoadResponse r = INFERENCE__REPOSITORY_MODEL_LOAD_RESPONSE__INIT;
    inference__grpcinference_service__repository_model_load__reply(c, &r);
}

static void unload(struct server_call *c, const Inference__RepositoryModelUnloadRequest *request)
{
    int model = find_model(c, request->model_name, "");
    if (model == MODELS)
        return;
    atomic_store(&demo_of(c)->repository[model], false);
    Inference__RepositoryModelUnloadResponse r = INFERENCE__REPOSITORY_MODEL_UNLOAD_RESPONSE__INIT;
    inference__grpcinference_service__repository_model_unload__reply(c, &r);
}

const struct inference__grpcinference_service__handlers inference_handlers = {
    .server_live = server_live,
    .server_ready = server_ready,
    .model_ready = model_ready,
    .server_metadata = server_metadata,
    .model_metadata = model_metadata,
    .model_infer = model_infer,
    .repository_index = repository_index,
    .repository_model_load = load,
    .repository_model_unload = unload,
};
