#!/usr/bin/python3
"""number-tables.py [--check]: writes transcoder/number_tables.c, the powers of ten that numbers are read and printed
with, or says whether the file is not what this script writes. Exact arithmetic; nothing is looked up elsewhere.

Row e holds the upper 128 bits of 10^e, rounded up: the least whole T with T * 2^(floor(log2 10^e) - 127) >= 10^e. From
2^127 on and below 2^128, and exact for 0 <= e <= 55, where 5^e needs no more bits.
"""
import sys
from fractions import Fraction

PATH = "transcoder/number_tables.c"
# A double is read from digits below 2^64 and exponents of at least -342 (less is zero) and at most 308 (more is
# infinite). It is printed with exponents up to 324, those of the smallest double.
FIRST, LAST = -342, 324

HEAD = """/* Written by tools/number-tables.py: number_tables.h says what it means. */
#include "transcoder/number_tables.h"

/* clang-format off */
const uint64_t tc_tens[20] = {
    TENS
};

const struct tc_power tc_powers_of_ten[TC_POWER_LAST - TC_POWER_FIRST + 1] = {
"""
SCALES = """};

const struct tc_float_scale tc_float_scales[255] = {
"""
TAIL = """};
/* clang-format on */
"""


def floor_log2(x):
    n = x.numerator.bit_length() - x.denominator.bit_length()
    return n if x >= Fraction(2) ** n else n - 1


def power(e):
    x = Fraction(10) ** e
    scaled = x * Fraction(2) ** (127 - floor_log2(x))
    t = -(-scaled.numerator // scaled.denominator)
    assert 1 << 127 <= t < 1 << 128 and (t == scaled) == (0 <= e <= 55)
    assert (t % (1 << 64) == 0) == (0 <= e <= 27)
    return t


def scale(biased):
    """The unit in the last place of a float, 2^q, as m * 2^-60 * 10^k with 1 <= m * 2^-60 < 10, rounded up."""
    q = biased - 150
    k = floor_log10(Fraction(2) ** q)
    m = Fraction(2) ** (q + 60) / Fraction(10) ** k
    return -(-m.numerator // m.denominator), k


def floor_log10(x):
    n = len(str(x.numerator)) - len(str(x.denominator))
    return n if x >= Fraction(10) ** n else n - 1


def check_logarithms():
    """What number_tables.h computes instead of looking it up."""
    for e in range(FIRST, LAST + 1):
        assert floor_log2(Fraction(10) ** e) == (e * 217706) >> 16, e
    for q in range(-1074, 1024):
        assert floor_log10(Fraction(2) ** q) == (q * 1262611) >> 22, q
        assert floor_log10(Fraction(3, 4) * Fraction(2) ** q) == (q * 1262611 - 524031) >> 22, q


def tens():
    words = [f"{10 ** n}u" for n in range(20)]
    return ",\n    ".join(", ".join(words[i:i + 4]) for i in range(0, 20, 4)) + ","


def rows():
    for e in range(FIRST, LAST + 1):
        t = power(e)
        yield f"    {{0x{t >> 64:016x}, 0x{t & (1 << 64) - 1:016x}}},"


def scales():
    rows = ["{0, 0}"] + ["{0x%016x, %d}" % scale(biased) for biased in range(1, 255)]
    return "\n".join("    " + ", ".join(rows[i:i + 3]) + "," for i in range(0, 255, 3)) + "\n"


def text():
    check_logarithms()
    lines = list(rows())
    pairs = (a + b.replace("    ", " ", 1) for a, b in zip(lines[::2], lines[1::2]))
    return HEAD.replace("TENS", tens()) + "\n".join(pairs) + "\n" + ("" if len(lines) % 2 == 0 else lines[-1] + "\n") + SCALES + scales() + TAIL


def main():
    if sys.argv[1:] == ["--check"]:
        with open(PATH, encoding="utf-8") as f:
            if f.read() == text():
                return 0
        print(f"{PATH} is not what tools/number-tables.py writes: run it and commit", file=sys.stderr)
        return 1
    with open(PATH, "w", encoding="utf-8") as f:
        f.write(text())
    return 0


sys.exit(main())
