/* Inside the decoder: what its files call of one another and nobody else includes.
 *
 * decode.c is the machine: frames, steps, what stands between values. decode_source.c brings the
 * fields of one message merged, decode_order.c in order; decode_map.c maps; decode_scalar.c values
 * without structure; decode_packed.c numbers in bulk; decode_wkt.c and decode_any.c the messages
 * whose JSON is not an object of their fields. */
#pragma once

#include "transcoder/decode_frame.h"

/* ---- decode.c */
/* Notes the error with the path of the fields being written. `at` is a place in the input, or NULL.
 */
__attribute__((format(printf, 4, 5))) enum tc_status tc_dec_fail(struct tc_decoder *d,
                                                                 enum tc_status status,
                                                                 const char *at, const char *format,
                                                                 ...);
enum tc_status tc_dec_malformed(struct tc_decoder *d, const char *at);
/* `n` bytes in `out`, or NULL with the error noted in d->status. */
char *tc_dec_room(struct tc_decoder *d, size_t n);
enum tc_status tc_dec_put(struct tc_decoder *d, struct str text);
/* At least `n` bytes in `s`; what it held is lost. NULL with the error noted. What is too small is
 * left to the arena: `n` must be paid for by as much input each time. */
void *tc_dec_scratch(struct tc_decoder *d, struct tc_dec_scratch *s, size_t n);
/* A new top frame that does `step`; NULL with the error noted. */
struct tc_dec_frame *tc_dec_push(struct tc_decoder *d, const struct tc_message *m,
                                 struct str payload, enum tc_dec_step step);
/* Makes the fields of the new top frame `f` ready to be walked; counts its depth. */
enum tc_status tc_dec_enter(struct tc_decoder *d, struct tc_dec_frame *f);
void tc_dec_pop(struct tc_decoder *d);
/* What stands before a value of f->field: comma, name, bracket. */
enum tc_status tc_dec_lead(struct tc_decoder *d, struct tc_dec_frame *f);

/* ---- decode_order.c */
/* Reads all of f's own fields once: malformed ones are an error, fields out of order are sorted.
 * What is not done at once is done by these steps, before the one that `f` stands at. */
enum tc_status tc_dec_sort(struct tc_decoder *d, struct tc_dec_frame *f);
enum tc_status tc_dec_scan(struct tc_decoder *d, struct tc_dec_frame *f);
enum tc_status tc_dec_collect(struct tc_decoder *d, struct tc_dec_frame *f);
enum tc_status tc_dec_heap(struct tc_decoder *d, struct tc_dec_frame *f);
enum tc_status tc_dec_sort_step(struct tc_decoder *d, struct tc_dec_frame *f);
enum tc_status tc_dec_keep(struct tc_decoder *d, struct tc_dec_frame *f);

/* ---- decode_source.c */
/* The next field that `f` knows, as it stands; *field is NULL at the end. TC_FULL: tired, nothing
 * known was found yet. */
enum tc_status tc_dec_take(struct tc_decoder *d, const struct tc_dec_frame *f,
                           struct tc_dec_source *s, struct tc_wire_field *w, const char **at,
                           const struct tc_field **field);
/* f->wire, a message that is not repeated, takes in its further occurrences. */
enum tc_status tc_dec_join(struct tc_decoder *d, struct tc_dec_frame *f);
/* `n` bytes in which to join the parts of a message; NULL with the error noted. */
char *tc_dec_join_room(struct tc_decoder *d, struct tc_dec_frame *f, size_t n);
/* Adds one part behind the `*n` bytes at `to`; it has to be well-formed by itself. */
enum tc_status tc_dec_add_part(struct tc_decoder *d, char *to, size_t *n, struct str part);
/* Whether `w` is a value of `field` by its wire type and, for a closed enum, its number. */
bool tc_dec_accepts(const struct tc_field *field, const struct tc_wire_field *w);
enum tc_wire_type tc_dec_wire_type(enum tc_type type);

/* ---- decode_map.c */
/* Looks at the run of entries that begins with f->wire: the last one of equal keys wins. The two
 * steps do it; TC_DEC_TAKEN follows. */
void tc_dec_map_begin(struct tc_dec_frame *f);
enum tc_status tc_dec_map_count(struct tc_decoder *d, struct tc_dec_frame *f);
enum tc_status tc_dec_map_keys(struct tc_decoder *d, struct tc_dec_frame *f);
enum tc_status tc_dec_map_entry(struct tc_decoder *d, struct tc_dec_frame *f);

/* ---- decode_scalar.c */
extern tc_dec_print *const tc_dec_printers[2][TC_SINT64 + 1]; /* [1]: no quotes around 64-bit
                                                                 integers */
/* The value bits as the type has them: 32-bit types cut, bool 0 or 1, zigzag undone. */
uint64_t tc_dec_normal(enum tc_type type, uint64_t raw);
enum tc_status tc_dec_value(struct tc_decoder *d, const struct tc_field *field,
                            const struct tc_wire_field *w);
/* ---- decode_default.c: what a field that is not set counts as */
enum tc_status tc_dec_default(struct tc_decoder *d, const struct tc_field *field);
enum tc_status tc_dec_string(struct tc_decoder *d, struct str s);
enum tc_status tc_dec_bytes(struct tc_decoder *d, struct str s);
/* The contents of a JSON string from bytes that are known to be UTF-8. */
enum tc_status tc_dec_escaped(struct tc_decoder *d, struct str s);
/* Takes a piece of valid UTF-8 off d->tail. */
enum tc_status tc_dec_text_piece(struct tc_decoder *d, struct str *piece);
/* Writes a piece of d->tail. */
enum tc_status tc_dec_tail_step(struct tc_decoder *d);

/* ---- decode_packed.c */
/* Writes some of f->packed, which is not empty. */
enum tc_status tc_dec_number_batch(struct tc_decoder *d, struct tc_dec_frame *f);

/* ---- decode_wkt.c, decode_any.c */
/* Begins a message value, whatever its JSON looks like. */
enum tc_status tc_dec_message(struct tc_decoder *d, const struct tc_message *m, struct str payload);
enum tc_status tc_dec_any(struct tc_decoder *d, const struct tc_message *any, struct str payload);
enum tc_status tc_dec_mask_step(struct tc_decoder *d, struct tc_dec_frame *f);
enum tc_status tc_dec_path_piece(struct tc_decoder *d);
