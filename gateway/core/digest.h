/* The first half of SHA-256, in hex: names that tell nothing of what they stand for, the same in
 * every process, and that nobody can make collide. */
#pragma once

#include "transcoder/str.h"

enum { DIGEST_HEX = 32 };

/* Of `first`, a zero byte and `second`. False: the library failed. Not NUL-terminated. */
bool digest_hex(struct str first, struct str second, char out[DIGEST_HEX]);
