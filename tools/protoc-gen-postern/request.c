#include "tools/protoc-gen-postern/request.h"

#include "transcoder/wire.h"

enum { REQUEST_FILE = 15, SET_FILE = 1, FILE_SOURCE_INFO = 9, SET_MAX = 1 << 30 };

static void *allocate(void *arena, size_t n)
{
    return need(arena, n);
}

static void deallocate(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

ProtobufCAllocator arena_allocator(struct arena *a)
{
    return (ProtobufCAllocator){.alloc = allocate, .free = deallocate, .allocator_data = a};
}

static bool is_yes(struct str name, struct str value)
{
    if (!str_eq(value, STR("no")) && !str_eq(value, STR("yes")))
        die("%.*s=%.*s: write yes or no", STR_ARG(name), STR_ARG(value));
    return str_eq(value, STR("yes"));
}

static void read_stubs(struct request_options *o, struct str value)
{
    bool all = str_eq(value, STR("all"));
    o->client = all || str_eq(value, STR("client"));
    o->server = all || str_eq(value, STR("server"));
    o->structs = !str_eq(value, STR("none"));
    if (o->structs && !o->client && !o->server)
        die("stubs=%.*s: write all, client, server or none", STR_ARG(value));
}

static void read_options(struct request_options *o, struct str text)
{
    *o = (struct request_options){
        .client = true, .server = true, .structs = true, .schema = true, .comments = true};
    while (text.n) {
        struct str value = str_cut(&text, ',');
        struct str name = str_cut(&value, '=');
        if (str_eq(name, STR("prefix")))
            o->prefix = value;
        else if (str_eq(name, STR("stubs")))
            read_stubs(o, value);
        else if (str_eq(name, STR("schema")))
            o->schema = is_yes(name, value);
        else if (str_eq(name, STR("comments")))
            o->comments = is_yes(name, value);
        else if (str_eq(name, STR("descriptors")))
            o->descriptors = is_yes(name, value);
        else if (name.n)
            die("no option '%.*s'; there are stubs, prefix, schema, comments, descriptors",
                STR_ARG(name));
    }
}

void request_read(struct request *r, struct str bytes, struct arena *arena)
{
    *r = (struct request){.arena = arena};
    ProtobufCAllocator memory = arena_allocator(arena);
    r->pb = google__protobuf__compiler__code_generator_request__unpack(&memory, bytes.n,
                                                                       (const uint8_t *)bytes.p);
    if (!r->pb)
        die("standard input holds no CodeGeneratorRequest: this program is run by protoc, as in "
            "protoc --postern_out=DIR api.proto");
    r->files = need_array(arena, r->pb->n_proto_file, sizeof *r->files);
    struct tc_wire_field f;
    size_t n = 0;
    while (tc_wire_next(&bytes, &f) == TC_OK)
        if (f.number == REQUEST_FILE && f.type == TC_LEN && n < r->pb->n_proto_file)
            r->files[n++] = f.bytes;
    read_options(&r->options, str_c(r->pb->parameter));
}

size_t request_file(const struct request *r, const char *name)
{
    for (size_t i = 0; i < r->pb->n_proto_file; i++)
        if (str_eq(str_c(r->pb->proto_file[i]->name), str_c(name)))
            return i;
    die("protoc did not send %s", name);
}

/* Puts `file` behind all that it imports into `order`, as protoc --include_imports does. */
static void collect(const struct request *r, size_t file, bool *seen, size_t *order, size_t *n)
{
    if (seen[file])
        return;
    seen[file] = true;
    const Google__Protobuf__FileDescriptorProto *f = r->pb->proto_file[file];
    for (size_t d = 0; d < f->n_dependency; d++)
        collect(r, request_file(r, f->dependency[d]), seen, order, n);
    order[(*n)++] = file;
}

static struct str set_of(const struct request *r, size_t file, const struct str *files)
{
    bool *seen = need_array(r->arena, r->pb->n_proto_file, sizeof *seen);
    size_t *order = need_array(r->arena, r->pb->n_proto_file, sizeof *order), n = 0;
    struct buf set;
    collect(r, file, seen, order, &n);
    buf_init(&set, SET_MAX);
    for (size_t i = 0; i < n; i++)
        if (!tc_put_bytes(&set, SET_FILE, files[order[i]]))
            die("out of memory");
    struct str copy = arena_copy(r->arena, str_of(set.p, set.n));
    buf_release(&set);
    if (!copy.p)
        die("out of memory");
    return copy;
}

struct str request_closure(const struct request *r, size_t i)
{
    return set_of(r, i, r->files);
}

static struct str without_source_info(struct arena *a, struct str file)
{
    char *lean = need(a, file.n);
    size_t n = 0;
    struct tc_wire_field f;
    for (struct str rest = file, before = file; tc_wire_next(&rest, &f) == TC_OK; before = rest) {
        size_t length = before.n - rest.n;
        if (f.number == FILE_SOURCE_INFO)
            continue;
        memcpy(lean + n, before.p, length);
        n += length;
    }
    return str_of(lean, n);
}

struct str request_closure_lean(const struct request *r, size_t i)
{
    size_t n = r->pb->n_proto_file;
    struct str *lean = need_array(r->arena, n, sizeof *lean);
    for (size_t k = 0; k < n; k++)
        lean[k] = without_source_info(r->arena, r->files[k]);
    return set_of(r, i, lean);
}
