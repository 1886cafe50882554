/* Required fields (proto2, LEGACY_REQUIRED of editions) of a message that several hands have
 * written: path, query, form and body each set some fields, and only the whole shows what none of
 * them has set.
 *
 *     st = tc_required_check(m, bytes, NULL, &error);   // TC_INVALID: error.path is the field
 *
 * Walks the finished message; a singular message that comes in parts counts as what they give
 * together. Elements of lists and maps are not looked into: they come from one body, and the
 * encoder has asked for what is required in them. Types that reach no required field
 * (tc_message.reaches_required) cost one look at a flag; others time linear in the bytes (times the
 * nesting of groups) and some memory for each level while it runs. */
#pragma once

#include "transcoder/error.h"
#include "transcoder/schema.h"

/* `bytes` are what bind and encode wrote: malformed ones are the reader's to refuse. `later` is a
 * field of the message that is still to come, so it is neither missed nor looked into; NULL: none.
 * TC_OK, TC_INVALID, TC_NOMEM. */
enum tc_status tc_required_check(const struct tc_message *m, struct str bytes,
                                 const struct tc_field *later, struct tc_error *error);
