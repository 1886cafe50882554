#include "tests/unit/support/wire_text.h"

#include <stdlib.h>

#include "transcoder/wire.h"

static void need(bool ok)
{
    if (!ok)
        abort();
}

static void skip_space(const char **at)
{
    while (**at == ' ' || **at == '\n' || **at == '$')
        ++*at;
}

static uint64_t number(const char **at)
{
    char *end;
    long long v = strtoll(*at, &end, 10);

    need(end != *at);
    *at = end;
    return (uint64_t)v;
}

static void fields(const char **at, struct buf *out);

/* Contents of {…} and […], up to and with the closing bracket. */
static void bracketed(const char **at, char close, struct buf *out)
{
    for (skip_space(at); close == ']' && **at != ']'; skip_space(at))
        need(tc_put_varint(out, number(at)));
    if (close == '}')
        fields(at, out);
    need(*(*at)++ == close);
}

static void value(const char **at, uint32_t field, struct buf *out)
{
    char first = *(*at)++;
    if (first == '\'') {
        const char *end = strchr(*at, '\'');
        need(end && tc_put_bytes(out, field, str_of(*at, (size_t)(end - *at))));
        *at = end + 1;
    } else if (first == '{' || first == '[') {
        struct buf inner;
        buf_init(&inner, 64 << 20);
        bracketed(at, first == '{' ? '}' : ']', &inner);
        need(tc_put_bytes(out, field, buf_str(&inner)));
        buf_release(&inner);
    } else {
        --*at;
        need(tc_put_key(out, field, TC_VARINT) && tc_put_varint(out, number(at)));
    }
}

static void fields(const char **at, struct buf *out)
{
    for (skip_space(at); **at && **at != '}'; skip_space(at)) {
        uint32_t field = (uint32_t)number(at);
        need(*(*at)++ == ':');
        value(at, field, out);
    }
}

struct str wire_text(struct arena *a, const char *text)
{
    struct buf out;
    buf_init(&out, 64 << 20);
    fields(&text, &out);
    need(*text == 0);
    struct str copy = arena_copy(a, buf_str(&out));
    need(copy.p != NULL);
    buf_release(&out);
    return copy;
}
