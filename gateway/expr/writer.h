/* Wire bytes written back to front: into the top of the free scratch, downwards, so that a length
 * is known when it is written, while what is decoded on the way takes its memory from below. The
 * first error stays; nothing is written after it. */
#pragma once

#include "gateway/expr/values.h"
#include "transcoder/schema_type.h"

struct expr_writer {
    struct expr_run *run;
    size_t end;              /* of the scratch before the writer took from it */
    struct expr_value error; /* EXPR_NULL: none */
};

void expr_writer_open(struct expr_writer *w, struct expr_run *r);
/* What was written, moved to where memory is handed out. */
struct expr_value expr_writer_close(struct expr_writer *w, struct str *bytes);

bool expr_write_bytes(struct expr_writer *w, struct str s);
bool expr_write_varint(struct expr_writer *w, uint64_t v);
bool expr_write_fixed(struct expr_writer *w, uint64_t v, size_t n);
bool expr_write_key(struct expr_writer *w, uint32_t number, enum tc_wire_type type);
/* Where a nested message ends; expr_write_length puts its length and key before it. */
size_t expr_write_mark(const struct expr_writer *w);
bool expr_write_length(struct expr_writer *w, size_t mark, uint32_t number);
bool expr_write_fail(struct expr_writer *w, struct expr_value error);
bool expr_write_refuse(struct expr_writer *w, struct str name);

/* The contents of a message from a value that means it: timestamp, wrapper, Struct, Value, Any, or
 * a message of that type. */
bool expr_write_message(struct expr_writer *w, const struct tc_message *m,
                        const struct expr_value *v);
/* A field with its key: whole lists and maps too. */
bool expr_write_field(struct expr_writer *w, const struct tc_field *f, const struct expr_value *v);
/* writer_json.c: contents of google.protobuf.Value, Struct and ListValue. */
bool expr_write_json(struct expr_writer *w, const struct expr_value *v);
bool expr_write_struct(struct expr_writer *w, const struct expr_value *v);
bool expr_write_list_value(struct expr_writer *w, const struct expr_value *v);
/* writer_any.c */
bool expr_write_any(struct expr_writer *w, const struct expr_value *v);
bool expr_write_time(struct expr_writer *w, const struct expr_value *v);
