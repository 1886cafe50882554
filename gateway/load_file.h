/* Files that are read while loading. */
#pragma once

#include "transcoder/buf.h"
#include "transcoder/schema_compile.h"

/* The whole file into `out`, which is initialised here in any case and must be released. False: a
 * fault names the file. */
bool load_file(const char *path, size_t max, struct buf *out, struct tc_faults *faults);
/* The same of what is read again and again by who must not wait: a pipe or a device is a fault, and
 * is not waited for. */
bool load_regular_file(const char *path, size_t max, struct buf *out, struct tc_faults *faults);
/* Paths in a configuration are relative to its file (NULL: there is none). NUL-terminated; p ==
 * NULL: out of memory. */
struct str load_beside(const char *config, struct str path, struct arena *arena);
