/* The decoder's state: one frame for each message being written. Frames are kept when they are left
 * and used again at the same level, with their scratch, so a stream of messages needs no more
 * memory than its largest. Included by decode_internal.h alone. */
#pragma once

#include "transcoder/decode.h"
#include "transcoder/indent.h"
#include "transcoder/number.h"
#include "transcoder/wire.h"

enum {
    TC_DEC_DEPTH_MAX = 100, /* messages inside one another; the wrapping of Value and of Any does
                               not count */
    TC_DEC_PIECE = 3000,    /* input bytes of a string written at a time, 6 bytes each at worst; a
                               multiple of 3 for base64 */
    TC_DEC_BATCH = 64,      /* packed numbers written between two looks at the room */
    TC_DEC_NUMBER_ROOM = TC_NUMBER_TEXT_MAX + 3, /* a number, its quotes, a comma */
    TC_DEC_BATCH_ROOM = TC_DEC_BATCH * TC_DEC_NUMBER_ROOM,
};

/* Memory that a frame keeps: grows, never shrinks, is the arena's. */
struct tc_dec_scratch {
    void *p;
    size_t cap;
};

/* Where the fields of a message come from: as they stand on the wire, or by sorted records when the
 * wire is out of order. A copy is an independent reader. */
struct tc_dec_source {
    struct str rest;         /* wire order: what has not been read */
    const char *base, *end;  /* the payload */
    const uint64_t *records; /* NULL: wire order; else field number << 32 | offset from base,
                                ascending */
    uint32_t n, next;        /* of records */
    bool set;                /* of a message set: its items are the fields */
};

enum tc_dec_step {
    TC_DEC_SCAN, /* finding out whether the fields are in order; when not, the next four */
    TC_DEC_COLLECT,
    TC_DEC_HEAP,
    TC_DEC_SORT,
    TC_DEC_KEEP,
    TC_DEC_OPEN,     /* '{' comes first */
    TC_DEC_FIELD,    /* take the next field and write it */
    TC_DEC_COUNT,    /* a map begins: counting the entries of its run */
    TC_DEC_KEYS,     /* and noting the last one of each key */
    TC_DEC_TAKEN,    /* the field is taken and known: write it */
    TC_DEC_DEFAULTS, /* emit_defaults: fields before `field` that are not set */
    TC_DEC_PACKED,   /* numbers of a packed field */
    TC_DEC_ENTRY,    /* a map's key is written, its value is not */
    TC_DEC_MASK,     /* paths of a FieldMask */
    TC_DEC_CLOSE,    /* nothing left but a '}' */
    TC_DEC_STEPS,
};

/* How far bringing the fields into order has got. */
struct tc_dec_order {
    struct tc_dec_source at;
    const struct tc_field *field; /* of the record last kept */
    uint64_t oneofs;              /* seen, by bit; those beyond 63 share the last one */
    uint32_t last, n;             /* number of the last field, how many there are */
    uint32_t i, kept;             /* records */
    bool broken;
    uint8_t then; /* the step that follows */
};

/* How far noting the keys of a map has got. */
struct tc_dec_keys {
    struct tc_dec_source at;
    size_t probes;               /* left */
    uint32_t n, i;               /* entries of the run, and noted */
    uint32_t different, cleared; /* keys at most; slots */
};

struct tc_dec_frame {
    struct tc_dec_frame *below, *above;
    const struct tc_message *m;
    struct tc_dec_source src;
    union {
        struct tc_dec_order order;
        struct tc_dec_keys keys;
    };
    struct tc_dec_scratch records, slots, joined;
    const struct tc_field *field; /* being written, with elements to come when `open`; NULL: none */
    const struct tc_field *only;  /* bare: the one field that is written; NULL: whichever is set */
    struct tc_wire_field wire;    /* its value as read */
    struct tc_wire_field key;     /* of the map entry being written */
    const char *at;               /* where on the wire `field` stood */
    struct str packed;            /* not written yet */
    size_t index;                 /* elements of `field` begun */
    uint32_t next_default;        /* fields of m below this one are written or have been passed */
    uint32_t slot_mask;           /* size - 1 of the map's table of keys; 0: keys cannot repeat */
    uint8_t step;                 /* enum tc_dec_step */
    bool bare;    /* the value of a field stands for the message: no braces, no name */
    bool open;    /* '[' or '{' of `field` is written */
    bool started; /* a member has been written */
    bool counted; /* in the decoder's depth */
};

/* A string that is being written in pieces. */
enum tc_dec_tail { TC_DEC_NO_TAIL, TC_DEC_STRING, TC_DEC_BYTES, TC_DEC_PATH, TC_DEC_TAILS };

/* Prints a raw wire value to at least TC_DEC_NUMBER_ROOM bytes, returns the length. */
typedef size_t tc_dec_print(char *to, uint64_t raw);

struct tc_decoder {
    struct tc_decode_spec spec;
    struct arena *arena;
    struct tc_error *error;
    struct str input;
    struct buf *out; /* this call's */
    size_t soft;
    tc_dec_print *const *print; /* by enum tc_type; int64_as_numbers is decided once */
    struct tc_dec_frame *bottom, *top;
    struct str tail;
    enum tc_dec_tail tail_kind;
    bool after_underscore; /* TC_DEC_PATH */
    bool begun;
    uint32_t depth;
    struct tc_indenter indenter;
    struct tc_dec_scratch compact; /* what is to be indented */
    size_t joined;                 /* bytes copied to join messages; has a ceiling too */
    size_t group_work; /* bytes of groups skipped: each level reads those inside again, so this has
                          a ceiling */
    size_t work, work_max; /* of this call; in fields read */
    enum tc_status status; /* TC_MORE while there is something to write */
};

/* The call has worked long enough: the loop of its caller has others to serve. */
static inline bool tc_dec_tired(const struct tc_decoder *d)
{
    return d->work >= d->work_max;
}
