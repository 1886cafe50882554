/* Messages of the test files read by their schema: fields by name, from wire bytes. The files are
 * ours and well-formed: what is not ends the program. */
#pragma once

#include "transcoder/schema.h"
#include "transcoder/wire.h"

struct record {
    const struct tc_message *type;
    struct str bytes;
};

/* The next field `name` in what is left of `*rest` (at first r.bytes). */
bool record_next(struct record r, const char *name, struct str *rest, struct tc_wire_field *f);
/* The last field `name`; false: there is none. */
bool record_find(struct record r, const char *name, struct tc_wire_field *f);
/* A message field as a record; `bytes.p` == NULL: not there. */
struct record record_sub(struct record r, const char *name);
struct record record_of(struct record r, const char *name, const struct tc_wire_field *f);
/* Empty, or 0, when it is not there. */
struct str record_text(struct record r, const char *name);
uint64_t record_number(struct record r, const char *name);
