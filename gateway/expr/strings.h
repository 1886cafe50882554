/* Searching and counting in UTF-8, and texts that grow in scratch: what the functions on strings
 * share. A byte that starts no sequence counts as a code point of one byte: nothing here reads past
 * its slice. */
#pragma once

#include "gateway/expr/values.h"

#define EXPR_NOT_FOUND ((size_t)-1)
#define EXPR_TIRED ((size_t)-2)
#define EXPR_NO_POINT UINT32_MAX

/* The first code point of `s`: its bytes (0 at the end), and its number or EXPR_NO_POINT (not at
 * the end). */
size_t expr_point_size(struct str s);
uint32_t expr_point(struct str s);
int64_t expr_points(struct str s);
/* Byte at which code point `i` begins; i may be the number of points. False: no such point. */
bool expr_byte_of(struct str s, int64_t i, size_t *byte);
/* Unicode's White_Space. */
bool expr_is_space(uint32_t point);

/* Byte of the first `what` in s[from..], or EXPR_NOT_FOUND. Linear time. */
size_t expr_find(struct str s, struct str what, size_t from);
/* Of the last one that begins at `last` or before. Each candidate costs steps: EXPR_TIRED. */
size_t expr_find_last(struct expr_run *r, struct str s, struct str what, size_t last);
/* How often `by` cuts `s`; an empty one does between all points. */
size_t expr_count(struct str s, struct str by);

/* A text that grows in scratch. While a shared one is open others may allocate too: each side gets
 * half of what is free. The first failure stays and is what close returns. */
struct expr_text {
    struct expr_run *run;
    char *p;
    size_t n, room, end; /* end: of the scratch before a shared text took its half */
    bool full, tired;
};
void expr_text_open(struct expr_text *t, struct expr_run *r);
void expr_text_open_shared(struct expr_text *t, struct expr_run *r);
void expr_text_add(struct expr_text *t, struct str s);
__attribute__((format(printf, 2, 3))) void expr_text_printf(struct expr_text *t, const char *format,
                                                            ...);
struct expr_value expr_text_close(struct expr_text *t);

/* lib_format.c */
struct expr_value expr_string_format(struct expr_run *r, const struct expr_value *args, uint32_t n);

/* lib_encoders.c: standard alphabet, padded. */
struct expr_value expr_base64(struct expr_run *r, struct str bytes);

/* sort.c: a stable order of `n` numbers that stand for elements of something; `spare` has their
 * room. */
typedef bool expr_precedes(void *context, uint32_t a, uint32_t b);
void expr_sort(uint32_t *order, uint32_t *spare, uint32_t n, expr_precedes *precedes,
               void *context);
