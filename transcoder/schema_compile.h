/* FileDescriptorSet (protoc --descriptor_set_out --include_imports, or server reflection) -> schema
 * tables.
 *
 * The bytes may be hostile (reflection): they are read by our own wire reader with ceilings, every
 * reference is resolved and every name, number and nesting checked before a table is built.
 * Understands proto2, proto3 (with `optional`), editions 2023/24, nested types, maps, oneofs,
 * groups, recursion, imports, extensions and json_name. Unused imports may be missing as long as no
 * type of theirs is referenced. */
#pragma once

#include "transcoder/arena.h"
#include "transcoder/error.h"
#include "transcoder/schema.h"

/* One thing that is wrong with a descriptor set or, later, with its options. */
struct tc_fault {
    struct str place; /* "demo/v1/echo.proto:12", or "pkg.Svc/Rpc" without source info */
    struct str text;  /* what is wrong and what would be right, one line */
    struct tc_fault *next;
};

/* All of them, in order of the files: the user mends every mistake in one go. Memory is the
 * arena's. */
struct tc_faults {
    struct arena *arena;
    struct tc_fault *first, **tail;
    size_t count;
    bool out_of_memory; /* a fault could not be noted: the list is not complete */
};

void tc_faults_init(struct tc_faults *f, struct arena *arena);
/* Notes a fault. After 100 the rest is only counted. */
__attribute__((format(printf, 3, 4))) void tc_fault_add(struct tc_faults *f, struct str place,
                                                        const char *format, ...);

/* Ceilings for what a descriptor set may hold; a set that passes one is refused with a fault. */
enum {
    TC_SCHEMA_MAX_BYTES = 64 << 20,
    TC_SCHEMA_MAX_FIELDS = 65534, /* per message: indices are 16 bits wide */
    TC_SCHEMA_MAX_NESTING = 32,   /* message declarations inside one another */
};

/* NULL when anything was wrong; `faults` then says what. Strings are copied: `set` may go
 * afterwards. All memory is the arena's. */
const struct tc_schema *schema_compile(struct str set, struct arena *arena,
                                       struct tc_faults *faults);
