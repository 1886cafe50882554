#include "tools/protoc-gen-postern/out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { OUT_MAX = 1 << 30 };

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("protoc-gen-postern: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

void *need(struct arena *a, size_t n)
{
    void *p = arena_alloc(a, n);
    if (!p)
        die("out of memory");
    return p;
}

void *need_array(struct arena *a, size_t count, size_t size)
{
    void *p = arena_array(a, count, size);
    if (!p)
        die("out of memory");
    return p;
}

char *need_text(struct arena *a, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    if (n < 0)
        die("bad format");
    char *p = need(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    va_end(args);
    return p;
}

void out_init(struct out *o)
{
    buf_init(&o->text, OUT_MAX);
}

void out_release(struct out *o)
{
    buf_release(&o->text);
}

void out_print(struct out *o, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *to = n < 0 ? NULL : buf_reserve(&o->text, (size_t)n + 1);
    if (!to)
        die("out of memory");
    vsnprintf(to, (size_t)n + 1, format, again);
    o->text.n += (size_t)n;
    va_end(again);
    va_end(args);
}

void out_literal(struct out *o, struct str s)
{
    out_print(o, "\"");
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        /* '?' would begin a trigraph, and a digit after an octal escape is safe since all three are
         * written */
        if (c >= ' ' && c < 0x7f && c != '"' && c != '\\' && c != '?')
            out_print(o, "%c", c);
        else
            out_print(o, "\\%03o", c);
    }
    out_print(o, "\"");
}
