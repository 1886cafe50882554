/* Percent-encoded text, judged without decoding it into memory. */
#pragma once

#include "transcoder/str.h"

/* True when all escapes of `raw` are whole and what they decode to is UTF-8 without NUL. After that
 * tc_percent_decode can only fail for want of memory. */
bool tc_percent_valid(struct str raw);
