/* Slices of bytes, passed by value. A slice owns nothing and is not NUL-terminated: it is valid as
 * long as the memory that it was cut from. All input from a client or an upstream travels as
 * slices.
 *
 *     struct str verb = STR("GET");
 *     if (str_eq(verb, STR("HEAD"))) ...
 *     log("%.*s", STR_ARG(verb));
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

/* A slice of a string literal; usable as a constant initialiser through STR_INIT. */
/* clang-format off */
#define STR_INIT(literal) {"" literal "", sizeof(literal) - 1}
#define STR(literal) ((struct str)STR_INIT(literal))
/* clang-format on */
#define STR_NONE ((struct str){NULL, 0})
/* Arguments for "%.*s"; longer slices are cut at INT_MAX. */
#define STR_ARG(s) ((int)((s).n > 0x7fffffff ? 0x7fffffff : (s).n)), ((s).n ? (s).p : "")

static inline struct str str_of(const char *p, size_t n)
{
    struct str s = {p, n}; /* no compound literal: C++ reads this header too */
    return s;
}

/* For NUL-terminated text of our own or of a library, never for bytes of a peer. NULL gives an
 * empty slice. */
static inline struct str str_c(const char *text)
{
    return str_of(text, text ? strlen(text) : 0);
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* The rest of `s` after its first `n` bytes; empty when `n` reaches past the end. */
static inline struct str str_skip(struct str s, size_t n)
{
    return n < s.n ? str_of(s.p + n, s.n - n) : str_of(s.p ? s.p + s.n : NULL, 0);
}

/* ASCII only: header names and tokens. */
bool str_eq_nocase(struct str a, struct str b);
/* Whether it equals one of list[0..n). */
bool str_is_one_of(struct str s, const struct str *list, size_t n);
/* <0, 0, >0 in byte order, a prefix sorting first. */
int str_cmp(struct str a, struct str b);
/* Offset of the first `c`, or s.n when there is none. */
size_t str_find(struct str s, char c);
/* `s` without the spaces and tabs (OWS, RFC 9110 5.6.3) at both ends. */
struct str str_trim(struct str s);
/* Cuts `*rest` at the first `c`: returns what stands before it and leaves in `*rest` what follows.
 * Without a `c` returns all and leaves `*rest` empty with p == NULL, which ends such a loop. */
struct str str_cut(struct str *rest, char c);
/* Decimal digits only, no sign, no space. False when empty, not a number, or above `max`. */
bool str_to_u64(struct str s, uint64_t max, uint64_t *out);
/* FNV-1a, 32 bits. For tables built from the schema; their chains are bounded when they are built.
 */
uint32_t str_hash(struct str s);
