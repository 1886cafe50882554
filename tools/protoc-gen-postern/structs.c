#include "tools/protoc-gen-postern/structs.h"

#include <stdio.h>

#include "tools/protoc-gen-postern/process.h"
#include "tools/protoc-gen-postern/rewrite.h"

#define REQUEST Google__Protobuf__Compiler__CodeGeneratorRequest
#define RESPONSE Google__Protobuf__Compiler__CodeGeneratorResponse
#define RESPONSE_FILE Google__Protobuf__Compiler__CodeGeneratorResponse__File

enum { ANSWER_MAX = 1 << 30 };

static const char program[] = "protoc-gen-c";

void generated_add(struct generated *g, const struct request *r, const char *name, struct str text)
{
    if (g->n == g->cap) {
        size_t cap = g->cap ? 2 * g->cap : 16;
        RESPONSE_FILE **larger = need_array(r->arena, cap, sizeof(void *));
        for (size_t i = 0; i < g->n; i++)
            larger[i] = g->files[i];
        g->files = larger;
        g->cap = cap;
    }
    RESPONSE_FILE *f = need(r->arena, sizeof *f);
    google__protobuf__compiler__code_generator_response__file__init(f);
    f->name = need_text(r->arena, "%s", name);
    f->content = need_text(r->arena, "%.*s", STR_ARG(text));
    g->files[g->n++] = f;
}

/* "#include "X.pb-c.h"" names the file from where protoc started; with a prefix, from where the
 * compiler does. */
static void add_prefixed(struct generated *to, const struct request *r, const RESPONSE_FILE *f)
{
    static const struct str include = STR_INIT("#include \"");
    struct out o;
    out_init(&o);
    struct str text = str_c(f->content);
    while (text.p) {
        struct str line = str_cut(&text, '\n');
        if (str_starts(line, include)) {
            line = str_skip(line, include.n);
            out_print(&o, "%.*s%.*s", STR_ARG(include), STR_ARG(r->options.prefix));
        }
        out_print(&o, "%.*s%s", STR_ARG(line), text.p ? "\n" : "");
    }
    generated_add(to, r, f->name, str_of(o.text.p, o.text.n));
    out_release(&o);
}

static const RESPONSE *run(const struct request *r)
{
    REQUEST request = *r->pb;
    request.parameter = NULL;
    size_t n = google__protobuf__compiler__code_generator_request__get_packed_size(&request);
    uint8_t *bytes = need(r->arena, n);
    google__protobuf__compiler__code_generator_request__pack(&request, bytes);
    struct buf answer;
    buf_init(&answer, ANSWER_MAX);
    int status = process_run(program, str_of((const char *)bytes, n), &answer);
    if (status == 127)
        die("%s is not installed: it makes the structs (Debian: protobuf-c-compiler)", program);
    if (status != 0)
        die("%s failed", program);
    ProtobufCAllocator memory = arena_allocator(r->arena);
    RESPONSE *response = google__protobuf__compiler__code_generator_response__unpack(
        &memory, answer.n, (const uint8_t *)answer.p);
    buf_release(&answer);
    if (!response)
        die("%s answered with something else than a CodeGeneratorResponse", program);
    return response;
}

bool structs_generate(struct request *r, const struct types *types, struct generated *to)
{
    if (!rewrite_for_structs(r, types))
        return false;
    const RESPONSE *response = run(r);
    if (response->error && response->error[0]) {
        fprintf(stderr, "%s: %s\n", program, response->error);
        return false;
    }
    for (size_t i = 0; i < response->n_file; i++)
        add_prefixed(to, r, response->file[i]);
    return true;
}
