/* The structs of protobuf-c: runs protoc-gen-c on rewritten files and passes on what it made. */
#pragma once

#include "tools/protoc-gen-postern/types.h"

struct generated {
    Google__Protobuf__Compiler__CodeGeneratorResponse__File **files;
    size_t n, cap;
};

/* Notes a file of the answer; `text` is copied. */
void generated_add(struct generated *g, const struct request *r, const char *name, struct str text);
/* Adds X.pb-c.[ch] for each file to generate. False when a fault was printed. Rewrites the request.
 */
bool structs_generate(struct request *r, const struct types *types, struct generated *to);
