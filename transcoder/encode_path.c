#include "transcoder/encode_frames.h"

#include <stdarg.h>
#include <stdio.h>

/* Errors and the path of fields that leads to them, in JSON names: messages[3].labels["k"].content
 */

struct path {
    char p[TC_ERROR_PATH_MAX + 8]; /* tc_fail cuts it at a whole character */
    size_t n;
};

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

static void add_text(struct path *path, struct str s)
{
    size_t room = sizeof path->p - 1 - path->n, n = s.n < room ? s.n : room;

    for (size_t i = 0; i < n; i++)
        path->p[path->n++] = is_control(s.p[i]) ? '?' : s.p[i];
}

static void add_name(struct path *path, struct str name)
{
    if (path->n)
        add_text(path, STR("."));
    add_text(path, name);
}

__attribute__((format(printf, 2, 3))) static void add_format(struct path *path, const char *format,
                                                             ...)
{
    char text[32];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof text)
        add_text(path, str_of(text, (size_t)n));
}

static void add_map_key(struct path *path, const struct tc_encoder *e, const struct tc_enc_frame *f)
{
    switch (f->from->message->fields[0].type) {
    case TC_STRING:
        add_text(path, STR("[\""));
        add_text(path, str_of(e->out->p + f->key, f->nkey));
        add_text(path, STR("\"]"));
        break;
    case TC_BOOL: add_text(path, f->number ? STR("[true]") : STR("[false]")); break;
    case TC_UINT32:
    case TC_UINT64:
    case TC_FIXED32:
    case TC_FIXED64: add_format(path, "[%llu]", (unsigned long long)f->number); break;
    default: add_format(path, "[%lld]", (long long)f->number); break;
    }
}

static void add_frame(struct path *path, const struct tc_encoder *e, const struct tc_enc_frame *f)
{
    switch (f->kind) {
    case TC_ENC_ROOT:
    case TC_ENC_MESSAGE:
        if (f->field && f->field != &e->whole)
            add_name(path, f->field->json_name);
        break;
    case TC_ENC_LIST: add_format(path, "[%u]", f->index); break;
    case TC_ENC_MAP:
        if (f->state)
            add_map_key(path, e, f);
        break;
    case TC_ENC_ANY:
        if (f->state == TC_ANY_VALUE && f->field)
            add_name(path, STR("value"));
        break;
    default: break;
    }
}

static struct path path_of(const struct tc_encoder *e)
{
    struct path path = {.n = 0};

    if (e->in_stream)
        add_format(&path, "[%u]", e->index);
    for (size_t i = 0; i < e->nframes; i++)
        add_frame(&path, e, &e->frames[i]);
    return path;
}

__attribute__((format(printf, 5, 0))) static enum tc_status fail_at(
    struct tc_encoder *e, struct path *path, size_t offset, enum tc_status status,
    const char *format, va_list args)
{
    char text[TC_ERROR_TEXT_MAX];

    path->p[path->n] = '\0';
    (void)vsnprintf(text, sizeof text, format, args);
    for (char *c = text; *c; c++) /* parts of it are the sender's: no new lines into a log */
        *c = is_control(*c) ? '?' : *c;
    return tc_fail(e->error, status, offset, path->p, "%s", text);
}

enum tc_status tc_enc_fail(struct tc_encoder *e, enum tc_status status, const char *format, ...)
{
    struct path path = path_of(e);
    va_list args;

    va_start(args, format);
    (void)fail_at(e, &path, e->lex.token, status, format, args);
    va_end(args);
    return status;
}

enum tc_status tc_enc_fail_member(struct tc_encoder *e, struct str name, enum tc_status status,
                                  const char *format, ...)
{
    struct path path = path_of(e);
    va_list args;

    add_name(&path, name);
    va_start(args, format);
    (void)fail_at(e, &path, e->lex.token, status, format, args);
    va_end(args);
    return status;
}

enum tc_status tc_enc_lex_failed(struct tc_encoder *e)
{
    struct path path = path_of(e);

    path.p[path.n] = '\0';
    (void)tc_fail(e->error, e->lex.status, e->lex.bad, path.p, "%s", e->lex.why);
    return e->lex.status;
}

enum tc_status tc_enc_no_memory(struct tc_encoder *e)
{
    return tc_enc_fail(e, TC_NOMEM, "out of memory");
}

enum tc_status tc_enc_full(struct tc_encoder *e, size_t n)
{
    if (n <= buf_room(e->out))
        return tc_enc_no_memory(e);
    return tc_enc_fail(e, TC_LIMIT, "the message would be larger than %zu bytes", e->out->max);
}
