/* How large a regular expression becomes when it is compiled, told from its text before anything is
 * built: repetitions multiply, classes of Unicode are hundreds of instructions. About 600 ns each.
 * Pure; linear in the pattern. */
#pragma once

#include "transcoder/str.h"

/* An estimate, not below a third of the truth, saturating. Whether it is a pattern at all is RE2's
 * to say. */
uint64_t expr_regex_weight(struct str pattern);
