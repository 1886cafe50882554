/* Numbers to text and back, exact and independent of the locale. Every float and many doubles are
 * tried against the C++ library's by `make prove-numbers`. */
#pragma once

#include "transcoder/str.h"

#ifdef __cplusplus /* the proof is C++ */
extern "C" {
#endif

enum { TC_NUMBER_TEXT_MAX = 32 }; /* room that every tc_*_print needs */

/* Each parses all of `s`, which is a JSON number token (RFC 8259 section 6), into the nearest
 * value. False when the value does not fit the type; for integers also when it has a fraction
 * ("1.0", "1e2" and "5e0" are whole and fit). A tiny double rounds to zero, which fits. Linear in
 * s.n whatever the exponent says. */
bool tc_parse_double(struct str s, double *out);
bool tc_parse_float(struct str s, float *out);
bool tc_parse_int64(struct str s, int64_t *out);
bool tc_parse_uint64(struct str s, uint64_t *out);
/* True when `s` is a number by the grammar of RFC 8259. */
bool tc_is_json_number(struct str s);

/* Each writes text without a NUL to `out` (TC_NUMBER_TEXT_MAX bytes) and returns its length.
 * Floating point: the shortest digits that read back as the same value, as a JSON number;
 * whole numbers below 2^53 (float: 2^24) without an exponent. The value must be finite. -0 is "-0".
 */
size_t tc_print_double(char *out, double v);
size_t tc_print_float(char *out, float v);
size_t tc_print_int64(char *out, int64_t v);
size_t tc_print_uint64(char *out, uint64_t v);

#ifdef __cplusplus
}
#endif
