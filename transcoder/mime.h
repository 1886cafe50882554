/* Parameters of a header value, as in `form-data; name="a"; filename=b.png` (RFC 9110 5.6.6).
 *
 *     struct str rest = value, type = tc_mime_type(&rest);
 *     while ((st = tc_mime_param(&rest, &p)) == TC_OK) ...
 *     if (st == TC_INVALID) ...                    // else TC_MORE: that was all */
#pragma once

#include "transcoder/error.h"

struct tc_mime_param {
    struct str name;
    struct str value; /* without the quotes, backslashes still in it */
};

/* RFC 9110 5.6.2; header names are tokens. */
bool tc_mime_is_token(struct str s);
/* What stands before the first ';', trimmed; *rest is what follows from that ';' on. */
struct str tc_mime_type(struct str *rest);
/* Takes the next parameter off *rest. TC_MORE: there is none. TC_INVALID: no name, no '=', no
 * value, an open quote, bytes that may not stand there. Values that are no tokens are taken without
 * quotes too, as long as they hold no space, ';', '"' or '\': boundaries come so. */
enum tc_status tc_mime_param(struct str *rest, struct tc_mime_param *p);
/* Writes the value without backslashes to `out`, which may be value.p itself. Returns how many
 * bytes. */
size_t tc_mime_unquote(char *out, struct str value);
