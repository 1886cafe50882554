/* Single parameters of a raw query, by name: credentials that clients put there are found, taken
 * out, and hidden from the log. Pure. */
#pragma once

#include "transcoder/arena.h"

/* Whether `part`, one of the pieces between '&', is the parameter `name`, whatever of the name is
 * percent-encoded. *value is as it stands there; p == NULL: there is no '='. */
bool query_parameter(struct str part, struct str name, struct str *value);
/* The query without the parameter. p == NULL: out of memory. */
struct str query_without(struct str query, struct str name, struct arena *arena);
/* The target with "***" for the values of these parameters and of those that are known to carry
 * credentials (key, api_key, token, access_token, id_token), however wrongly they are written:
 * names go without case and punctuation, parameters may follow '&', ';', '?' and '#', all of it
 * percent-encoded or not. Up to the first of these when memory is short. */
struct str query_conceal(struct str target, const struct str *names, uint32_t n,
                         struct arena *arena);
/* The target with "***" for all that follows the first of these separators. */
struct str query_conceal_all(struct str target, struct arena *arena);
