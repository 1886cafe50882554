/* Which HTTP headers travel on as gRPC metadata, and back.
 *
 * There: all but those that speak of this hop (RFC 9110 7.6.1: hop-by-hop and what Connection
 * names, host, expect), of the body (content-*, accept-encoding) or of gRPC itself (grpc-*).
 * "Grpc-Metadata-K: v" arrives as "k: v"; "User-Agent" as "x-forwarded-user-agent", since the name
 * itself is that of our own client. Values of "-bin" names are base64 in HTTP and on the wire
 * (PROTOCOL-HTTP2), several joined with commas become as many entries. Duplicates stay, in order.
 * What would travel and cannot is a 400 that names the header: a name that is none of gRPC's (a-z
 * 0-9 - .), one with an underscore, since many servers take x_user for x-user, a K that is empty or
 * would stay here by itself, a value that is not printable ASCII or, of "-bin", no base64.
 *
 * Back: initial metadata and trailers of the call become headers by the same rules; content-*,
 * connection and framing headers, set-cookie, alt-svc and date of the upstream never do, and what
 * is not printable ASCII is left out. */
#pragma once

#include "gateway/core/header.h"
#include "transcoder/error.h"

/* Appends to `out`. TC_INVALID: error.path is the header that cannot travel. */
enum tc_status metadata_from_headers(const struct headers *request, struct headers *out,
                                     struct arena *arena, struct tc_error *error);
/* The name without Grpc-Metadata- (lower case) before it: what it would travel as. */
struct str metadata_name(struct str header);
/* True for a name that a rule of the configuration may set or remove: legal, and none that the
 * gateway, HTTP or gRPC use themselves. */
bool metadata_settable(struct str name);
/* Copies into the arena what may be shown to the client. False when the arena is full. */
bool metadata_to_headers(const struct header *metadata, size_t n, struct headers *out,
                         struct arena *arena);

/* "grpc-timeout": 1 to 8 digits and a unit of HMSmun. False when malformed. Saturates. */
bool metadata_timeout_parse(struct str text, uint64_t *ns);
/* Writes at most 8 digits and a unit, rounded up, never 0; returns the length (at most 10 bytes).
 */
size_t metadata_timeout_print(char *out, uint64_t ns);
