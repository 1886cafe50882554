#include "gateway/front/http1_fields.h"

/* The fields of an answer. MHD keeps each in three pieces of memory of its own, which for a small
 * answer is a good part of what it costs: so they are handed over as if they were one, the first,
 * with the lines of the others behind its value. MHD's front door would refuse that; the one behind
 * it does not look, which is why nothing goes through here that is not known to be one line. */

enum {
    NAME_MAX_BYTES = 256,
    VALUE_MAX_BYTES = 8192,
    FIELD_FRAME = 4, /* ": " and the line's end */
};

#if MHD_POOL_KNOWN
enum { AT_ONCE = UINT16_MAX };
bool MHD_add_response_entry_no_check_(struct MHD_Response *r, enum MHD_ValueKind kind,
                                      const char *name, size_t name_n, const char *value,
                                      size_t value_n);
#else
enum { AT_ONCE = 1 };
#endif

/* Fields that wait to be handed over: "name: value", CRLF between them. */
struct lines {
    struct MHD_Response *response;
    uint32_t fields;
    size_t name_n, n; /* of the first field's name; of all */
    char text[NAME_MAX_BYTES + VALUE_MAX_BYTES + FIELD_FRAME];
};

static bool hand_over(struct lines *l)
{
    const char *value = l->text + l->name_n + 2;
    bool ok = true;
    if (l->fields == 0)
        return true;
#if MHD_POOL_KNOWN
    ok = MHD_add_response_entry_no_check_(l->response, MHD_HEADER_KIND, l->text, l->name_n, value,
                                          l->n - l->name_n - 2);
#else
    l->text[l->name_n] = l->text[l->n] = '\0';
    ok = MHD_add_response_header(l->response, l->text, value) == MHD_YES;
#endif
    l->fields = 0;
    l->n = 0;
    return ok;
}

static void put(struct lines *l, struct str s)
{
    memcpy(l->text + l->n, s.p, s.n);
    l->n += s.n;
}

static bool add(struct lines *l, const struct header *h)
{
    size_t n = h->name.n + h->value.n + FIELD_FRAME;
    if ((l->fields == AT_ONCE || n > sizeof l->text - l->n) && !hand_over(l))
        return false;
    if (l->fields++)
        put(l, STR("\r\n"));
    else
        l->name_n = h->name.n;
    put(l, h->name);
    put(l, STR(": "));
    put(l, h->value);
    return true;
}

/* RFC 9110 5.5: no control character but HTAB. */
static bool is_text(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* Eight bytes at once: whether any of them is below 0x20 or 0x7f. May be wrong the safe way. */
static bool looks_odd(const char *p)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t word, del;
    memcpy(&word, p, sizeof word);
    del = word ^ 0x7f * each;
    return (((word - 0x20 * each) & ~word) | ((del - each) & ~del)) & 0x80 * each;
}

static bool is_one_line(struct str value)
{
    for (; value.n >= 8 && !looks_odd(value.p); value = str_skip(value, 8))
        ;
    return is_text(value);
}

/* The upstream's metadata that a response can carry: MHD refuses empty values, and what does not
 * fit into the connection's memory beside the request's head would cost the whole answer. Nothing
 * of ours is left out: it is short, and never empty. */
static bool carried(const struct header *h, size_t *room)
{
    size_t n = h->name.n + h->value.n + FIELD_FRAME;
    if (h->name.n >= NAME_MAX_BYTES || h->value.n >= VALUE_MAX_BYTES || str_trim(h->value).n == 0 ||
        !is_one_line(h->value))
        return false;
    if (n > *room && !str_eq(h->name, STR("content-type")) &&
        !str_eq(h->name, STR("x-request-id")) && !str_eq(h->name, STR("allow")))
        return false;
    *room -= n < *room ? n : *room;
    return true;
}

bool http1_fields_add(struct MHD_Response *r, const struct headers *h, size_t room)
{
    struct lines l;
    l.response = r;
    l.fields = 0;
    l.name_n = l.n = 0;
    for (uint32_t i = 0; i < h->n; i++)
        if (carried(&h->items[i], &room) && !add(&l, &h->items[i]))
            return false;
    return hand_over(&l);
}
