/* Compact JSON -> the same JSON on many lines, for people. Resumable at every byte: what comes in
 * pieces goes out in pieces.
 *
 *     {"a":[1,{}],"b":"x"}    becomes    {
 *                                          "a": [
 *                                            1,
 *                                            {}
 *                                          ],
 *                                          "b": "x"
 *                                        }
 *
 * The input must be JSON without white space between its tokens, as the decoder writes it; nothing
 * is checked. */
#pragma once

#include "transcoder/buf.h"

enum { TC_INDENT_MAX = 8 };

struct tc_indenter {
    uint32_t depth;
    uint8_t width;          /* spaces a level, 1 to TC_INDENT_MAX */
    bool in_string, escape; /* behind a backslash */
    bool opened;            /* the latest byte opened a container */
};

void tc_indent_init(struct tc_indenter *i, uint8_t width);
/* Appends `json` to `out`, which must not overlap. False when `out` is full: then some of it may
 * have been appended, and the text as a whole is lost. */
bool tc_indent(struct tc_indenter *i, struct str json, struct buf *out);
