/* Schemas for tests: compiled from the descriptor sets that the build made of tests/protos and
 * proto.
 *
 *     struct set s = set_load("kitchen_sink.pb");
 *     const struct tc_message *m = set_message(&s, "kitchen.Sink");
 *     set_release(&s);
 */
#pragma once

#include "transcoder/schema_compile.h"

struct set {
    struct arena arena;
    struct str bytes;
    const struct tc_schema *schema;
};

/* The file's bytes, in the arena. Fails the test when the file cannot be read. */
struct str set_read(struct arena *a, const char *name);
/* Fails the test, printing the faults, when the set does not compile. */
struct set set_load(const char *name);
void set_release(struct set *s);
/* Fail the test when there is none. */
const struct tc_message *set_message(const struct set *s, const char *full_name);
const struct tc_field *set_field(const struct set *s, const char *message, const char *field);
