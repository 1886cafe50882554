/* Protobuf -> JSON: the proto3 JSON mapping, in slices that the caller sizes. The message comes
 * whole; the JSON leaves in pieces, so that a large answer neither blocks the loop nor has to fit
 * in memory twice.
 *
 *     struct tc_decoder *d = tc_decoder_new(&arena, &spec, message_bytes, &error);
 *     while ((st = tc_decode_some(d, &out, 64 << 10)) == TC_FULL)
 *         drain(&out);
 *
 * Fields are written in order of their numbers whatever their order on the wire; repeated fields
 * that are scattered are collected, singular ones merged, the last of a oneof wins. A message
 * written in order (every real encoder) is read in one pass and needs no memory but a frame per
 * level. Malformed bytes, strings that are not UTF-8, nesting beyond 100, a type missing for an
 * Any: TC_INVALID, never invalid JSON as a whole (the output so far is a cut-off JSON text). */
#pragma once

#include "transcoder/arena.h"
#include "transcoder/buf.h"
#include "transcoder/error.h"
#include "transcoder/schema.h"

enum { TC_DEC_WORK = 64 << 10 };

struct tc_decode_spec {
    const struct tc_schema *schema; /* resolves Any; may be NULL */
    const struct tc_message *message;
    const struct tc_field *field; /* NULL: the whole message; else only this field's value
                                   * (response_body); a field that is not set gives its default: {},
                                   * [], 0, "", false */
    bool emit_defaults; /* fields without presence are written at their default value too */
    bool enums_as_numbers;
    bool proto_names;      /* names as in the .proto instead of lowerCamelCase */
    bool int64_as_numbers; /* 64-bit integers unquoted: exact, but more than many parsers can hold
                            */
    bool short_enums; /* enum names without the prefix that is their type's name (enum_name.h) */
    uint8_t indent;   /* lines, and this many spaces a level, at most TC_INDENT_MAX; 0: compact */
    bool lenient_any; /* an Any of unknown type becomes {"@type": ..., "value": base64} instead of
                       * an error (details of an error status) */
    uint32_t work;    /* fields read in one call, at most; 0: TC_DEC_WORK */
};

struct tc_decoder;

/* `bytes` must stay until the last call. NULL when memory is short. */
struct tc_decoder *tc_decoder_new(struct arena *arena, const struct tc_decode_spec *spec,
                                  struct str bytes, struct tc_error *error);
/* Starts over on another message with the same spec (streams). */
void tc_decode_reset(struct tc_decoder *d, struct str bytes);
/* Appends JSON to `out`. TC_OK: the value is complete. TC_FULL: drain and call again; `out` reached
 * `soft` bytes (it may be passed by one token, at most 24 KiB, and with `indent` by its white
 * space), or the call has read spec.work fields, by default a millisecond or two: then `out` may
 * not have grown. `soft` SIZE_MAX: all in this call, however long it takes. TC_INVALID, TC_NOMEM,
 * TC_LIMIT (the ceiling of `out` or of the arena, or hostile input that would cost more than 10
 * bytes a byte): final. */
enum tc_status tc_decode_some(struct tc_decoder *d, struct buf *out, size_t soft);
