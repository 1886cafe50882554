/* Texts that options and configuration share: durations and addresses. Pure. */
#pragma once

#include "transcoder/str.h"

/* "250ms", "30s", "5m", "2h", "0s" -> milliseconds. False when it is none of these or above 2^31.
 */
bool duration_parse(struct str text, uint32_t *ms);

/* Where something listens or is called: "host:port" (port 1..65535), "[v6]:port" or "unix:/path".
 */
struct address {
    struct str host; /* without brackets; for unix: the path */
    uint16_t port;
    bool is_unix;
};

/* False when it is none of the three. Slices of `text`. */
bool address_parse(struct str text, struct address *out);
bool endpoint_valid(struct str text);
