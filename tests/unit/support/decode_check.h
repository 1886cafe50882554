/* What every test of the decoder does with a table of messages: each is decoded in slices of every
 * size, up to an unreadable page, with each allocation failing in turn, and cut at every byte. */
#pragma once

#include "transcoder/decode.h"

/* Messages of test_all; `hex` may have spaces between fields. */
struct decode_case {
    const char *name, *hex, *json;
};
struct decode_fault {
    const char *name, *hex, *path;
    const char *text; /* part of the error's sentence */
};

/* All of `cases` come out as their JSON. `spec` may be NULL; its schema and message default to the
 * test's own. */
void decode_check(const struct decode_case *cases, size_t n, const struct tc_decode_spec *spec);
/* All of `faults` are TC_INVALID with path and text, whatever the slices. */
void decode_check_faults(const struct decode_fault *faults, size_t n,
                         const struct tc_decode_spec *spec);
/* One message, one pass; appends to `out`. `most` is the arena's ceiling. */
enum tc_status decode_once(struct str message, const struct tc_decode_spec *spec, size_t most,
                           size_t soft, struct buf *out, struct tc_error *error);
