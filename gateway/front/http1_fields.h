/* The fields of an answer's head, given to MHD.
 *
 *     http1_fields_add(response, &x->answer.headers, room)      // false: out of memory
 *
 * In their order. Left out is what a response cannot carry: an empty value, one that is not a
 * single line (RFC 9110 5.5), and of the upstream's fields those for which `room` bytes are not
 * enough. Copied: nothing of `h` needs to stay. */
#pragma once

#include "gateway/core/header.h"
#include "gateway/front/mhd.h"

bool http1_fields_add(struct MHD_Response *r, const struct headers *h, size_t room);
