#include "tools/protoc-gen-postern/stubs.h"

#include "tools/protoc-gen-postern/names.h"
#include "tools/protoc-gen-postern/tables.h"

/* The names of one RPC in C. */
struct rpc {
    const struct tc_method *method;
    const char *base;           /* demo__v1__echo__echo_stream */
    const char *service;        /* demo__v1__echo */
    const char *input, *output; /* Demo__V1__EchoMessage */
    const char *member;         /* echo_stream */
    uint32_t index;
};

static struct rpc rpc_of(const struct stubs *s, const struct tc_service *service, uint32_t i)
{
    struct arena *a = s->request->arena;
    const struct tc_method *m = &service->methods[i];
    return (struct rpc){.method = m,
                        .base = name_lower(a, m->full_name),
                        .service = name_lower(a, service->full_name),
                        .input = name_type(a, m->input->full_name),
                        .output = name_type(a, m->output->full_name),
                        .member = name_member(a, m->name),
                        .index = i};
}

static bool is_ours(const struct stubs *s, const struct tc_service *service)
{
    return str_eq(service->file->name, s->file);
}

bool stubs_wanted(const struct stubs *s)
{
    const struct request_options *o = &s->request->options;
    if (!o->client && !o->server)
        return false;
    for (uint32_t i = 0; i < s->schema->nservices; i++)
        if (is_ours(s, &s->schema->services[i]))
            return true;
    return false;
}

/* --- header --- */

static void include_structs(struct out *o, const struct stubs *s, const struct tc_message *m,
                            bool *included)
{
    struct str name = str_c(need_text(s->request->arena, ".%.*s", STR_ARG(m->full_name)));
    size_t file = types_file(s->types, name);
    if (file == SIZE_MAX || included[file])
        return;
    included[file] = true;
    struct str stem = name_stem(str_c(s->request->pb->proto_file[file]->name));
    out_print(o, "#include \"%.*s%.*s.pb-c.h\"\n", STR_ARG(s->request->options.prefix),
              STR_ARG(stem));
}

static void print_includes(struct out *o, const struct stubs *s)
{
    const struct request *r = s->request;
    bool *included = need_array(r->arena, r->pb->n_proto_file, sizeof *included);
    for (uint32_t i = 0; i < s->schema->nservices; i++) {
        const struct tc_service *service = &s->schema->services[i];
        for (uint32_t k = 0; is_ours(s, service) && k < service->nmethods; k++) {
            include_structs(o, s, service->methods[k].input, included);
            include_structs(o, s, service->methods[k].output, included);
        }
    }
    if (r->options.client)
        out_print(o, "#include \"stubs/client.h\"\n");
    if (r->options.server)
        out_print(o, "#include \"stubs/server.h\"\n");
}

static void print_client_callback(struct out *o, const struct rpc *r)
{
    if (r->method->server_streaming)
        out_print(o, "typedef bool %s__message(void *ctx, const %s *message);\n", r->base,
                  r->output);
    else
        out_print(o,
                  "typedef void %s__done(void *ctx, const %s *response,\n"
                  "    const struct call_end *end);\n",
                  r->base, r->output);
}

static void print_client(struct out *o, const struct rpc *r)
{
    const struct tc_method *m = r->method;
    print_client_callback(o, r);
    out_print(o,
              "static inline struct client_call *%s(struct channel *channel,\n"
              "    const struct client_options *options,",
              r->base);
    if (!m->client_streaming)
        out_print(o, " const %s *request,", r->input);
    if (m->server_streaming)
        out_print(o, "\n    %s__message *message, client_end *end, void *ctx)\n", r->base);
    else
        out_print(o, "\n    %s__done *done, void *ctx)\n", r->base);
    out_print(o,
              "{\n"
              "    return client_call_start(channel, &%s__service.methods[%u], options,\n"
              "        %s, (stub_any *)%s, %s, ctx);\n"
              "}\n",
              r->service, r->index, m->client_streaming ? "NULL" : "&request->base",
              m->server_streaming ? "message" : "done", m->server_streaming ? "end" : "NULL");
    if (m->client_streaming)
        out_print(o,
                  "static inline enum client_sent %s__send(struct client_call *call,\n"
                  "    const %s *request, bool last)\n"
                  "{\n"
                  "    return client_call_send(call, &request->base, last);\n"
                  "}\n",
                  r->base, r->input);
}

static void print_reply(struct out *o, const struct rpc *r)
{
    out_print(o,
              "static inline bool %s__reply(struct server_call *call,\n"
              "    const %s *response)\n"
              "{\n"
              "    return server_call_reply(call, &response->base);\n"
              "}\n",
              r->base, r->output);
}

static void print_handlers(struct out *o, const struct stubs *s, const struct tc_service *service)
{
    out_print(o, "struct %s__handlers {\n", name_lower(s->request->arena, service->full_name));
    for (uint32_t i = 0; i < service->nmethods; i++) {
        struct rpc r = rpc_of(s, service, i);
        out_print(o, "    void (*%s)(struct server_call *call,\n        const %s *%s);\n", r.member,
                  r.input, r.method->client_streaming ? "request_or_null" : "request");
    }
    if (!service->nmethods)
        out_print(o, "    char none;\n");
    out_print(o, "};\n");
}

static const char *kind_of(const struct tc_method *m)
{
    if (m->client_streaming)
        return m->server_streaming ? "both stream" : "the client streams";
    return m->server_streaming ? "the server streams" : "one request, one answer";
}

void stubs_header(struct out *o, const struct stubs *s)
{
    const struct request_options *options = &s->request->options;
    print_includes(o, s);
    for (uint32_t i = 0; i < s->schema->nservices; i++) {
        const struct tc_service *service = &s->schema->services[i];
        if (!is_ours(s, service))
            continue;
        out_print(o, "\n/* --- %.*s --- */\n\n", STR_ARG(service->full_name));
        out_print(o, "extern const struct stub_service %s__service;\n",
                  name_lower(s->request->arena, service->full_name));
        if (options->server)
            print_handlers(o, s, service);
        for (uint32_t k = 0; k < service->nmethods; k++) {
            struct rpc r = rpc_of(s, service, k);
            out_print(o, "\n/* %.*s: %s */\n", STR_ARG(r.method->name), kind_of(r.method));
            if (options->client)
                print_client(o, &r);
            if (options->server)
                print_reply(o, &r);
        }
    }
}

/* --- source --- */

static void print_deliver(struct out *o, const struct rpc *r)
{
    out_print(o,
              "\nstatic bool %s__deliver(stub_any *to, void *ctx,\n"
              "    const ProtobufCMessage *message, const struct call_end *end)\n{\n",
              r->base);
    if (r->method->server_streaming)
        out_print(o,
                  "    (void)end;\n"
                  "    return ((%s__message *)to)(ctx, (const %s *)message);\n}\n",
                  r->base, r->output);
    else
        out_print(o,
                  "    ((%s__done *)to)(ctx, (const %s *)message, end);\n"
                  "    return true;\n}\n",
                  r->base, r->output);
}

static void print_serve(struct out *o, const struct rpc *r)
{
    out_print(o,
              "\nstatic bool %s__serve(const void *handlers, struct server_call *call,\n"
              "    const ProtobufCMessage *message)\n"
              "{\n"
              "    const struct %s__handlers *h = handlers;\n"
              "    if (h->%s)\n"
              "        h->%s(call, (const %s *)message);\n"
              "    return h->%s != NULL;\n"
              "}\n",
              r->base, r->service, r->member, r->member, r->input, r->member);
}

static void print_row(struct out *o, const struct stubs *s, const struct rpc *r)
{
    const struct request_options *options = &s->request->options;
    struct arena *a = s->request->arena;
    const struct tc_method *m = r->method;
    out_print(o, "    {STR_INIT(\"%.*s\"),\n     &messages[%u], &messages[%u],\n", STR_ARG(m->path),
              tables_message(s->schema, m->input), tables_message(s->schema, m->output));
    out_print(o, "     &%s__descriptor, &%s__descriptor,\n", name_lower(a, m->input->full_name),
              name_lower(a, m->output->full_name));
    out_print(o, "     %s, %s, ", m->client_streaming ? "true" : "false",
              m->server_streaming ? "true" : "false");
    if (options->client)
        out_print(o, "%s__deliver, ", r->base);
    else
        out_print(o, "NULL, ");
    if (options->server)
        out_print(o, "%s__serve},\n", r->base);
    else
        out_print(o, "NULL},\n");
}

static void print_service(struct out *o, const struct stubs *s, const struct tc_service *service)
{
    const char *name = name_lower(s->request->arena, service->full_name);
    for (uint32_t i = 0; i < service->nmethods; i++) {
        struct rpc r = rpc_of(s, service, i);
        if (s->request->options.client)
            print_deliver(o, &r);
        if (s->request->options.server)
            print_serve(o, &r);
    }
    if (service->nmethods)
        out_print(o, "\nstatic const struct stub_method %s__methods[] = {\n", name);
    for (uint32_t i = 0; i < service->nmethods; i++) {
        struct rpc r = rpc_of(s, service, i);
        print_row(o, s, &r);
    }
    if (service->nmethods)
        out_print(o, "};\n");
    out_print(o, "\nconst struct stub_service %s__service = {STR_INIT(\"%.*s\"), %s%s, %u};\n",
              name, STR_ARG(service->full_name), service->nmethods ? name : "NULL",
              service->nmethods ? "__methods" : "", service->nmethods);
}

void stubs_source(struct out *o, const struct stubs *s)
{
    for (uint32_t i = 0; i < s->schema->nservices; i++)
        if (is_ours(s, &s->schema->services[i]))
            print_service(o, s, &s->schema->services[i]);
}
