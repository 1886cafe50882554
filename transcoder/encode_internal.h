/* What the files of the encoder share. A stack of frames stands for the containers that are open,
 * in the JSON and in the protobuf; every token goes to the top frame's handler, every complete
 * value is told to the frame that waits for it. What a value of a type may look like stands in
 * tables of rows, one handler per kind of token.
 *
 *   encode          the calls of encode.h, the loop
 *   encode_out      keys, lengths that are not known yet, frames, marks
 *   encode_value    rows; scalars, strings, lists, messages that are written as a single value
 *   encode_packed   arrays of numbers in bulk
 *   encode_object   messages and maps
 *   encode_keys     no key of a map comes twice
 *   encode_any      Any, and JSON that is skipped
 *   encode_path     where an error is */
#pragma once

#include "transcoder/encode.h"
#include "transcoder/json_lexer.h"

/* A length that is not known yet. One byte is reserved for it at `pos`. While open, `len` is
 * tc_encoder.extra as it was; when closed and 16384 or more, the length. Ascending by pos: whoever
 * is shorter leaves the array when it is closed. */
struct tc_enc_slot {
    size_t pos, len;
};

/* A state of the output to which one can go back. */
struct tc_enc_spot {
    size_t n, nslots, extra;
};

enum tc_enc_kind {
    TC_ENC_ROOT,
    TC_ENC_MESSAGE,
    TC_ENC_LIST,
    TC_ENC_MAP,
    TC_ENC_WRAP, /* a message that the JSON does not show: wrappers, Struct, Value, ListValue */
    TC_ENC_ANY,
    TC_ENC_SKIP,
    TC_ENC_KINDS,
};

enum tc_enc_any { TC_ANY_EMPTY, TC_ANY_TYPE, TC_ANY_SEARCH, TC_ANY_VALUE, TC_ANY_FIELDS };

#define TC_ENC_NO_SLOT SIZE_MAX

struct tc_enc_frame {
    const struct tc_message *message; /* MESSAGE; ANY: the type inside, once known */
    const struct tc_field *from;      /* field whose value this frame is */
    const struct tc_field *field; /* field of the value that is read now; NULL between members */
    const struct tc_bound *bound; /* MESSAGE: what path and query have set in it */
    const struct tc_bound *node;  /* the one of them that belongs to `field` */
    struct tc_enc_spot before; /* before the value (bound leaf, Any's value), before the entry (map)
                                */
    union {
        struct tc_lex_source source; /* ANY: where the lexer goes on after a replay */
        struct {
            size_t begin;   /* MAP: where its entries begin in `out` */
            size_t key_at;  /* where the encoded key of the open entry begins */
            uint32_t *cell; /* of that key in the map's tree (encode_keys.c) */
            uint32_t root;  /* of that tree; 0: no key yet */
        };
    };
    size_t slot;      /* of the frame's own length, or of the map entry's; TC_ENC_NO_SLOT */
    size_t key, nkey; /* MAP: where the text of a string key stands in `out` */
    uint64_t number;  /* MAP: any other key; ANY: how often "@type" came */
    uint32_t index;   /* LIST: elements read; ANY and SKIP: depth of JSON around it */
    uint32_t marks;   /* MESSAGE: its first word in tc_encoder.marks */
    uint16_t mark_lo, mark_hi; /* words that were touched, hi exclusive */
    uint16_t expect;           /* index of the field that will probably come next */
    uint16_t required;         /* required fields that did not come yet */
    uint8_t kind;
    uint8_t nested;        /* messages around what stands in it, as protobuf's readers count */
    uint8_t state;         /* ANY: enum tc_enc_any; MAP: whether an entry is open */
    bool keyed;            /* values get their key */
    bool drop_zero;        /* implicit presence: a zero is not written */
    bool in_any, replayed; /* MESSAGE: "@type" is among its members; its JSON is read again */
};

struct tc_encoder;
typedef enum tc_status (*tc_enc_text_fn)(struct tc_encoder *e, struct str text);
typedef enum tc_status (*tc_enc_value_fn)(struct tc_encoder *e, enum tc_json_token t);

enum tc_enc_text_to { TC_TEXT_TO_SCRATCH, TC_TEXT_TO_OUT, TC_TEXT_TO_NOWHERE };

/* How values of a type are read: a handler for each kind of token, NULL where it is refused. */
struct tc_enc_row {
    tc_enc_value_fn on[TC_JSON_VALUES];
    const char *expected;
};

/* The field that stands for the message inside an Any: key 2, length-delimited. */
struct tc_enc_box {
    struct tc_field field;
    struct tc_enc_box *next;
};

/* Keys of the open maps (encode_keys.c). */
enum { TC_ENC_KEY_CHUNKS = 24 };

struct tc_enc_key_node {
    uint32_t cells[4];
};

struct tc_enc_keys {
    struct tc_enc_key_node *chunks[TC_ENC_KEY_CHUNKS]; /* chunk i has 64 << i nodes */
    uint32_t used;
};

struct tc_encoder {
    struct tc_lexer lex;
    struct tc_encode_spec spec;
    struct arena *arena;
    struct buf *out;
    struct tc_error *error;
    struct tc_enc_frame *frames, *top;
    size_t nframes, cap_frames;
    struct tc_enc_slot *slots;
    size_t nslots, cap_slots;
    size_t extra;    /* bytes by which the closed slots will be widened */
    uint64_t *marks; /* bits of the open messages' fields and oneofs; zero above nmarks */
    size_t nmarks, cap_marks;
    struct tc_enc_keys keys;
    struct buf scratch;       /* arena memory: texts that must be whole */
    tc_enc_text_fn text_done; /* a string is being read; NULL when not */
    enum tc_enc_text_to text_to;
    struct tc_enc_spot text_at; /* before the key of a string that is read into `out` */
    size_t text_slot;
    struct tc_enc_box *boxes;
    struct buf captured;   /* without spec.late; arena memory: JSON of an Any, as far as earlier
                              pieces held it */
    const char *capture;   /* the current piece's part begins here; NULL: nothing is captured */
    size_t capture_base;   /* offset of the first captured byte */
    size_t kept, replayed; /* bytes read again: once for each byte, and in all */
    struct tc_field whole; /* stands for the message when spec.field is NULL: a group without tags
                            */
    struct tc_bound whole_node; /* its node */
    uint32_t index;             /* of the message in a stream */
    bool in_stream, complete;
    enum tc_status status;
};
