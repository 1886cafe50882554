/* Which file declares a type: for #include lines, and to know which imports carry nothing but
 * options. */
#pragma once

#include "tools/protoc-gen-postern/request.h"

struct type_entry {
    struct str name; /* ".pkg.Outer.Inner", as type_name in descriptors */
    size_t file;
};

struct types {
    struct type_entry *entries; /* ascending by name */
    size_t n, cap;
};

void types_collect(struct types *t, const struct request *r);
/* Index of the file that declares `name` (with the leading dot), or SIZE_MAX. */
size_t types_file(const struct types *t, struct str name);
