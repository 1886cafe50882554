#include "transcoder/number.h"

#include "transcoder/number_digits.h"
#include "transcoder/number_tables.h"

__extension__ typedef unsigned __int128 wide;

/* ---- whole numbers */

enum { EIGHT = 100000000 };

/* n < 10^8, without leading zeros */
static inline size_t print_small(char *out, uint32_t n)
{
    uint64_t digits = tc_split_digits(n);
    unsigned zeros = n ? (unsigned)__builtin_ctzll(digits) / 8 : 7;

    tc_store_word(out, (digits | TC_ZEROS) >> (8 * zeros));
    return 8 - zeros;
}

static inline void print_eight(char *out, uint32_t n)
{
    tc_store_word(out, tc_split_digits(n) | TC_ZEROS);
}

size_t tc_print_uint64(char *out, uint64_t v)
{
    if (v < EIGHT)
        return print_small(out, (uint32_t)v);
    uint64_t upper = v / EIGHT;
    size_t n = upper < EIGHT ? print_small(out, (uint32_t)upper) : tc_print_uint64(out, upper);
    print_eight(out + n, (uint32_t)(v % EIGHT));
    return n + 8;
}

size_t tc_print_int64(char *out, int64_t v)
{
    if (v >= 0)
        return tc_print_uint64(out, (uint64_t)v);
    *out = '-';
    return 1 + tc_print_uint64(out + 1, 0 - (uint64_t)v);
}

/* ---- the shortest digits */

/* Raffaello Giulietti, "The Schubfach way to render doubles" (2020). A finite value is c * 2^q. All
 * numbers nearer to it than to its neighbours form its interval, which holds its ends when c is
 * even. 10^k is the largest power of ten that is no wider than the interval, so a multiple of it is
 * in there, and at most one multiple of 10^(k+1). The latter is taken if there is one, else the
 * nearer of the two multiples of 10^k around the value. Value and ends are computed in units of
 * 10^k / 4, cut, with the lowest bit set when that was inexact ("round to odd"): the paper proves
 * that comparing such numbers gives what comparing the exact ones would. */

/* digits * 10^exponent */
struct shortest {
    uint64_t digits;
    int exponent;
};

/* Value and ends of its interval, in units of 10^k / 4. */
struct interval {
    uint64_t lower, value, upper;
};

/* Which of the candidates it is cannot be foreseen, so there is no branch on it. A multiple of
 * 10^(k+1) stays in units of 10^k: zeros at the end go later. */
static inline struct shortest pick(struct interval v, int k, bool odd)
{
    uint64_t low = v.value / 4, tens = low / 10 * 10;
    uint64_t lower = v.lower + odd, upper = v.upper - odd;
    bool tens_below = lower <= 4 * tens, tens_above = 4 * tens + 40 <= upper;
    bool below = lower <= 4 * low, above = 4 * low + 4 <= upper;
    bool up = v.value + (low & 1) > 4 * low + 2; /* nearer, or as near and even */
    uint64_t coarse = tens + 10 * tens_above;
    uint64_t fine = low + ((above & (below ^ above)) | (up & (below == above)));
    uint64_t only_one = 0 - (uint64_t)(tens_below != tens_above);

    return (struct shortest){(coarse & only_one) | (fine & ~only_one), k};
}

/* The value's c and q, and whether the interval's lower half is the narrower one: below the least
 * significand the values are twice as dense. */
struct parts {
    uint64_t c;
    int q;
    bool narrow;
};

static inline struct parts take_apart(uint64_t bits, int width, int least)
{
    uint64_t hidden = UINT64_C(1) << (width - 1), fraction = bits & (hidden - 1);
    int biased = (int)(bits >> (width - 1));

    if (biased == 0)
        return (struct parts){fraction, least - width + 1, false};
    return (struct parts){fraction | hidden, least - width + biased, fraction == 0 && biased > 1};
}

static inline int exponent_of(struct parts v)
{
    return v.narrow ? tc_log10_of_three_quarters(v.q) : tc_log10_of_two(v.q);
}

/* n * power / 2^64, rounded to odd; what is lost by rounding the power up shows as less than two
 * units of the bits cut off. */
static inline uint64_t scale_float(uint64_t n, uint64_t power)
{
    wide product = (wide)n * power;
    return (uint64_t)(product >> 64) | ((uint32_t)((uint64_t)product >> 32) > 1);
}

static struct shortest shortest_float(uint32_t bits)
{
    struct parts v = take_apart(bits, 24, -126);
    int k = exponent_of(v), shift = v.q + tc_log2_of_ten(-k) + 1;
    const struct tc_power *p = tc_power_of_ten(-k);
    uint64_t power = p->hi + (p->lo != 0);
    struct interval around = {
        .lower = scale_float((4 * v.c - 2 + v.narrow) << shift, power),
        .value = scale_float(4 * v.c << shift, power),
        .upper = scale_float((4 * v.c + 2) << shift, power),
    };

    return pick(around, k, v.c & 1);
}

/* The same with n * power / 2^128. */
static inline uint64_t scale_double(uint64_t n, const struct tc_power *power)
{
    wide product = (wide)n * power->hi + (uint64_t)((wide)n * power->lo >> 64);
    return (uint64_t)(product >> 64) | ((uint64_t)product > 1);
}

static struct shortest shortest_double(uint64_t bits)
{
    struct parts v = take_apart(bits, 53, -1022);
    int k = exponent_of(v), shift = v.q + tc_log2_of_ten(-k) + 1;
    const struct tc_power *power = tc_power_of_ten(-k);
    struct interval around = {
        .lower = scale_double((4 * v.c - 2 + v.narrow) << shift, power),
        .value = scale_double(4 * v.c << shift, power),
        .upper = scale_double((4 * v.c + 2) << shift, power),
    };

    return pick(around, k, v.c & 1);
}

/* ---- from digits to text */

/* d.ddd * 10^exponent */
struct digits {
    char first;
    uint64_t words[2]; /* the others as text, zeros behind those that count; float: words[0] */
    int count, exponent;
};

static inline int count_digits(uint64_t n)
{
    int about = (64 - __builtin_clzll(n | 1)) * 1233 >> 12; /* 1233 / 4096 is nearly log10(2) */
    return about + (n >= tc_tens[about]);
}

/* Bytes of the word up to the last that is not zero. */
static inline int used_bytes(uint64_t word)
{
    return word ? 8 - __builtin_ctzll(__builtin_bswap64(word)) / 8 : 0;
}

/* `nine` has nine digits, the first of which is worth 10^exponent. */
static inline struct digits spread_nine(uint32_t nine, int exponent)
{
    uint64_t rest = tc_split_digits(nine % EIGHT);

    return (struct digits){.first = (char)('0' + nine / EIGHT),
                           .words = {rest | TC_ZEROS, 0},
                           .count = 1 + used_bytes(rest),
                           .exponent = exponent};
}

static inline struct digits spread_float(struct shortest s)
{
    int n = count_digits(s.digits);
    return spread_nine((uint32_t)(s.digits * tc_tens[9 - n]), s.exponent + n - 1);
}

static inline struct digits spread_double(struct shortest s)
{
    int n = count_digits(s.digits);
    uint64_t all = s.digits * tc_tens[17 - n], upper = all / EIGHT;
    uint64_t middle = tc_split_digits((uint32_t)(upper % EIGHT));
    uint64_t rest = tc_split_digits((uint32_t)(all % EIGHT));

    return (struct digits){.first = (char)('0' + upper / EIGHT),
                           .words = {middle | TC_ZEROS, rest | TC_ZEROS},
                           .count = rest ? 9 + used_bytes(rest) : 1 + used_bytes(middle),
                           .exponent = s.exponent + n - 1};
}

/* The shorter notation wins, the one without exponent when they are as long: its point stands
 * among the digits or at most four places before them. */
static inline bool is_near(const struct digits *d)
{
    return d->exponent >= -3 - (d->count > 1) && d->exponent < d->count - 1;
}

/* 15.25 and 0.01525, without a branch between the two: all digits in a row, then those behind the
 * point once more, one place farther. Of a small number, whose point is not among them, that is
 * past its end. */
static inline size_t lay_out_near_float(char *out, const struct digits *d)
{
    bool small = d->exponent < 0;
    int before = small ? 8 : d->exponent + 1;
    size_t at = small ? (size_t)(1 - d->exponent) : 0;

    memcpy(out, "0.000000", 8);
    out[at] = d->first;
    tc_store_word(out + at + 1, d->words[0]);
    tc_store_word(out + at + before + 1, d->words[0] >> (8 * (before - 1)));
    out[small ? 1 : before] = '.';
    return (size_t)d->count + (small ? at : 1);
}

static inline size_t lay_out_near_double(char *out, const struct digits *d)
{
    size_t at = d->exponent < 0 ? (size_t)(1 - d->exponent) : 0;
    int before = d->exponent + 1;

    memcpy(out, "0.000000", 8);
    out[at] = d->first;
    tc_store_word(out + at + 1, d->words[0]);
    tc_store_word(out + at + 9, d->words[1]);
    if (d->exponent < 0)
        return (size_t)d->count + at;
    int shift = 8 * (before - 1) & 63;
    if (before <= 8) {
        tc_store_word(out + before + 1, d->words[0] >> shift | d->words[1] << 1 << (63 - shift));
        tc_store_word(out + before + 9, d->words[1] >> shift);
    } else {
        tc_store_word(out + before + 1, d->words[1] >> shift);
    }
    out[before] = '.';
    return (size_t)d->count + 1;
}

/* The digits of a float that is no power of two and not below the normal ones. Same idea as above
 * with less work: one multiplication gives the value in units of 10^k, in a fixed point of 60 bits,
 * and half of the table's multiple is the half width of the interval. Its ends are at least half a
 * unit off, so the nearest multiple of 10^k is always inside. The table's rounding up makes the
 * value too large by less than 2^24 of the last place; what differs by less than SLACK is taken for
 * equal. That nothing else comes so close is not shown by reasoning but by trying all floats (make
 * prove-numbers). */
static inline struct digits digits_of_float(uint32_t bits)
{
    const uint64_t unit = UINT64_C(1) << 60, slack = UINT64_C(1) << 25;
    const struct tc_float_scale *scale = &tc_float_scales[bits >> 23];
    uint32_t c = (bits & 0x7fffff) | 0x800000;
    wide value = (wide)c * scale->multiple;
    uint32_t low = (uint32_t)(value >> 60), tens = low / 10 * 10;
    uint64_t fraction = (uint64_t)value & (unit - 1);
    uint64_t above_tens = (low - tens) * unit + fraction;
    uint64_t reach = scale->multiple / 2 + (c & 1 ? 0 - slack : slack);
    bool tens_below = above_tens <= reach, tens_above = above_tens + reach >= 10 * unit;
    bool up = fraction + (low & 1 ? slack : 0) > unit / 2 + slack / 2;
    uint32_t s = tens_below != tens_above ? tens + 10 * tens_above : low + up;
    int more = (s >= 10000000) + (s >= 100000000); /* than seven digits */

    s *= more == 2 ? 1 : more ? 10 : 100;
    return spread_nine(s, (int)scale->exponent + 6 + more);
}

/* 1.5e-07; at least two digits of exponent. Returns 0 when the other notation is not longer: then
 * its point stands behind all digits, and they are the value's own, not those of `d`. */
static size_t lay_out_far(char *out, struct digits d)
{
    size_t more = d.count > 1, n = (size_t)d.count + more;
    unsigned exponent = (unsigned)(d.exponent < 0 ? -d.exponent : d.exponent);

    if (d.exponent >= 0 && exponent <= n + 3)
        return 0;
    out[0] = d.first;
    out[1] = '.';
    tc_store_word(out + 2, d.words[0]);
    tc_store_word(out + 10, d.words[1]);
    out[n++] = 'e';
    out[n++] = d.exponent < 0 ? '-' : '+';
    if (exponent >= 100)
        out[n++] = (char)('0' + exponent / 100);
    out[n++] = (char)('0' + exponent / 10 % 10);
    out[n++] = (char)('0' + exponent % 10);
    return n;
}

/* c * 2^q, which is whole and below 10^24 */
static size_t print_whole(char *out, struct parts v)
{
    const uint64_t sixteen = UINT64_C(10000000000000000);
    wide whole = v.q < 0 ? v.c >> -v.q : (wide)v.c << v.q;
    uint64_t upper = (uint64_t)(whole / sixteen), lower = (uint64_t)(whole % sixteen);

    if (upper == 0)
        return tc_print_uint64(out, lower);
    size_t n = tc_print_uint64(out, upper);
    print_eight(out + n, (uint32_t)(lower / EIGHT));
    print_eight(out + n + 8, (uint32_t)(lower % EIGHT));
    return n + 16;
}

/* ---- reals */

static inline size_t print_sign(char *out, bool negative)
{
    *out = '-';
    return negative;
}

/* Whole numbers stay plain digits as far as each of them has a value of its own: 100000, not 1e+05.
 */
static __attribute__((noinline)) size_t print_far_float(char *out, uint32_t bits, struct digits d)
{
    float v;

    memcpy(&v, &bits, sizeof v);
    if (v < 0x1p24f && (float)(int32_t)v == v)
        return tc_print_uint64(out, (uint64_t)(uint32_t)v);
    size_t n = lay_out_far(out, d);
    return n ? n : print_whole(out, take_apart(bits, 24, -126));
}

static __attribute__((noinline)) size_t print_odd_float(char *out, uint32_t bits)
{
    if (bits == 0)
        return print_small(out, 0);
    struct digits d = spread_float(shortest_float(bits));
    return is_near(&d) ? lay_out_near_float(out, &d) : print_far_float(out, bits, d);
}

size_t tc_print_float(char *out, float v)
{
    uint32_t bits;

    memcpy(&bits, &v, sizeof bits);
    size_t sign = print_sign(out, bits >> 31);
    bits &= UINT32_MAX >> 1;
    if (bits >> 23 == 0 || (bits & 0x7fffff) == 0)
        return sign + print_odd_float(out + sign, bits);
    struct digits d = digits_of_float(bits);
    if (is_near(&d))
        return sign + lay_out_near_float(out + sign, &d);
    return sign + print_far_float(out + sign, bits, d);
}

size_t tc_print_double(char *out, double v)
{
    uint64_t bits;

    if (v > -0x1p53 && v < 0x1p53 && v != 0 && (double)(int64_t)v == v)
        return tc_print_int64(out, (int64_t)v);
    memcpy(&bits, &v, sizeof bits);
    size_t sign = print_sign(out, bits >> 63);
    bits &= UINT64_MAX >> 1;
    if (bits == 0)
        return sign + print_small(out + sign, 0);
    struct digits d = spread_double(shortest_double(bits));
    if (is_near(&d))
        return sign + lay_out_near_double(out + sign, &d);
    size_t n = lay_out_far(out + sign, d);
    return sign + (n ? n : print_whole(out + sign, take_apart(bits, 53, -1022)));
}
