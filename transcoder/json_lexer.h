/* JSON text -> tokens, fed in pieces that may be cut at any byte. RFC 8259 and nothing looser: no
 * comments, no byte order mark, no trailing comma, no lone surrogates, UTF-8 throughout. Knows the
 * grammar, so that its user sees only well-formed sequences of tokens; knows nothing of protobuf.
 *
 *     tc_lex_init(&l, &arena, 100);
 *     tc_lex_feed(&l, piece);
 *     while ((t = tc_lex_next(&l)) < TC_JSON_MORE)
 *         if (t == TC_JSON_KEY || t == TC_JSON_STRING)
 *             while (tc_lex_string(&l, &text) == TC_MORE) ...feed the next piece
 *
 * The text of a string is unescaped straight into the caller's buffer, so a long one needs no
 * memory here. Owns one arena block for a number that was cut, once that happens. One user at a
 * time. */
#pragma once

#include "transcoder/arena.h"
#include "transcoder/buf.h"
#include "transcoder/error.h"

/* The first seven begin a value, in the order that tables are indexed by. */
enum tc_json_token {
    TC_JSON_NULL,
    TC_JSON_FALSE,
    TC_JSON_TRUE,
    TC_JSON_NUMBER, /* l->number is its text */
    TC_JSON_STRING, /* the opening quote is consumed: read it with tc_lex_string before going on */
    TC_JSON_OBJECT,
    TC_JSON_ARRAY,
    TC_JSON_VALUES,
    TC_JSON_OBJECT_END = TC_JSON_VALUES,
    TC_JSON_ARRAY_END,
    TC_JSON_KEY,  /* as TC_JSON_STRING */
    TC_JSON_MORE, /* the piece is used up */
    TC_JSON_DONE, /* the top-level value is complete; nothing behind it was touched */
    TC_JSON_BAD,  /* l->status, l->bad and l->why say what is wrong; final */
};

enum { TC_LEX_NUMBER_MAX = 4096, TC_LEX_DEPTH_MAX = 1 << 16 };

/* Where the lexer reads: what tc_lex_redirect saves and tc_lex_return brings back. */
struct tc_lex_source {
    const char *piece, *p, *end; /* the piece, the next byte of it, its end */
    size_t base;                 /* offset of piece[0] in the whole input */
};

struct tc_lexer {
    struct tc_lex_source in;
    size_t token;      /* offset of the first byte of the latest token */
    struct str number; /* valid until the next call */
    uint64_t *arrays;  /* a bit per open container, set for an array */
    struct arena *arena;
    char *hold; /* a number that was cut */
    size_t nhold;
    const char *literal; /* what is still missing of true, false, null */
    uint32_t depth, max_depth;
    uint32_t code, high; /* of a \u escape being read; the high surrogate before it */
    uint8_t state, after;
    uint8_t word;         /* token that `literal` belongs to */
    uint8_t escape;       /* 0: none; 1: behind the backslash; 2-5: hex digits wanted; 6, 7: the low
                             surrogate's \ and u */
    uint8_t need, lo, hi; /* UTF-8: bytes missing in a sequence, bounds of the next one */
    enum tc_status status; /* of an error */
    size_t bad;            /* its offset */
    char why[120];         /* what is wrong, one sentence */
};

/* False when memory is short. `max_depth` containers may be open at a time, at most
 * TC_LEX_DEPTH_MAX. */
bool tc_lex_init(struct tc_lexer *l, struct arena *arena, uint32_t max_depth);
/* Starts over; offsets begin at `base`. */
void tc_lex_reset(struct tc_lexer *l, size_t base);
/* The next piece of input; what the caller left of the last one is forgotten. The bytes must stay
 * until all is read. */
void tc_lex_feed(struct tc_lexer *l, struct str piece);

enum tc_json_token tc_lex_next(struct tc_lexer *l);
/* The end of the input: a number at the top level has no end of its own and comes now. TC_JSON_DONE
 * when the value was complete before, TC_JSON_MORE when it is cut short. */
enum tc_json_token tc_lex_end(struct tc_lexer *l);

/* Reads on in the string whose opening quote was the latest token and appends it, unescaped, to
 * `to` (NULL: to nowhere). TC_OK: the closing quote was met. TC_MORE: piece used up. TC_FULL: `to`
 * refused; make room and call again, nothing is lost. TC_INVALID: see tc_lex_next. */
enum tc_status tc_lex_string(struct tc_lexer *l, struct buf *to);
/* The same string as a slice of the piece, when it lies in there whole and without escapes; else
 * false and nothing happened. */
bool tc_lex_whole_string(struct tc_lexer *l, struct str *text);

/* Skips white space behind the top-level value. False (and an error) at anything else. */
bool tc_lex_trailing(struct tc_lexer *l);

/* Reads `text` next, the members of an object (from its first key to the closing brace) as if they
 * came once more at this place; its first byte has offset `base`. tc_lex_return goes back to where
 * `*saved` stands. */
void tc_lex_redirect(struct tc_lexer *l, struct str text, size_t base, struct tc_lex_source *saved);
void tc_lex_return(struct tc_lexer *l, const struct tc_lex_source *saved);

static inline size_t tc_lex_offset(const struct tc_lexer *l)
{
    return l->in.base + (size_t)(l->in.p - l->in.piece);
}

/* Whether anything but white space was read. */
bool tc_lex_begun(const struct tc_lexer *l);
/* "a number" ... for sentences. */
const char *tc_json_token_name(enum tc_json_token t);
/* Notes an error at offset `bad`; returns TC_JSON_BAD. Used by the two files of the lexer. */
__attribute__((format(printf, 4, 5))) enum tc_json_token tc_lex_fail(struct tc_lexer *l,
                                                                     enum tc_status status,
                                                                     size_t bad, const char *format,
                                                                     ...);
/* The byte at l->in.p in words for an error: 'x' or "byte 0x01". */
__attribute__((format(printf, 2, 0))) enum tc_json_token tc_lex_unexpected(struct tc_lexer *l,
                                                                           const char *expected);
