#include "transcoder/decode_internal.h"

/* Well-known types. Struct, ListValue, Value and the wrappers are messages of which only the value
 * of a field is seen: a bare frame. Timestamp and Duration are written at once, a FieldMask path by
 * path. */

/* ---- Timestamp, Duration */

enum { NANOS_PER_SECOND = 1000000000, DAY = 86400, TIME_ROOM = 64 };

static const int64_t timestamp_min = -62135596800, timestamp_max = 253402300799; /* years 0001 to
                                                                                    9999 */
static const int64_t duration_max = 315576000000;                                /* 10,000 years */

/* Both types have `int64 seconds = 1; int32 nanos = 2;`. */
static enum tc_status read_time(struct tc_decoder *d, struct str rest, int64_t *seconds,
                                int32_t *nanos)
{
    struct tc_wire_field w;
    enum tc_status st;
    const char *at = rest.p;
    *seconds = 0;
    *nanos = 0;
    for (; (st = tc_wire_next(&rest, &w)) == TC_OK; at = rest.p) {
        if (w.number == 1 && w.type == TC_VARINT)
            *seconds = (int64_t)w.value;
        else if (w.number == 2 && w.type == TC_VARINT)
            *nanos = (int32_t)w.value;
    }
    return st == TC_MORE ? TC_OK : tc_dec_malformed(d, at);
}

static char *put_digits(char *to, uint32_t v, int digits)
{
    for (int i = digits - 1; i >= 0; i--, v /= 10)
        to[i] = (char)('0' + v % 10);
    return to + digits;
}

/* As few of 0, 3, 6 or 9 digits as are exact. */
static char *put_fraction(char *to, uint32_t nanos)
{
    if (nanos == 0)
        return to;
    *to++ = '.';
    if (nanos % 1000000 == 0)
        return put_digits(to, nanos / 1000000, 3);
    if (nanos % 1000 == 0)
        return put_digits(to, nanos / 1000, 6);
    return put_digits(to, nanos, 9);
}

/* Days since 1970-01-01 to a date of the proleptic Gregorian calendar. Counts in eras of 400 years
 * that begin with March, so that the leap day comes last. */
static char *put_date(char *to, int64_t days)
{
    const int64_t era_days = 146097, epoch = 719468; /* 1970-01-01 counted from 0000-03-01 */
    uint32_t z = (uint32_t)(days + epoch);           /* positive: the range begins with year 1 */
    uint32_t era = z / (uint32_t)era_days, doe = z % (uint32_t)era_days;
    uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    uint32_t march = (5 * doy + 2) / 153;
    uint32_t month = march < 10 ? march + 3 : march - 9;
    to = put_digits(to, era * 400 + yoe + (month <= 2), 4);
    *to++ = '-';
    to = put_digits(to, month, 2);
    *to++ = '-';
    return put_digits(to, doy - (153 * march + 2) / 5 + 1, 2);
}

static char *put_clock(char *to, uint32_t second)
{
    to = put_digits(to, second / 3600, 2);
    *to++ = ':';
    to = put_digits(to, second / 60 % 60, 2);
    *to++ = ':';
    return put_digits(to, second % 60, 2);
}

static enum tc_status write_timestamp(struct tc_decoder *d, const struct tc_message *m,
                                      struct str payload)
{
    int64_t seconds;
    int32_t nanos;
    (void)m;
    enum tc_status st = read_time(d, payload, &seconds, &nanos);
    if (st != TC_OK)
        return st;
    if (seconds < timestamp_min || seconds > timestamp_max || nanos < 0 ||
        nanos >= NANOS_PER_SECOND)
        return tc_dec_fail(
            d, TC_INVALID, payload.p,
            "the Timestamp is outside of years 1 to 9999, or its nanos are not 0 to 999999999");
    char text[TIME_ROOM], *to = text;
    int64_t day = (seconds - timestamp_min) / DAY, second = (seconds - timestamp_min) % DAY;
    *to++ = '"';
    to = put_date(to, day + timestamp_min / DAY);
    *to++ = 'T';
    to = put_clock(to, (uint32_t)second);
    to = put_fraction(to, (uint32_t)nanos);
    *to++ = 'Z';
    *to++ = '"';
    return tc_dec_put(d, str_of(text, (size_t)(to - text)));
}

static enum tc_status write_duration(struct tc_decoder *d, const struct tc_message *m,
                                     struct str payload)
{
    int64_t seconds;
    int32_t nanos;
    (void)m;
    enum tc_status st = read_time(d, payload, &seconds, &nanos);
    if (st != TC_OK)
        return st;
    if (seconds < -duration_max || seconds > duration_max || nanos <= -NANOS_PER_SECOND ||
        nanos >= NANOS_PER_SECOND || (seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0))
        return tc_dec_fail(d, TC_INVALID, payload.p,
                           "the Duration is outside of +-10000 years, or its parts differ in sign");
    char text[TIME_ROOM], *to = text;
    bool negative = seconds < 0 || nanos < 0;
    *to++ = '"';
    if (negative)
        *to++ = '-';
    to += tc_print_int64(to, negative ? -seconds : seconds);
    to = put_fraction(to, (uint32_t)(negative ? -nanos : nanos));
    *to++ = 's';
    *to++ = '"';
    return tc_dec_put(d, str_of(text, (size_t)(to - text)));
}

/* ---- FieldMask: "user.displayName,photo" from the paths in snake_case */

static enum tc_status write_mask(struct tc_decoder *d, const struct tc_message *m,
                                 struct str payload)
{
    struct tc_dec_frame *f = tc_dec_push(d, m, payload, TC_DEC_MASK);
    return f ? tc_dec_put(d, STR("\"")) : d->status;
}

enum tc_status tc_dec_mask_step(struct tc_decoder *d, struct tc_dec_frame *f)
{
    const char *at = f->src.rest.p;
    enum tc_status st = tc_wire_next(&f->src.rest, &f->wire);
    if (st == TC_MORE) {
        tc_dec_pop(d);
        return tc_dec_put(d, STR("\""));
    }
    if (st != TC_OK)
        return tc_dec_malformed(d, at);
    if (f->wire.number != 1 || f->wire.type != TC_LEN)
        return TC_OK;
    if (!f->wire.bytes.n) /* "" would read back as no path at all */
        return tc_dec_fail(d, TC_INVALID, at, "a FieldMask with an empty path");
    st = f->started ? tc_dec_put(d, STR(",")) : TC_OK;
    f->started = true;
    d->tail = f->wire.bytes;
    d->after_underscore = false;
    d->tail_kind = TC_DEC_PATH;
    return st;
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

/* What turns into camelCase and back unchanged: no capitals, every underscore in front of a small
 * letter; and no comma, which separates paths. */
static bool survives(const struct tc_decoder *d, char c)
{
    return d->after_underscore ? is_lower(c) : c != ',' && !(c >= 'A' && c <= 'Z');
}

enum tc_status tc_dec_path_piece(struct tc_decoder *d)
{
    struct str piece;
    char camel[TC_DEC_PIECE], *to = camel;
    enum tc_status st = tc_dec_text_piece(d, &piece);
    size_t i = 0;
    for (; st == TC_OK && i < piece.n && survives(d, piece.p[i]); i++) {
        char c = piece.p[i];
        if (c != '_')
            *to++ = (char)(d->after_underscore ? c - 'a' + 'A' : c);
        d->after_underscore = c == '_';
    }
    if (d->tail.n == 0)
        d->tail_kind = TC_DEC_NO_TAIL;
    if (st == TC_OK && (i < piece.n || (d->tail.n == 0 && d->after_underscore)))
        return tc_dec_fail(d, TC_INVALID, piece.p,
                           "a FieldMask path is not the same after camelCase and back");
    return st == TC_OK ? tc_dec_escaped(d, str_of(camel, (size_t)(to - camel))) : st;
}

/* ---- messages that stand for the value of a field */

static enum tc_status write_bare(struct tc_decoder *d, const struct tc_message *m,
                                 struct str payload)
{
    struct tc_dec_frame *f = tc_dec_push(d, m, payload, TC_DEC_FIELD);
    if (!f)
        return d->status;
    f->bare = true;
    f->only = m->wkt == TC_WKT_VALUE ? NULL : tc_field_by_number(m, 1);
    return tc_dec_enter(d, f);
}

static enum tc_status write_object(struct tc_decoder *d, const struct tc_message *m,
                                   struct str payload)
{
    struct tc_dec_frame *f = tc_dec_push(d, m, payload, TC_DEC_OPEN);
    return f ? tc_dec_enter(d, f) : d->status;
}

typedef enum tc_status open_fn(struct tc_decoder *, const struct tc_message *, struct str);

static open_fn *const openers[TC_WKT_COUNT] = {
    [TC_WKT_NONE] = write_object,         [TC_WKT_ANY] = tc_dec_any,
    [TC_WKT_TIMESTAMP] = write_timestamp, [TC_WKT_DURATION] = write_duration,
    [TC_WKT_FIELD_MASK] = write_mask,     [TC_WKT_STRUCT] = write_bare,
    [TC_WKT_VALUE] = write_bare,          [TC_WKT_LIST_VALUE] = write_bare,
    [TC_WKT_WRAPPER] = write_bare,        [TC_WKT_HTTP_BODY] = write_object,
};

enum tc_status tc_dec_message(struct tc_decoder *d, const struct tc_message *m, struct str payload)
{
    return openers[m->wkt](d, m, payload);
}
