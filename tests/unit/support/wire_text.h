/* Protobuf bytes written by hand, for what no compiler on the machine writes: wrong or newer than
 * it knows.
 *
 *     struct str set = wire_text(&arena, "1:{1:'a.proto' 4:{1:'M' 2:{1:'f' 3:1 5:9}} 8:{9:[4
 * 0]}}");
 *
 * A field is number:value; a value is a decimal varint (negative: ten bytes), 'bytes', {fields} or
 * [packed varints]. Aborts when the text breaks that. `$` stands for nothing and may be used to
 * mark a place. */
#pragma once

#include "transcoder/arena.h"

struct str wire_text(struct arena *a, const char *text);
