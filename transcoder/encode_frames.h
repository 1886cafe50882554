/* The functions that the encoder's files offer one another. Handlers of frames come in pairs: what
 * a frame does with a token that reaches it (..._token), and what it does when a value inside it is
 * complete (..._done; `up`: then the frame itself is, too). All return TC_OK, TC_MORE or an error
 * that is noted already. */
#pragma once

#include "transcoder/encode_internal.h"

/* encode */
/* As tc_encode_reset for message `index` of a stream, whose first byte has `offset`. */
void tc_enc_reset_at(struct tc_encoder *e, size_t offset, uint32_t index);

/* encode_path. All return `status`. */
__attribute__((format(printf, 3, 4))) enum tc_status tc_enc_fail(struct tc_encoder *e,
                                                                 enum tc_status status,
                                                                 const char *format, ...);
/* The same for member `name` of the open message. */
__attribute__((format(printf, 4, 5))) enum tc_status tc_enc_fail_member(struct tc_encoder *e,
                                                                        struct str name,
                                                                        enum tc_status status,
                                                                        const char *format, ...);
enum tc_status tc_enc_lex_failed(struct tc_encoder *e);
enum tc_status tc_enc_no_memory(struct tc_encoder *e);
/* `out` refused `n` bytes: ceiling or memory. */
enum tc_status tc_enc_full(struct tc_encoder *e, size_t n);

/* encode_out */
struct tc_enc_spot tc_enc_spot(const struct tc_encoder *e);
void tc_enc_back(struct tc_encoder *e, const struct tc_enc_spot *spot);
bool tc_enc_all_zero(const struct tc_encoder *e, size_t from);
enum tc_status tc_enc_put(struct tc_encoder *e, struct str bytes);
enum tc_status tc_enc_tag(struct tc_encoder *e, const struct tc_field *f);
/* Behind the value of a TC_SET_ITEM. */
enum tc_status tc_enc_item_end(struct tc_encoder *e);
enum tc_status tc_enc_open_slot(struct tc_encoder *e, size_t *slot);
void tc_enc_close_slot(struct tc_encoder *e, size_t slot);
/* Makes all slots from `first` on as wide as their lengths and forgets them. */
enum tc_status tc_enc_widen(struct tc_encoder *e, size_t first, size_t extra_before);
enum tc_status tc_enc_push(struct tc_encoder *e, enum tc_enc_kind kind,
                           const struct tc_field *from);
/* Refuses one message more inside the open ones when protobuf's readers would not take it. */
enum tc_status tc_enc_nest(struct tc_encoder *e);
void tc_enc_pop(struct tc_encoder *e);
/* Key, frame and what stands before a message's contents; and what stands behind them. */
enum tc_status tc_enc_open(struct tc_encoder *e, enum tc_enc_kind kind,
                           const struct tc_field *from);
enum tc_status tc_enc_close(struct tc_encoder *e);
/* Gives `b`, whose memory is the arena's, room for `more` bytes; TC_LIMIT (not noted) beyond `max`
 * in all. */
enum tc_status tc_enc_grow(struct tc_encoder *e, struct buf *b, size_t more, size_t max);
enum tc_status tc_enc_take_marks(struct tc_encoder *e, uint32_t bits);
/* Sets a mark of the top frame; true when it was set before. */
bool tc_enc_mark(struct tc_encoder *e, uint32_t bit);
bool tc_enc_marked(const struct tc_encoder *e, uint32_t bit);
void tc_enc_drop_marks(struct tc_encoder *e);

/* encode_value */
enum tc_status tc_enc_root_token(struct tc_encoder *e, enum tc_json_token t);
enum tc_status tc_enc_list_token(struct tc_encoder *e, enum tc_json_token t);
const struct tc_enc_row *tc_enc_row(const struct tc_field *f);
const struct tc_enc_row *tc_enc_element_row(const struct tc_field *f);
enum tc_status tc_enc_value(struct tc_encoder *e, const struct tc_enc_row *row,
                            enum tc_json_token t);
bool tc_enc_takes_null(const struct tc_field *f);
/* The value that the top frame waited for is complete. */
enum tc_status tc_enc_value_done(struct tc_encoder *e);
enum tc_status tc_enc_text(struct tc_encoder *e, enum tc_enc_text_to to, tc_enc_text_fn done);
enum tc_status tc_enc_text_resume(struct tc_encoder *e);

/* encode_packed */
/* The top frame is a list of packed numbers and has just read one: reads those that follow as far
 * as nothing is special about them. */
void tc_enc_packed(struct tc_encoder *e);

/* encode_object */
enum tc_status tc_enc_open_message(struct tc_encoder *e, enum tc_json_token t);
enum tc_status tc_enc_open_map(struct tc_encoder *e, enum tc_json_token t);
enum tc_status tc_enc_message_token(struct tc_encoder *e, enum tc_json_token t);
enum tc_status tc_enc_map_token(struct tc_encoder *e, enum tc_json_token t);
enum tc_status tc_enc_member_done(struct tc_encoder *e, bool *up);
enum tc_status tc_enc_entry_done(struct tc_encoder *e, bool *up);
/* A value for top->field begins that is not an absent one: oneofs, what path and query have bound.
 */
enum tc_status tc_enc_member_begins(struct tc_encoder *e);

/* encode_keys */
/* Refuses the encoded key of the entry that begins when the map has it already. */
enum tc_status tc_enc_note_key(struct tc_encoder *e, struct str key);
/* The entry is complete, its key begins at `at` of `out` and stays there. */
enum tc_status tc_enc_keep_key(struct tc_encoder *e, size_t at);
/* The map is complete. */
void tc_enc_drop_keys(struct tc_encoder *e);

/* encode_mask */
/* The member of the open message whose value begins with `t`: into spec.mask, unless its own
 * members will be. */
enum tc_status tc_enc_mask_member(struct tc_encoder *e, enum tc_json_token t);
/* The open message ends: when it had no members it is named itself. */
enum tc_status tc_enc_mask_message(struct tc_encoder *e);

/* encode_any */
enum tc_status tc_enc_open_any(struct tc_encoder *e, enum tc_json_token t);
enum tc_status tc_enc_any_token(struct tc_encoder *e, enum tc_json_token t);
enum tc_status tc_enc_any_done(struct tc_encoder *e, bool *up);
/* The next value is read over. */
enum tc_status tc_enc_skip(struct tc_encoder *e);
enum tc_status tc_enc_skip_token(struct tc_encoder *e, enum tc_json_token t);
/* The piece ends while an Any is captured: keeps its part. */
enum tc_status tc_enc_keep_captured(struct tc_encoder *e);
