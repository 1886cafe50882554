/* A fuzz target: one file, one entry. libFuzzer calls it by `make fuzz`; `make check` runs its
 * corpus and what was found before (regression/) through the same function (run.c).
 *
 * A target does more than not crash: what it requires holds for every input. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "transcoder/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                          \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                \
        }                                                                           \
    } while (0)

/* The first byte steers the target, the rest is its input. */
static inline uint8_t fuzz_choice(struct str *in)
{
    uint8_t c = in->n ? (uint8_t)in->p[0] : 0;
    *in = str_skip(*in, 1);
    return c;
}

/* The next piece of `*in`: of odd sizes that `choice` decides, so that inputs are cut anywhere. */
static inline struct str fuzz_piece(struct str *in, uint8_t choice, uint32_t turn)
{
    size_t most = choice ? 1 + (choice * (turn + 1) * 7u) % 61 : in->n;
    struct str piece = {in->p, most < in->n ? most : in->n};
    *in = str_skip(*in, piece.n);
    return piece;
}
