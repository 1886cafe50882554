#include "transcoder/error.h"

#include <stdarg.h>
#include <stdio.h>

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* vsnprintf has cut `text` to size - 1 bytes: takes away the sequence that the cut may have split.
 */
static void end_at_boundary(char *text, size_t size)
{
    size_t n = size - 1;
    size_t lead = n - 1;

    while (lead > 0 && n - lead < 4 && is_continuation(text[lead]))
        lead--;
    unsigned char c = (unsigned char)text[lead];
    size_t whole = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
    if (lead + whole > n)
        text[lead] = '\0';
}

enum tc_status tc_fail(struct tc_error *e, enum tc_status status, size_t offset, const char *path,
                       const char *format, ...)
{
    if (!e)
        return status;
    if (e->status != TC_OK)
        return e->status;
    e->status = status;
    e->offset = offset;
    if (snprintf(e->path, sizeof e->path, "%s", path ? path : "") >= (int)sizeof e->path)
        end_at_boundary(e->path, sizeof e->path);

    va_list args;
    va_start(args, format);
    int n = vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    if (n >= (int)sizeof e->text)
        end_at_boundary(e->text, sizeof e->text);
    return status;
}
