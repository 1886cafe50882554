#include "gateway/policy/policy_internal.h"
#include "transcoder/text.h"
#include "transcoder/wire.h"

/* protobuf-c has no recursion limit, cuts strings at NUL and skips what it does not know: an option
 * of a newer .proto would silently not be executed. So each option is walked against its descriptor
 * first. */

enum { OPTION_DEPTH_MAX = 8 };

struct check {
    struct compile *c;
    const struct origin *at;
    bool ok;
};

static void check_message(struct check *k, const ProtobufCMessageDescriptor *d, struct str bytes,
                          struct str path, unsigned depth);

#define WRONG(k, path, ...) wrong(k, path, arena_printf((k)->c->arena, __VA_ARGS__))

static void wrong(struct check *k, struct str path, struct str sentence)
{
    policy_fault(k->c, k->at, path, sentence);
    k->ok = false;
}

static enum tc_wire_type wire_type_of(const ProtobufCFieldDescriptor *f)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE: return TC_LEN;
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT: return TC_I32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE: return TC_I64;
    default: return TC_VARINT;
    }
}

static void check_field(struct check *k, const ProtobufCFieldDescriptor *f,
                        const struct tc_wire_field *w, struct str path, unsigned depth)
{
    if (w->type != wire_type_of(f))
        WRONG(k, path, "is not encoded as its type asks for; make the descriptors anew");
    else if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        check_message(k, f->descriptor, w->bytes, path, depth + 1);
    else if (f->type == PROTOBUF_C_TYPE_STRING &&
             (!tc_utf8_valid(w->bytes) || str_find(w->bytes, '\0') < w->bytes.n))
        WRONG(k, path, "must be UTF-8 without NUL bytes");
}

/* "route[1]" for the second occurrence of a repeated field in `bytes`, "json" for a singular one.
 */
static struct str field_path(struct check *k, const ProtobufCFieldDescriptor *f, struct str bytes,
                             const char *here, struct str path)
{
    struct tc_wire_field before;
    const char *dot = path.n ? "." : "";
    size_t index = 0;

    if (f->label != PROTOBUF_C_LABEL_REPEATED)
        return TEXT(k->c, "%.*s%s%s", STR_ARG(path), dot, f->name);
    while (bytes.p < here && tc_wire_next(&bytes, &before) == TC_OK && bytes.p < here)
        index += before.number == f->id;
    return TEXT(k->c, "%.*s%s%s[%zu]", STR_ARG(path), dot, f->name, index);
}

static void check_message(struct check *k, const ProtobufCMessageDescriptor *d, struct str bytes,
                          struct str path, unsigned depth)
{
    struct str rest = bytes;
    struct tc_wire_field w;
    enum tc_status status;

    if (depth > OPTION_DEPTH_MAX) {
        WRONG(k, path, "is nested too deeply");
        return;
    }
    while ((status = tc_wire_next(&rest, &w)) == TC_OK) {
        const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field(d, w.number);
        if (f)
            check_field(k, f, &w, field_path(k, f, bytes, rest.p, path), depth);
        else
            WRONG(k, path,
                  "this build of postern does not execute option %u of %s; update postern or "
                  "remove it",
                  w.number, d->name);
    }
    if (status != TC_MORE)
        WRONG(k, path, "malformed protobuf; make the descriptors anew");
}

/* protobuf-c allocates from the arena: nothing of what it unpacks is ever freed alone. */
static void *allocate(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void release(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

/* All occurrences of field `number`, one behind the other: that is how protobuf merges messages. */
static bool gather(struct compile *c, const struct tc_options *o, uint32_t number, struct str *out)
{
    struct str rest = o->bytes;
    struct tc_wire_field w;
    char *to = policy_array(c, o->bytes.n, 1);
    bool found = false;

    *out = str_of(to, 0);
    while (to && tc_wire_next(&rest, &w) == TC_OK) {
        if (w.number != number || w.type != TC_LEN)
            continue;
        found = true;
        if (w.bytes.n)
            memcpy(to + out->n, w.bytes.p, w.bytes.n);
        out->n += w.bytes.n;
    }
    return found;
}

static const void *unpack(struct compile *c, const struct tc_options *o, uint32_t number,
                          const ProtobufCMessageDescriptor *d, const struct origin *at)
{
    struct check k = {c, at, true};
    ProtobufCAllocator allocator = {allocate, release, c->arena};
    struct str bytes;

    if (!gather(c, o, number, &bytes))
        return NULL;
    check_message(&k, d, bytes, STR(""), 0);
    if (!k.ok)
        return NULL;
    const void *message = protobuf_c_message_unpack(d, &allocator, bytes.n,
                                                    (const uint8_t *)bytes.p);
    if (!message)
        c->no_memory = true;
    return message;
}

const Postern__V1__Policy *policy_options_policy(struct compile *c, const struct tc_options *o,
                                                 const struct origin *at)
{
    return unpack(c, o, OPTION_POSTERN, &postern__v1__policy__descriptor, at);
}

const Google__Api__HttpRule *policy_options_http(struct compile *c, const struct tc_options *o,
                                                 const struct origin *at)
{
    return unpack(c, o, OPTION_HTTP, &google__api__http_rule__descriptor, at);
}
