/* Source text to tokens (cel-spec "Syntax": lexis). Linear, allocates nothing, reads no byte twice.
 *
 *     struct expr_lexer lx = {.source = source};
 *     struct expr_token t;
 *     while ((t = expr_lex(&lx)).kind != EXPR_TOKEN_END) ...
 *
 * A piece of text that is no token is EXPR_TOKEN_BAD: its `fault` says why, offset and end where.
 * Values of literals are read by literal.h. */
#pragma once

#include "transcoder/str.h"

enum expr_token_kind {
    EXPR_TOKEN_END,
    EXPR_TOKEN_BAD,
    EXPR_TOKEN_NAME,   /* keywords and reserved words too */
    EXPR_TOKEN_QUOTED, /* `content-type`: a field only */
    EXPR_TOKEN_INT,
    EXPR_TOKEN_UINT,
    EXPR_TOKEN_DOUBLE,
    EXPR_TOKEN_STRING,
    EXPR_TOKEN_BYTES,
    /* Punctuation of one character is its own kind; these have two. */
    EXPR_TOKEN_AND = 128,
    EXPR_TOKEN_OR,
    EXPR_TOKEN_EQUAL,
    EXPR_TOKEN_UNEQUAL,
    EXPR_TOKEN_AT_MOST,
    EXPR_TOKEN_AT_LEAST,
};

struct expr_token {
    uint8_t kind; /* enum expr_token_kind or a character of "()[]{}.,:?!-+*%/<>" */
    uint32_t offset, end;
    struct str text;   /* as written; of QUOTED without the quotes */
    const char *fault; /* BAD */
};

struct expr_lexer {
    struct str source; /* UTF-8, shorter than 4 GiB */
    uint32_t at;
};

struct expr_token expr_lex(struct expr_lexer *lx);

/* "true", "false", "null", "in": never a name. */
bool expr_is_keyword(struct str word);
/* Kept free for other languages: "as", "for", ...; fields may be called so. */
bool expr_is_reserved(struct str word);
