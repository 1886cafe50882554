/* Regular expressions in linear time: RE2 behind a C interface. A compiled one may be matched by
 * any thread at once; it holds at most EXPR_REGEX_MEMORY, part of which it builds while it matches.
 */
#pragma once

#include "transcoder/str.h"

#ifdef __cplusplus
extern "C" {
#endif

struct expr_regex;

enum { EXPR_REGEX_WHY_MAX = 160 };

/* NULL: not a regular expression of RE2, too large, or out of memory; `why` (EXPR_REGEX_WHY_MAX
 * bytes) says which, with a NUL. */
struct expr_regex *expr_regex_new(struct str pattern, size_t memory, char *why);
void expr_regex_free(struct expr_regex *r);
/* The pattern matches a part of the text. */
bool expr_regex_match(const struct expr_regex *r, struct str text);

#ifdef __cplusplus
}
#endif
