#include "transcoder/encode_frames.h"
#include "transcoder/number_decimal.h"
#include "transcoder/wire.h"

/* Arrays of numbers, the bulk of a tensor: from the piece straight into the output, past lexer and
 * rows. Takes only what is beyond doubt: a comma, a number that ends before the piece does and fits
 * its type. Whatever else stands there (the end, white space in front of a comma, a cut or wrong
 * number, no room) is left to the general way, which finds the lexer as behind any other element
 * and says what is wrong in its own words. */

enum { ELEMENT_MAX = 10 };

/* Writes an element to `to`, which has room for ELEMENT_MAX bytes; 0: it is for the general way. */
typedef size_t put_fn(char *to, const struct tc_decimal *d, enum tc_type type);

static inline size_t put_float(char *to, const struct tc_decimal *d, enum tc_type type)
{
    uint64_t bits;

    (void)type;
    if (!tc_decimal_round(d, &TC_BINARY32, &bits))
        return 0;
    uint32_t word = (uint32_t)bits | (uint32_t)d->negative << 31;
    memcpy(to, &word, sizeof word);
    return sizeof word;
}

static inline size_t put_double(char *to, const struct tc_decimal *d, enum tc_type type)
{
    uint64_t bits;

    (void)type;
    if (!tc_decimal_round(d, &TC_BINARY64, &bits))
        return 0;
    bits |= (uint64_t)d->negative << 63;
    memcpy(to, &bits, sizeof bits);
    return sizeof bits;
}

/* The largest magnitudes, and how the value is written. */
struct range {
    uint64_t above, below;
    enum { VARINT, ZIGZAG, FIXED32, FIXED64 } as;
};

static const struct range ranges[TC_SINT64 + 1] = {
    [TC_INT64] = {INT64_MAX, UINT64_C(1) << 63, VARINT},
    [TC_UINT64] = {UINT64_MAX, 0, VARINT},
    [TC_INT32] = {INT32_MAX, UINT64_C(1) << 31, VARINT},
    [TC_FIXED64] = {UINT64_MAX, 0, FIXED64},
    [TC_FIXED32] = {UINT32_MAX, 0, FIXED32},
    [TC_UINT32] = {UINT32_MAX, 0, VARINT},
    [TC_SFIXED32] = {INT32_MAX, UINT64_C(1) << 31, FIXED32},
    [TC_SFIXED64] = {INT64_MAX, UINT64_C(1) << 63, FIXED64},
    [TC_SINT32] = {INT32_MAX, UINT64_C(1) << 31, ZIGZAG},
    [TC_SINT64] = {INT64_MAX, UINT64_C(1) << 63, ZIGZAG},
};

static inline size_t put_whole(char *to, const struct tc_decimal *d, enum tc_type type)
{
    const struct range *range = &ranges[type];
    uint64_t v = d->negative ? 0 - d->digits : d->digits;

    if (!d->whole || d->digits > (d->negative ? range->below : range->above))
        return 0;
    switch (range->as) {
    case VARINT: return tc_varint_put(to, v);
    case ZIGZAG: return tc_varint_put(to, tc_zigzag((int64_t)v));
    case FIXED32: memcpy(to, &v, 4); return 4;
    default: memcpy(to, &v, 8); return 8;
    }
}

static inline bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* A byte that may stand behind an element. */
static inline bool ends_element(char c)
{
    return c == ',' || c == ']' || is_space(c);
}

static inline __attribute__((always_inline)) void take(struct tc_encoder *e, put_fn *put)
{
    const char *p = e->lex.in.p, *end = e->lex.in.end;
    enum tc_type type = e->top->field->type;

    while (p < end && *p == ',') {
        struct tc_decimal d;
        const char *at = p + 1;
        while (at < end && is_space(*at))
            at++;
        at = tc_take_decimal(at, end, &d);
        if (!at || at == end || !ends_element(*at))
            break;
        char *to = buf_reserve(e->out, ELEMENT_MAX);
        size_t n = to ? put(to, &d, type) : 0;
        if (n == 0)
            break;
        e->out->n += n;
        e->top->index++;
        p = at;
    }
    e->lex.in.p = p;
}

void tc_enc_packed(struct tc_encoder *e)
{
    switch (e->top->field->type) {
    case TC_FLOAT: take(e, put_float); break;
    case TC_DOUBLE: take(e, put_double); break;
    case TC_ENUM: break; /* whether the number has a name is the general way's question */
    default: take(e, put_whole);
    }
}
