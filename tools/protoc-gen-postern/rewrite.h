/* Makes files that protoc-gen-c 1.4 can work on, without a change to what their messages look like
 * on the wire:
 *   - a proto3 `optional` field becomes the one-member oneof that it is by definition;
 *   - extensions are dropped, since protobuf-c has none (they arrive as unknown fields), and
 * services, which get stubs of ours;
 *   - imports that only those needed are dropped, so that options.proto and annotations.proto need
 * no structs. */
#pragma once

#include "tools/protoc-gen-postern/types.h"

/* Rewrites every file of the request in place. False when a file to be generated has groups, which
 * protobuf-c cannot hold; then each has been printed to standard error as file:line. */
bool rewrite_for_structs(struct request *r, const struct types *types);
