// Proves the number codec (transcoder/number.h) against the C++ library's: every float, and as many
// doubles as asked for. `make prove-numbers` runs it on all cores.
//
//     numbers floats FROM TO          bit patterns, TO exclusive
//     numbers doubles COUNT SEED      random bit patterns
//     numbers decimals COUNT SEED     random texts, read as both types
//     numbers hard COUNT SEED         powers of two and ten, the least values, half way cases of
//     both types
//
// Printing: the same text, byte for byte, as std::to_chars (whole numbers that are exact: as it
// prints integers). Reading: the value that was printed, and what std::from_chars makes of a text.
#include "transcoder/number.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

namespace
{

uint64_t checked;

struct random_bits {
    uint64_t state;
    uint64_t next()
    {
        uint64_t z = state += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        return z ^ z >> 31;
    }
};

uint64_t bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

uint32_t bits_of(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

double from_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

float from_bits(uint32_t bits)
{
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

size_t print(char *out, double v)
{
    return tc_print_double(out, v);
}

size_t print(char *out, float v)
{
    return tc_print_float(out, v);
}

bool parse(str s, double *v)
{
    return tc_parse_double(s, v);
}

bool parse(str s, float *v)
{
    return tc_parse_float(s, v);
}

template <typename T> size_t expected_text(char *out, T v)
{
    constexpr T plain = sizeof(T) == sizeof(float) ? T(1 << 24) : T(INT64_C(1) << 53);

    if (v > -plain && v < plain && v != 0) {
        const int64_t whole = static_cast<int64_t>(v);
        if (static_cast<T>(whole) == v)
            return static_cast<size_t>(std::to_chars(out, out + 64, whole).ptr - out);
    }
    return static_cast<size_t>(std::to_chars(out, out + 64, v).ptr - out);
}

[[noreturn]] void wrong(const char *what, double v, str text, str other)
{
    fprintf(stderr, "numbers: %s: %a: %.*s, %.*s\n", what, v, STR_ARG(text), STR_ARG(other));
    exit(1);
}

template <typename T> void check_value(T v)
{
    char text[64], expected[64];
    T back;

    if (!std::isfinite(v))
        return;
    const str s = str_of(text, print(text, v)), e = str_of(expected, expected_text(expected, v));
    if (!str_eq(s, e))
        wrong("printed otherwise", static_cast<double>(v), s, e);
    if (!parse(s, &back) || bits_of(back) != bits_of(v))
        wrong("does not come back", static_cast<double>(v), s, e);
    checked++;
}

/* A text of JSON's grammar: the value is what the C++ library reads. */
template <typename T> void check_text(str s)
{
    T v = 0, expected = 0;
    auto [at, error] = std::from_chars(s.p, s.p + s.n, expected);
    const bool fits = parse(s, &v);

    if (error == std::errc::result_out_of_range) { // zero or infinity: strtod tells which
        char text[4096];
        snprintf(text, sizeof text, "%.*s", STR_ARG(s));
        expected = sizeof(T) == sizeof(float) ? static_cast<T>(strtof(text, nullptr))
                                              : static_cast<T>(strtod(text, nullptr));
    }
    if (fits != std::isfinite(expected) || (fits && bits_of(v) != bits_of(expected)))
        wrong("read otherwise", static_cast<double>(v), s, str_of("", 0));
    checked++;
}

void check_both(const char *text, int n)
{
    check_text<double>(str_of(text, static_cast<size_t>(n)));
    check_text<float>(str_of(text, static_cast<size_t>(n)));
}

void floats(uint64_t from, uint64_t to)
{
    for (uint64_t bits = from; bits < to; bits++)
        check_value(from_bits(static_cast<uint32_t>(bits)));
}

void doubles(uint64_t count, uint64_t seed)
{
    random_bits random{seed};
    for (uint64_t i = 0; i < count; i++)
        check_value(from_bits(random.next()));
}

void decimals(uint64_t count, uint64_t seed)
{
    random_bits random{seed};
    char text[128];

    for (uint64_t i = 0; i < count; i++) {
        const uint64_t a = random.next(), b = random.next(), c = random.next();
        const int exponent = static_cast<int>(c % 720) - 360;
        const int n = snprintf(text, sizeof text, "%s%llu.%0*llue%d", c >> 63 ? "-" : "",
                               static_cast<unsigned long long>(a >> (a & 63)),
                               static_cast<int>(b % 25) + 1,
                               static_cast<unsigned long long>(b >> (b >> 8 & 63)),
                               c >> 62 & 1 ? exponent : exponent / 9);
        check_both(text, n);
    }
}

/* All digits of what lies half way between `v` and the next value, then a little more and less. */
template <typename T> void check_half(T v)
{
    char text[1600];
    const T next = std::nextafter(v, static_cast<T>(INFINITY));

    if (!std::isfinite(v) || v < 0)
        return;
    const long double half = (static_cast<long double>(v) +
                              (std::isfinite(next)
                                   ? static_cast<long double>(next)
                                   : std::ldexp(1.0L, sizeof(T) == sizeof(float) ? 128 : 1024))) /
                             2;
    int n = snprintf(text, sizeof text, "%.1100Lf", half); // exact: no half way case is longer
    while (text[n - 1] == '0' && text[n - 2] != '.')
        n--;
    check_both(text, n);
    text[n] = '1'; // above
    check_both(text, n + 1);
    memset(text + n, '0', 30);
    text[n + 30] = '3';
    check_both(text, n + 31);
    while (text[n - 1] == '0' || text[n - 1] == '.')
        n--;
    text[n - 1]--;                                       // below
    const bool whole = text[0] != '0' || text[1] == '.'; // not 0999
    check_both(text, n);
    memset(text + n, '9', whole ? 30 : 0);
    check_both(text, n + (whole ? 30 : 0));
    n = snprintf(text, sizeof text, "%.*Le", static_cast<int>(bits_of(static_cast<double>(v)) % 40),
                 half);
    check_both(text, n);
}

template <typename T, typename Bits> void check_around(Bits bits)
{
    for (Bits b : {Bits(bits - 2), Bits(bits - 1), bits, Bits(bits + 1), Bits(bits + 2)}) {
        check_value(from_bits(b));
        check_value(-from_bits(b));
        check_half(from_bits(b));
    }
}

void hard(uint64_t count, uint64_t seed)
{
    random_bits random{seed};
    char text[64];

    for (int q = -1074; q < 1024; q++)
        check_around<double>(bits_of(std::ldexp(1.0, q)));
    for (int q = -149; q < 128; q++)
        check_around<float>(bits_of(std::ldexp(1.0f, q)));
    for (int e = -345; e <= 310; e++) {
        for (int digit = 1; digit <= (count ? 99 : 9); digit++) {
            const int n = snprintf(text, sizeof text, "%de%d", digit, e);
            check_both(text, n);
            check_around<double>(bits_of(strtod(text, nullptr)));
            check_around<float>(bits_of(strtof(text, nullptr)));
        }
    }
    check_around<double>(UINT64_C(0x7fefffffffffffff));
    check_around<float>(UINT32_C(0x7f7fffff));
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t bits = random.next();
        check_around<double>(bits >> 1);
        check_around<double>(bits >> (12 + i % 52));                        // subnormal
        check_around<double>(bits_of(static_cast<double>(bits >> i % 64))); // whole
        check_around<double>(bits_of(static_cast<double>(bits >> i % 64) / 1024));
        check_around<float>(static_cast<uint32_t>(bits >> 33));
        check_around<float>(static_cast<uint32_t>(bits >> 41 >> i % 23)); // subnormal
        check_around<float>(bits_of(static_cast<float>(bits >> i % 64)));
    }
}

} // namespace

int main(int argc, char **argv)
{
    const struct {
        const char *name;
        void (*run)(uint64_t, uint64_t);
    } parts[] = {{"floats", floats}, {"doubles", doubles}, {"decimals", decimals}, {"hard", hard}};

    for (const auto &part : parts) {
        if (argc != 4 || strcmp(argv[1], part.name) != 0)
            continue;
        part.run(strtoull(argv[2], nullptr, 0), strtoull(argv[3], nullptr, 0));
        printf("numbers: %s %s %s: %llu checked\n", argv[1], argv[2], argv[3],
               static_cast<unsigned long long>(checked));
        return 0;
    }
    fprintf(stderr, "numbers: floats FROM TO | doubles|decimals|hard COUNT SEED\n");
    return 2;
}
