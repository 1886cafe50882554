/* What protoc asks for: a CodeGeneratorRequest, both as structs and, per file, as the bytes it came
 * in (the schema is compiled from those, so that nothing is lost on the way through structs). */
#pragma once

#include "gen/google/protobuf/compiler/plugin.pb-c.h"
#include "tools/protoc-gen-postern/out.h"

/* --postern_opt=NAME=VALUE,... */
struct request_options {
    struct str prefix;   /* prefix=gen/: put in front of the path in generated #include lines */
    bool client, server; /* stubs=none|client|server|all; none: the schema alone, without structs.
                            Default: all */
    bool structs;
    bool schema;      /* schema=no: structs alone */
    bool descriptors; /* descriptors=yes: the file's FileDescriptorSet too, for stubs/reflection.h
                       */
    bool comments;    /* comments=no: the .proto's comments are left out of the structs */
};

struct request {
    struct arena *arena;
    Google__Protobuf__Compiler__CodeGeneratorRequest *pb;
    struct str *files; /* bytes of pb->proto_file[i] */
    struct request_options options;
};

/* Reads the request or dies. Everything lives in `arena`, which also serves protobuf_c_unpack. */
void request_read(struct request *r, struct str bytes, struct arena *arena);
/* Index of the file `name`, or dies: protoc sends every file that it names. */
size_t request_file(const struct request *r, const char *name);
/* A FileDescriptorSet of file `i` and everything it imports, straight or not. */
struct str request_closure(const struct request *r, size_t i);
/* The same without source info (comments and places), which is most of it. */
struct str request_closure_lean(const struct request *r, size_t i);
/* protobuf-c's memory from an arena; freeing is a no-op. */
ProtobufCAllocator arena_allocator(struct arena *a);
