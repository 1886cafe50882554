/* json-c: json_tokener_parse_ex into a tree, then a walk over tree and schema that writes protobuf;
 * and a walk over protobuf that builds a tree, which is printed. The schema is looked up in our own
 * tables and protobuf is read and written by our own wire.c: what differs is the tree. */
#include "tools/bench/micro/micro.h"

#include <stdio.h>
#include <stdlib.h>

#include "transcoder/schema_compile.h"
#include "transcoder/text.h"
#include "transcoder/wire.h"

#if __has_include(<json-c/json.h>)
#include <json-c/json.h>

enum { SCHEMA_MEMORY = 64 << 20, BLOCK = 16 << 10, DEPTH = 100 };

struct json_c {
    struct arena arena;
    struct json_tokener *tokener;
    const struct tc_message *message;
    struct buf scratch;
};

static void *open_codec(struct str set, const char *type)
{
    struct json_c *c = calloc(1, sizeof *c);
    struct tc_faults faults;

    if (!c)
        return NULL;
    arena_init(&c->arena, BLOCK, SCHEMA_MEMORY);
    tc_faults_init(&faults, &c->arena);
    buf_init(&c->scratch, SIZE_MAX);
    const struct tc_schema *schema = schema_compile(set, &c->arena, &faults);
    c->message = schema ? tc_schema_message(schema, str_c(type)) : NULL;
    c->tokener = json_tokener_new_ex(DEPTH);
    if (c->tokener)
        json_tokener_set_flags(c->tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    return c->message && c->tokener ? c : NULL;
}

/* ---- to protobuf */

static struct str text_of(struct json_object *o)
{
    return str_of(json_object_get_string(o), (size_t)json_object_get_string_len(o));
}

/* Puts the length of what stands behind `start` in front of it. */
static bool put_length(struct buf *out, size_t start)
{
    size_t n = out->n - start, size = tc_varint_size(n);

    if (!buf_reserve(out, size))
        return false;
    memmove(out->p + start + size, out->p + start, n);
    (void)tc_varint_put(out->p + start, n);
    out->n += size;
    return true;
}

static bool put_message(struct buf *out, const struct tc_message *m, struct json_object *o);

static bool put_real(struct buf *out, const struct tc_field *f, double v)
{
    float narrow = (float)v;
    uint64_t bits;
    uint32_t word;

    memcpy(&bits, &v, sizeof bits);
    memcpy(&word, &narrow, sizeof word);
    return f->type == TC_FLOAT ? tc_put_fixed32(out, word) : tc_put_fixed64(out, bits);
}

static bool put_value(struct buf *out, const struct tc_field *f, struct json_object *o)
{
    size_t start = out->n, bad;

    switch (f->type) {
    case TC_FLOAT:
    case TC_DOUBLE: return put_real(out, f, json_object_get_double(o));
    case TC_STRING: return buf_add(out, text_of(o)) && put_length(out, start);
    case TC_BYTES: return tc_base64_decode(out, text_of(o), &bad) && put_length(out, start);
    case TC_MESSAGE: return put_message(out, f->message, o) && put_length(out, start);
    default: return tc_put_varint(out, (uint64_t)json_object_get_int64(o));
    }
}

static bool put_list(struct buf *out, const struct tc_field *f, struct json_object *list)
{
    bool packed = f->flags & TC_PACKED, ok = true;
    size_t n = json_object_array_length(list);

    if (packed && n)
        ok = buf_add(out, str_of(f->tag, f->tag_len));
    size_t start = out->n;
    for (size_t i = 0; ok && i < n; i++)
        ok = (packed || buf_add(out, str_of(f->tag, f->tag_len))) &&
             put_value(out, f, json_object_array_get_idx(list, i));
    return ok && (!packed || !n || put_length(out, start));
}

static bool put_message(struct buf *out, const struct tc_message *m, struct json_object *o)
{
    struct json_object_iterator at = json_object_iter_begin(o), end = json_object_iter_end(o);
    bool ok = json_object_is_type(o, json_type_object);

    for (; ok && !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const struct tc_field *f = tc_field_by_name(m, str_c(json_object_iter_peek_name(&at)));
        struct json_object *value = json_object_iter_peek_value(&at);
        if (!f)
            return false;
        if (f->flags & TC_REPEATED)
            ok = put_list(out, f, value);
        else
            ok = buf_add(out, str_of(f->tag, f->tag_len)) && put_value(out, f, value);
    }
    return ok;
}

static bool to_protobuf(void *codec, struct str json, struct buf *out)
{
    struct json_c *c = codec;

    json_tokener_reset(c->tokener);
    struct json_object *root = json_tokener_parse_ex(c->tokener, json.p, (int)json.n);
    if (!root)
        return false;
    bool ok = put_message(out, c->message, root);
    json_object_put(root);
    return ok;
}

/* ---- to JSON */

static struct json_object *new_message(struct json_c *c, const struct tc_message *m,
                                       struct str bytes);

static struct json_object *new_real(double v, const char *format)
{
    struct json_object *o = json_object_new_double(v);

    json_object_set_serializer(o, json_object_double_to_json_string, (void *)(uintptr_t)format,
                               NULL);
    return o;
}

static struct json_object *new_base64(struct json_c *c, struct str bytes)
{
    c->scratch.n = 0;
    if (!tc_base64_encode(&c->scratch, bytes))
        return NULL;
    return json_object_new_string_len(c->scratch.p, (int)c->scratch.n);
}

static struct json_object *new_int64(uint64_t v)
{
    char text[24];

    snprintf(text, sizeof text, "%lld", (long long)v);
    return json_object_new_string(text);
}

static struct json_object *new_value(struct json_c *c, const struct tc_field *f,
                                     const struct tc_wire_field *w)
{
    uint32_t word = (uint32_t)w->value;
    double real;
    float narrow;

    memcpy(&real, &w->value, sizeof real);
    memcpy(&narrow, &word, sizeof narrow);
    switch (f->type) {
    case TC_FLOAT: return new_real((double)narrow, "%.9g");
    case TC_DOUBLE: return new_real(real, "%.17g");
    case TC_STRING: return json_object_new_string_len(w->bytes.p, (int)w->bytes.n);
    case TC_BYTES: return new_base64(c, w->bytes);
    case TC_MESSAGE: return new_message(c, f->message, w->bytes);
    case TC_INT64: return new_int64(w->value);
    default: return json_object_new_int((int32_t)w->value);
    }
}

/* One element off a packed run; its field is a float, a double or a varint. */
static bool next_packed(struct str *rest, const struct tc_field *f, uint64_t *v)
{
    size_t n = f->type == TC_FLOAT ? 4 : 8;

    if (f->type != TC_FLOAT && f->type != TC_DOUBLE)
        return tc_wire_varint(rest, v);
    if (rest->n < n)
        return false;
    *v = 0;
    memcpy(v, rest->p, n);
    *rest = str_skip(*rest, n);
    return true;
}

static bool add_packed(struct json_c *c, struct json_object *list, const struct tc_field *f,
                       struct str rest)
{
    struct tc_wire_field w = {.number = f->number};

    while (rest.n)
        if (!next_packed(&rest, f, &w.value) ||
            json_object_array_add(list, new_value(c, f, &w)) != 0)
            return false;
    return true;
}

static bool add_field(struct json_c *c, struct json_object *o, const struct tc_field *f,
                      const struct tc_wire_field *w)
{
    struct json_object *list = NULL;

    if (!(f->flags & TC_REPEATED))
        return json_object_object_add(o, f->json_name.p, new_value(c, f, w)) == 0;
    if (!json_object_object_get_ex(o, f->json_name.p, &list)) {
        list = json_object_new_array();
        if (json_object_object_add(o, f->json_name.p, list) != 0)
            return false;
    }
    if (f->flags & TC_PACKED)
        return add_packed(c, list, f, w->bytes);
    return json_object_array_add(list, new_value(c, f, w)) == 0;
}

static struct json_object *new_message(struct json_c *c, const struct tc_message *m,
                                       struct str bytes)
{
    struct json_object *o = json_object_new_object();
    struct tc_wire_field w;
    bool ok = o;

    while (ok && tc_wire_next(&bytes, &w) == TC_OK) {
        const struct tc_field *f = tc_field_by_number(m, w.number);
        ok = !f || add_field(c, o, f, &w);
    }
    return o;
}

static bool to_json(void *codec, struct str protobuf, struct buf *out)
{
    struct json_c *c = codec;
    struct json_object *root = new_message(c, c->message, protobuf);
    size_t n;

    if (!root)
        return false;
    const char *text = json_object_to_json_string_length(
        root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &n);
    bool ok = buf_add(out, str_of(text, n));
    json_object_put(root);
    return ok;
}

const struct micro_codec micro_codec = {open_codec, to_protobuf, to_json};

#else
const struct micro_codec micro_codec = {NULL, NULL, NULL};
#endif
