#include "stubs/reflection.h"

#include "gen/grpc/reflection/v1/reflection.postern.h"
#include "gen/grpc/reflection/v1alpha/reflection.postern.h"
#include "stubs/reflection_index.h"

/* v1alpha differs from v1 by the service's name alone: messages, fields and numbers are the same on
 * the wire. So its one method is v1's row with another path. */

#define REQUEST Grpc__Reflection__V1__ServerReflectionRequest
#define RESPONSE Grpc__Reflection__V1__ServerReflectionResponse
#define ANSWERS(what) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##what
#define EXTENSION_REQUEST Grpc__Reflection__V1__ExtensionRequest

enum { BLOCK = 64 << 10, INDEX_MAX = 64 << 20, ANSWER_MAX = 64 << 20 };

struct reflection {
    struct arena arena; /* this struct and the index live in it */
    struct reflection_index index;
    struct stub_method alpha_method;
    struct stub_service alpha;
};

/* An answer on its way: its memory goes when it has been packed. */
struct answer {
    struct server_call *call;
    const struct reflection_index *index;
    const REQUEST *request;
    struct arena arena;
};

static void send(struct answer *w, RESPONSE *r)
{
    r->valid_host = w->request->host;
    /* a response holds the question, which nobody writes to */
    r->original_request = (REQUEST *)(uintptr_t)w->request;
    grpc__reflection__v1__server_reflection__server_reflection_info__reply(w->call, r);
}

static void send_error(struct answer *w, enum tc_code code, const char *text)
{
    Grpc__Reflection__V1__ErrorResponse e = GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT;
    e.error_code = (int32_t)code;
    e.error_message = (char *)(uintptr_t)text;
    RESPONSE r = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    r.message_response_case = ANSWERS(ERROR_RESPONSE);
    r.error_response = &e;
    send(w, &r);
}

/* --- files --- */

/* Marks `file` and all that it imports. */
static void collect(const struct reflection_index *x, uint32_t file, bool *wanted)
{
    if (wanted[file])
        return;
    wanted[file] = true;
    for (uint32_t i = 0; i < x->files[file].nimports; i++) {
        int64_t at = reflection_file(x, x->files[file].imports[i]);
        if (at != REFLECTION_NONE)
            collect(x, (uint32_t)at, wanted);
    }
}

static void put_file(ProtobufCBinaryData *to, struct str bytes)
{
    *to = (ProtobufCBinaryData){bytes.n, (uint8_t *)(uintptr_t)bytes.p};
}

static void send_files(struct answer *w, int64_t file)
{
    const struct reflection_index *x = w->index;
    bool *wanted = arena_array(&w->arena, x->nfiles, sizeof *wanted);
    ProtobufCBinaryData *list = arena_array(&w->arena, x->nfiles, sizeof *list);
    if (file == REFLECTION_NONE || !wanted || !list) {
        send_error(w, TC_CODE_NOT_FOUND, "not declared here");
        return;
    }
    collect(x, (uint32_t)file, wanted);
    Grpc__Reflection__V1__FileDescriptorResponse files =
        GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
    files.file_descriptor_proto = list;
    /* the one that was asked for comes first */
    put_file(&list[files.n_file_descriptor_proto++], x->files[file].bytes);
    for (uint32_t i = 0; i < x->nfiles; i++)
        if (wanted[i] && i != (uint32_t)file)
            put_file(&list[files.n_file_descriptor_proto++], x->files[i].bytes);
    RESPONSE r = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    r.message_response_case = ANSWERS(FILE_DESCRIPTOR_RESPONSE);
    r.file_descriptor_response = &files;
    send(w, &r);
}

/* --- lists --- */

static void send_extension_numbers(struct answer *w, struct str type)
{
    const struct reflection_index *x = w->index;
    int32_t *numbers = arena_array(&w->arena, x->nextensions, sizeof *numbers);
    if (!numbers || reflection_symbol(x, type) == REFLECTION_NONE) {
        send_error(w, TC_CODE_NOT_FOUND, "not declared here");
        return;
    }
    Grpc__Reflection__V1__ExtensionNumberResponse list =
        GRPC__REFLECTION__V1__EXTENSION_NUMBER_RESPONSE__INIT;
    list.base_type_name = w->request->all_extension_numbers_of_type;
    list.extension_number = numbers;
    for (uint32_t i = 0; i < x->nextensions; i++)
        if (str_eq(x->extensions[i].extended, type))
            numbers[list.n_extension_number++] = (int32_t)x->extensions[i].number;
    RESPONSE r = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    r.message_response_case = ANSWERS(ALL_EXTENSION_NUMBERS_RESPONSE);
    r.all_extension_numbers_response = &list;
    send(w, &r);
}

static void send_services(struct answer *w)
{
    const struct reflection_index *x = w->index;
    Grpc__Reflection__V1__ServiceResponse *items = arena_array(&w->arena, x->nservices,
                                                               sizeof *items);
    Grpc__Reflection__V1__ServiceResponse **list = arena_array(&w->arena, x->nservices,
                                                               sizeof(void *));
    if (!items || !list) {
        send_error(w, TC_CODE_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < x->nservices; i++) {
        grpc__reflection__v1__service_response__init(&items[i]);
        items[i].name = (char *)(uintptr_t)x->services[i].p; /* ends with a NUL: made by
                                                                arena_printf */
        list[i] = &items[i];
    }
    Grpc__Reflection__V1__ListServiceResponse services =
        GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;
    services.service = list;
    services.n_service = x->nservices;
    RESPONSE r = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    r.message_response_case = ANSWERS(LIST_SERVICES_RESPONSE);
    r.list_services_response = &services;
    send(w, &r);
}

/* --- the stream --- */

#define ASKS(what) GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##what

static void answer(struct answer *w)
{
    const struct reflection_index *x = w->index;
    const REQUEST *q = w->request;
    const EXTENSION_REQUEST *e = NULL;
    switch (q->message_request_case) {
    case ASKS(FILE_BY_FILENAME):
        send_files(w, reflection_file(x, str_c(q->file_by_filename)));
        return;
    case ASKS(FILE_CONTAINING_SYMBOL):
        send_files(w, reflection_symbol(x, str_c(q->file_containing_symbol)));
        return;
    case ASKS(FILE_CONTAINING_EXTENSION):
        e = q->file_containing_extension;
        send_files(
            w, reflection_extension(x, str_c(e->containing_type), (uint32_t)e->extension_number));
        return;
    case ASKS(ALL_EXTENSION_NUMBERS_OF_TYPE):
        send_extension_numbers(w, str_c(q->all_extension_numbers_of_type));
        return;
    case ASKS(LIST_SERVICES): send_services(w); return;
    default: send_error(w, TC_CODE_INVALID_ARGUMENT, "the request asks for nothing");
    }
}

static void reflect(struct server_call *c, const REQUEST *request)
{
    const struct reflection *reflection = server_call_ctx(c);
    if (!request) {
        server_call_finish(c);
        return;
    }
    struct answer w = {.call = c, .index = &reflection->index, .request = request};
    arena_init(&w.arena, BLOCK, ANSWER_MAX);
    answer(&w);
    arena_release(&w.arena);
}

static const struct grpc__reflection__v1__server_reflection__handlers handlers = {
    .server_reflection_info = reflect,
};

static void make_alpha(struct reflection *r)
{
    r->alpha_method = grpc__reflection__v1__server_reflection__service.methods[0];
    r->alpha_method.path = STR("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");
    r->alpha = (struct stub_service){STR_INIT("grpc.reflection.v1alpha.ServerReflection"),
                                     &r->alpha_method, 1};
}

static bool add_own(struct reflection *r)
{
    return reflection_index_add(&r->index, postern_descriptors_grpc_reflection_v1_reflection) &&
           reflection_index_add(&r->index, postern_descriptors_grpc_reflection_v1alpha_reflection);
}

struct reflection *reflection_new(const struct str *sets, size_t n)
{
    struct arena own;
    arena_init(&own, BLOCK, INDEX_MAX);
    struct reflection *r = arena_alloc(&own, sizeof *r);
    if (!r) {
        arena_release(&own);
        return NULL;
    }
    r->arena = own;
    r->index.arena = &r->arena;
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++)
        ok = reflection_index_add(&r->index, sets[i]);
    if (!ok || !add_own(r)) {
        reflection_free(r);
        return NULL;
    }
    reflection_index_finish(&r->index);
    make_alpha(r);
    return r;
}

void reflection_free(struct reflection *r)
{
    struct arena own;
    if (!r)
        return;
    own = r->arena;
    arena_release(&own);
}

struct server_service reflection_service(struct reflection *r, enum reflection_version version)
{
    return (struct server_service){
        version == REFLECTION_V1 ? &grpc__reflection__v1__server_reflection__service : &r->alpha,
        &handlers, r};
}
