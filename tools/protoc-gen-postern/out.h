/* Text on its way into a generated file, and how the tool gives up. A code generator has no caller
 * that could do better when memory is short, so everything here ends the program with a line
 * instead of failing. */
#pragma once

#include "transcoder/arena.h"
#include "transcoder/buf.h"

struct out {
    struct buf text;
};

void out_init(struct out *o);
void out_release(struct out *o);
__attribute__((format(printf, 2, 3))) void out_print(struct out *o, const char *format, ...);
/* `s` as a C string literal with its quotes; every byte that is not plain ASCII as three octal
 * digits. */
void out_literal(struct out *o, struct str s);

/* Prints "protoc-gen-postern: ..." and exits 1. */
__attribute__((format(printf, 1, 2), noreturn)) void die(const char *format, ...);
/* arena_alloc and arena_array that die. */
void *need(struct arena *a, size_t n);
void *need_array(struct arena *a, size_t count, size_t size);
/* arena_printf that dies; NUL-terminated. */
__attribute__((format(printf, 2, 3))) char *need_text(struct arena *a, const char *format, ...);
