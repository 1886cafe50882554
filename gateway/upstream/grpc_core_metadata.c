#include "gateway/upstream/grpc_core_internal.h"
#include "transcoder/text.h"

static struct str slice_text(const grpc_slice *slice)
{
    return str_of((const char *)GRPC_SLICE_START_PTR(*slice), GRPC_SLICE_LENGTH(*slice));
}

static bool is_binary(struct str name)
{
    return str_ends(name, STR("-bin"));
}

static grpc_slice slice_of(struct str s)
{
    return grpc_slice_from_copied_buffer(s.n ? s.p : "", s.n);
}

static bool decoded_slice(struct str text, grpc_slice *out)
{
    struct buf bytes;
    size_t bad;

    buf_init(&bytes, text.n + 4);
    bool ok = tc_base64_decode(&bytes, text, &bad);
    *out = ok ? slice_of(buf_str(&bytes)) : grpc_empty_slice();
    buf_release(&bytes);
    return ok;
}

bool core_metadata_from(struct core_call *c, const struct header *metadata, size_t n)
{
    c->metadata = arena_array(&c->arena, n, sizeof *c->metadata);
    if (!c->metadata)
        return false;
    for (size_t i = 0; i < n; i++) {
        grpc_metadata *to = &c->metadata[i];
        to->key = slice_of(metadata[i].name);
        to->value = grpc_empty_slice();
        c->nmetadata++;
        if (!is_binary(metadata[i].name))
            to->value = slice_of(metadata[i].value);
        else if (!decoded_slice(metadata[i].value, &to->value))
            return false;
    }
    return true;
}

/* PROTOCOL-HTTP2 wants no padding, as it comes over the first channel. */
static struct str encoded(struct arena *arena, struct str bytes)
{
    struct buf text;
    struct str copy = STR_NONE;

    buf_init(&text, bytes.n / 3 * 4 + 4);
    if (tc_base64_encode(&text, bytes)) {
        while (text.n && text.p[text.n - 1] == '=')
            text.n--;
        copy = arena_copy(arena, buf_str(&text));
    }
    buf_release(&text);
    return copy;
}

bool core_metadata_to(struct core_call *c, const grpc_metadata_array *from, struct headers *out,
                      struct str *details)
{
    for (size_t i = 0; i < from->count; i++) {
        struct str name = slice_text(&from->metadata[i].key);
        struct str value = slice_text(&from->metadata[i].value);
        if (details && str_eq(name, STR("grpc-status-details-bin"))) {
            *details = value;
            continue;
        }
        if (is_binary(name))
            value = encoded(&c->arena, value);
        if (!value.p || !headers_add(out, &c->arena, name, value))
            return false;
    }
    return true;
}
