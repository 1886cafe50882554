/* UTF-8, base64, percent and JSON string escapes: the small codecs of text that several modules
 * need. Pure functions. */
#pragma once

#include "transcoder/buf.h"

/* Well-formed by RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF. */
bool tc_utf8_valid(struct str s);
/* Number of bytes at the end of `s` that start a sequence which may become complete with more
 * input; s.n - that many bytes have been judged. Returns -1 when `s` is invalid whatever follows.
 */
int tc_utf8_partial(struct str s);

/* Base64 in the standard or the URL-safe alphabet, padded or not (proto3 JSON mapping). Appends the
 * bytes; false when a byte is out of the alphabet, both alphabets are mixed, the padding is wrong
 * or `out` is full (then *bad == s.n). *bad = offset of the offending byte. */
bool tc_base64_decode(struct buf *out, struct str s, size_t *bad);
/* Standard alphabet, padded. */
bool tc_base64_encode(struct buf *out, struct str bytes);

/* `s` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, so the result is
 * always valid JSON. Escapes what RFC 8259 asks for, U+2028 and U+2029 as well as '<', '>' and '&'
 * stay as they are. */
bool tc_json_string(struct buf *out, struct str s);

/* Its two parts. Copies what may stand in a JSON string as it is, up to the first byte that must
 * be escaped or is no UTF-8 (a sequence that is cut at the end included); returns how much. `to`
 * has room for all of `s`. */
size_t tc_json_copy(char *to, struct str s);
/* What stands for a byte that must be escaped (below 0x20, '"', '\\'): at most TC_JSON_ESCAPE_MAX
 * bytes; returns how many. */
enum { TC_JSON_ESCAPE_MAX = 6 };
size_t tc_json_escape(char *to, char c);

/* grpc-message: percent-encoding of bytes outside 0x20..0x7e and of '%' (gRPC PROTOCOL-HTTP2).
 * Decoding keeps broken escapes as they are. */
bool tc_grpc_message_encode(struct buf *out, struct str s);
bool tc_grpc_message_decode(struct buf *out, struct str s);
