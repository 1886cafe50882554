#include "tools/protoc-gen-postern/request.h"

#include "transcoder/wire.h"

enum { REQUEST_FILE = 15, SET_FILE = 1 };

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

static bool is_no(struct str value)
{
    if (!str_eq(value, STR("no")) && !str_eq(value, STR("yes")))
        die("option value '%.*s': write yes or no", STR_ARG(value));
    return str_eq(value, STR("no"));
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
            o->schema = !is_no(value);
        else if (str_eq(name, STR("comments")))
            o->comments = !is_no(value);
        else if (name.n)
            die("no option '%.*s'; there are stubs, prefix, schema and comments", STR_ARG(name));
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

struct str request_closure(const struct request *r, size_t last)
{
    bool *wanted = need_array(r->arena, last + 1, sizeof *wanted);
    wanted[last] = true;
    size_t bytes = 0;
    /* protoc sends every file behind those that it imports */
    for (size_t i = last + 1; i-- > 0;) {
        if (!wanted[i])
            continue;
        const Google__Protobuf__FileDescriptorProto *f = r->pb->proto_file[i];
        for (size_t d = 0; d < f->n_dependency; d++) {
            size_t at = request_file(r, f->dependency[d]);
            if (at < i)
                wanted[at] = true;
        }
        bytes += r->files[i].n + 16;
    }
    struct buf set;
    buf_init(&set, bytes);
    for (size_t i = 0; i <= last; i++)
        if (wanted[i] && !tc_put_bytes(&set, SET_FILE, r->files[i]))
            die("out of memory");
    struct str copy = arena_copy(r->arena, str_of(set.p, set.n));
    buf_release(&set);
    if (!copy.p)
        die("out of memory");
    return copy;
}
