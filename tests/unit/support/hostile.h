/* Inputs that are as small as they can be for what they make, and what they may cost: for no input
 * are more than 10 bytes held for each of its own, and a constant. */
#pragma once

#include "transcoder/buf.h"

enum {
    HOSTILE_INPUT = 3 << 20,
    HOSTILE_PIECE = 16 << 10,
    HOSTILE_FACTOR = 10,
    HOSTILE_CONSTANT = 256 << 10, /* frames of 100 levels, a cut number, the first blocks */
};

/* Appends `unit`; each '#' in it becomes a digit of `number` in base 36, each '~' one in base 10.
 */
void hostile_unit(struct buf *b, struct str unit, uint64_t number);
/* Fails the test when `held` bytes are too many for `input`. */
void hostile_check(const char *name, size_t held, size_t input);
