/* A compiled schema, printed as the const C tables of transcoder/schema.h: what the gateway would
 * make of the same descriptors at start, field by field. */
#pragma once

#include "tools/protoc-gen-postern/out.h"
#include "transcoder/schema.h"

/* Prints static arrays `files`, `messages`, `enums`, `services` and what they point to, then `const
 * struct tc_schema SYMBOL`. */
void tables_print(struct out *o, const struct tc_schema *schema, const char *symbol);
/* Prints `static const char NAME[]` with the bytes, of which there must be some. */
void tables_bytes(struct out *o, const char *name, struct str bytes);
/* Index of `m` in schema->messages: it is messages[index] in what was printed. */
uint32_t tables_message(const struct tc_schema *schema, const struct tc_message *m);
