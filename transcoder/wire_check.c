#include "transcoder/text.h"
#include "transcoder/wire.h"

/* One message on the way from the root to the one being checked. */
struct level {
    const struct level *outer;
    const struct tc_field *field; /* of the outer message; NULL at the root */
    const struct tc_message *message;
    unsigned depth;
};

struct check {
    const char *start; /* of the root message */
    enum tc_wire_strictness strict;
    struct tc_error *error;
};

static enum tc_status check_message(const struct check *c, const struct level *level,
                                    struct str bytes);

/* Writes "outer.inner" for the fields down to `level` as far as there is room; returns the end of
 * it. */
static char *put_path(char *to, const char *end, const struct level *level)
{
    if (!level->field)
        return to;
    char *at = put_path(to, end, level->outer);
    struct str name = level->field->json_name;
    if (at > to && at < end)
        *at++ = '.';
    if (name.n > (size_t)(end - at))
        name.n = (size_t)(end - at);
    memcpy(at, name.p, name.n);
    return at + name.n;
}

static enum tc_status fail(const struct check *c, const struct level *level, const char *at,
                           const char *what)
{
    char path[TC_ERROR_PATH_MAX] = "";

    *put_path(path, path + sizeof path - 1, level) = '\0';
    tc_fail(c->error, TC_INVALID, (size_t)(at - c->start), path, "%s", what);
    return TC_INVALID;
}

static bool packed_is_whole(enum tc_wire_type element, struct str bytes)
{
    uint64_t v;

    if (element == TC_I64)
        return bytes.n % 8 == 0;
    if (element == TC_I32)
        return bytes.n % 4 == 0;
    while (bytes.n) {
        if (!tc_wire_varint(&bytes, &v))
            return false;
    }
    return true;
}

static enum tc_status check_text(const struct check *c, const struct level *at, struct str text)
{
    if (at->field->flags & TC_UTF8 && !tc_utf8_valid(text))
        return fail(c, at, text.p, "string is not valid UTF-8");
    if (c->strict == TC_WIRE_FOR_C && str_find(text, '\0') < text.n)
        return fail(c, at, text.p, "string holds a NUL byte");
    return TC_OK;
}

/* `at` is the field's own level. */
static enum tc_status check_value(const struct check *c, const struct level *at,
                                  const struct tc_wire_field *f, const char *start)
{
    const struct tc_field *field = at->field;
    enum tc_wire_type type = tc_wire_type_of((enum tc_type)field->type);

    if (f->type == TC_LEN && field->flags & TC_REPEATED &&
        tc_type_packable((enum tc_type)field->type))
        return packed_is_whole(type, f->bytes) ? TC_OK
                                               : fail(c, at, f->bytes.p, "packed values are cut");
    if (f->type != type && c->strict == TC_WIRE_WHOLE)
        return TC_OK;
    if (f->type != type)
        return fail(c, at, start, "wire type does not fit the field's type");
    if (field->type == TC_STRING)
        return check_text(c, at, f->bytes);
    if (field->message)
        return check_message(c, at, f->bytes);
    return TC_OK;
}

static enum tc_status check_message(const struct check *c, const struct level *level,
                                    struct str bytes)
{
    enum tc_status status;
    struct tc_wire_field f;
    const char *start = bytes.p;

    if (level->depth > TC_WIRE_DEPTH_MAX)
        return fail(c, level, start, "messages are nested too deeply");
    while ((status = tc_wire_next(&bytes, &f)) == TC_OK) {
        if (tc_is_message_set(level->message))
            tc_wire_set_item(&f);
        const struct tc_field *field = tc_field_by_number(level->message, f.number);
        if (field) {
            struct level inner = {level, field, field->message, level->depth + 1};
            status = check_value(c, &inner, &f, start);
            if (status != TC_OK)
                return status;
        }
        start = bytes.p;
    }
    return status == TC_MORE ? TC_OK : fail(c, level, start, "malformed protobuf");
}

enum tc_status tc_wire_check(const struct tc_message *m, struct str bytes,
                             enum tc_wire_strictness strict, struct tc_error *e)
{
    struct check c = {bytes.p, strict, e};
    struct level root = {NULL, NULL, m, 0};

    return check_message(&c, &root, bytes);
}
