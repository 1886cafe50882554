/* Makes files that protoc-gen-c 1.4 can work on; what their messages look like on the wire stays:
 *   - a proto3 `optional` field becomes the one-member oneof that it is by definition;
 *   - extensions are dropped: protobuf-c has none, they arrive as unknown fields;
 *   - services are dropped: they get stubs of ours;
 *   - imports that served only those are dropped, so options.proto needs no structs;
 *   - a field that would be a word of C unknown to protoc-gen-c gets a '_' behind its name. */
#pragma once

#include "tools/protoc-gen-postern/types.h"

/* Rewrites every file of the request in place. False when a file to be generated has groups, which
 * protobuf-c cannot hold; then each has been printed to standard error as file:line. */
bool rewrite_for_structs(struct request *r, const struct types *types);
