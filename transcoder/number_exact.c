#include "transcoder/number_parts.h"

/* What the fast way is not sure of: more digits than a word holds, values half way between two
 * others or very close to that. The first digits give bounds, so close together that at most two
 * neighbouring values are left; then the number is compared with what lies half way between them,
 * as whole numbers of any size. */

__extension__ typedef unsigned __int128 wide;

/* ---- bounds */

/* The bits of value * 2^exponent, rounded half to even. */
static uint64_t round_wide(wide value, int exponent, const struct tc_binary *format)
{
    uint64_t hi = (uint64_t)(value >> 64);
    int lead = hi ? 127 - __builtin_clzll(hi) : 63 - __builtin_clzll((uint64_t)value | 1);
    int cut = lead + 1 - format->width;

    exponent += lead;
    if (exponent < format->least) {
        cut += format->least - exponent;
        exponent = format->least;
    }
    if (cut > 128) /* less than half of the least value */
        return 0;
    wide half = (wide)1 << (cut - 1), rest = value & (2 * half - 1);
    uint64_t kept = cut < 128 ? (uint64_t)(value >> cut) : 0;
    bool up = rest > half || (rest == half && kept & 1);
    uint64_t bits = ((uint64_t)(exponent - format->least) << (format->width - 1)) + kept + up;
    return bits < format->none ? bits : format->none;
}

/* digits * 10^exponent lies between digits * (T - 1) and digits * T, `more` units of the 65th bit
 * farther up or down (number_tables.h says what T is). */
static uint64_t bound(uint64_t digits, int exponent, int more, const struct tc_binary *format)
{
    const struct tc_power *power = tc_power_of_ten(exponent);
    int zeros = __builtin_clzll(digits);
    uint64_t scaled = digits << zeros;
    wide product = (wide)scaled * power->hi + (uint64_t)((wide)scaled * power->lo >> 64);

    product = more < 0 ? product - 1 : product + 1;
    return round_wide(product, tc_log2_of_ten(exponent) - 63 - zeros, format);
}

/* ---- whole numbers of any size */

enum {
    LIMBS = 48,   /* 3072 bits: 801 digits are 2661, 2^54 * 5^1124 is 2664, and shifting makes the
                     smaller of two about as long as the other */
    DIGITS = 800, /* half way between two doubles ends within 767 digits */
    FIVES = 27,   /* 5^27 fits a limb */
};

struct whole {
    size_t n; /* limbs in use, the lowest first */
    uint64_t limbs[LIMBS];
};

static void multiply_add(struct whole *w, uint64_t by, uint64_t add)
{
    for (size_t i = 0; i < w->n; i++) {
        wide product = (wide)w->limbs[i] * by + add;
        w->limbs[i] = (uint64_t)product;
        add = (uint64_t)(product >> 64);
    }
    if (add && w->n < LIMBS)
        w->limbs[w->n++] = add;
}

static void multiply_by_fives(struct whole *w, int64_t count)
{
    const uint64_t most = UINT64_C(7450580596923828125);

    for (; count >= FIVES; count -= FIVES)
        multiply_add(w, most, 0);
    for (; count > 0; count--)
        multiply_add(w, 5, 0);
}

static void shift_up(struct whole *w, int64_t bits)
{
    size_t limbs = (size_t)bits / 64;

    multiply_add(w, UINT64_C(1) << (bits % 64), 0);
    if (limbs == 0 || w->n + limbs > LIMBS)
        return;
    memmove(w->limbs + limbs, w->limbs, w->n * sizeof *w->limbs);
    memset(w->limbs, 0, limbs * sizeof *w->limbs);
    w->n += limbs;
}

static int compare(const struct whole *a, const struct whole *b)
{
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    for (size_t i = a->n; i-- > 0;)
        if (a->limbs[i] != b->limbs[i])
            return a->limbs[i] < b->limbs[i] ? -1 : 1;
    return 0;
}

/* All digits that count; what may follow them is only told from zero, by a last digit 1. Returns
 * how many there are. */
static int64_t digits_of(const struct tc_number_parts *t, struct whole *w)
{
    size_t first = tc_number_first(t), end = tc_number_end(t);
    size_t stop = end - first > DIGITS ? first + DIGITS : end;

    w->n = 0;
    for (size_t i = first; i < stop; i++)
        multiply_add(w, 10, tc_number_digit(t, i));
    if (stop == end)
        return (int64_t)(stop - first);
    multiply_add(w, 10, 1);
    return DIGITS + 1;
}

/* The number against what is half way between the value with these bits and the next. */
static int compare_with_half(const struct tc_number_parts *t, uint64_t bits,
                             const struct tc_binary *format)
{
    struct whole number, half = {1, {0}};
    uint64_t hidden = UINT64_C(1) << (format->width - 1);
    int64_t twos = format->least - format->width; /* half = limbs * 2^twos */
    int64_t tens = tc_number_point(t) - (int64_t)tc_number_first(t) - digits_of(t, &number);

    half.limbs[0] = 2 * bits + 1;
    if (bits >= hidden) {
        half.limbs[0] = 2 * ((bits & (hidden - 1)) | hidden) + 1;
        twos += (int64_t)(bits >> (format->width - 1)) - 1;
    }
    multiply_by_fives(tens > 0 ? &number : &half, tens > 0 ? tens : -tens);
    shift_up(tens > twos ? &number : &half, tens > twos ? tens - twos : twos - tens);
    return compare(&number, &half);
}

/* ---- the whole */

uint64_t tc_number_round(const struct tc_number_parts *t, const struct tc_binary *format)
{
    size_t first = tc_number_first(t), end = tc_number_end(t), n = 0;
    int64_t at = tc_number_point(t) - (int64_t)first; /* the number is 0.ddd * 10^at */
    uint64_t digits = 0;

    if (end == 0 || at < -323) /* below 10^-324 */
        return 0;
    if (at > 309) /* 10^309 or more */
        return format->none;
    for (; n < TC_DECIMAL_DIGITS && first + n < end; n++)
        digits = digits * 10 + tc_number_digit(t, first + n);
    int exponent = (int)at - (int)n;
    uint64_t lower = bound(digits, exponent, -1, format);
    uint64_t upper = bound(digits + (first + n < end), exponent, 1, format);
    if (lower == upper)
        return lower;
    int order = compare_with_half(t, lower, format);
    return lower + (order > 0 || (order == 0 && lower & 1));
}
