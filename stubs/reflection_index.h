/* What reflection looks up: files by name and by the symbols and extensions that they declare.
 * Built once from descriptor sets, which must outlive it. */
#pragma once

#include "transcoder/arena.h"

struct reflected_file {
    struct str name, bytes;
    struct str *imports;
    uint32_t nimports;
};

struct reflected_symbol {
    struct str name; /* full, without a leading dot */
    uint32_t file;
};

struct reflected_extension {
    struct str extended;
    uint32_t number, file;
};

struct reflection_index {
    struct arena *arena;
    struct reflected_file *files;
    struct reflected_symbol *symbols; /* ascending by name once finished */
    struct reflected_extension *extensions;
    struct str *services;
    uint32_t nfiles, nsymbols, nextensions, nservices;
    uint32_t cap_files, cap_symbols, cap_extensions, cap_services;
};

enum { REFLECTION_NONE = -1 };

/* False: out of memory, or not a FileDescriptorSet. */
bool reflection_index_add(struct reflection_index *x, struct str set);
void reflection_index_finish(struct reflection_index *x);
/* Indices into files, or REFLECTION_NONE. */
int64_t reflection_file(const struct reflection_index *x, struct str name);
int64_t reflection_symbol(const struct reflection_index *x, struct str name);
int64_t reflection_extension(const struct reflection_index *x, struct str extended,
                             uint32_t number);
