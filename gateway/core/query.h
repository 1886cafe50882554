/* Single parameters of a raw query, by name: credentials that clients put there are found, taken
 * out, and hidden from the log. Pure. */
#pragma once

#include "transcoder/arena.h"

/* Whether `part`, one of the pieces between '&', is the parameter `name`, whatever of the name is
 * percent-encoded. *value is as it stands there; p == NULL: there is no '='. */
bool query_parameter(struct str part, struct str name, struct str *value);
/* The query without the parameter. p == NULL: out of memory. */
struct str query_without(struct str query, struct str name, struct arena *arena);
/* The target with "***" for the values of these parameters. Itself when it has none of them; up to
 * the '?' when memory is short. */
struct str query_conceal(struct str target, const struct str *names, uint32_t n,
                         struct arena *arena);
