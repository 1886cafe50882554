/* The encoders extension: base64, standard alphabet; padding may be left out when decoding. */
#include "gateway/expr/function.h"
#include "gateway/expr/strings.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct expr_value expr_base64(struct expr_run *r, struct str s)
{
    size_t size = (s.n + 2) / 3 * 4, at = 0;
    if (!expr_spend_bytes(r, s.n))
        return expr_no_steps();
    char *out = expr_alloc(r, size);
    if (!out)
        return expr_no_memory();
    for (size_t i = 0; i < s.n; i += 3) {
        size_t have = s.n - i < 3 ? s.n - i : 3;
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < have ? (unsigned char)s.p[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            out[at++] = k <= have ? alphabet[bits >> (18 - 6 * k) & 63] : '=';
    }
    return expr_string(str_of(out, size));
}

static struct expr_value encode(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    return expr_base64(r, args[0].s);
}

static struct expr_value decode(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct str s = args[0].s;
    uint32_t bits = 0;
    size_t size = 0;
    (void)n;
    if (!expr_spend_bytes(r, s.n))
        return expr_no_steps();
    while (s.n && s.p[s.n - 1] == '=' && args[0].s.n % 4 == 0 && args[0].s.n - s.n < 2)
        s.n--;
    char *out = expr_alloc(r, s.n / 4 * 3 + 3);
    if (!out)
        return expr_no_memory();
    for (size_t i = 0; i < s.n; i++) {
        const char *c = s.p[i] ? strchr(alphabet, s.p[i]) : NULL;
        if (!c || s.n % 4 == 1)
            return expr_fail(r, EXPR_FAIL_BAD_VALUE, "base64.decode: not base64 at byte %zu", i);
        bits = bits << 6 | (uint32_t)(c - alphabet);
        if (i % 4 != 0)
            out[size++] = (char)(bits >> (6 - 2 * (i % 4)));
    }
    return (struct expr_value){.kind = EXPR_BYTES, .s = str_of(out, size)};
}

static const struct expr_function rows[] = {
    {"base64/encode(bytes) -> string", encode, EXPR_COST_BYTES, 0},
    {"base64/decode(string) -> bytes", decode, EXPR_COST_BYTES, 0},
};

const struct expr_library expr_lib_encoders = {"encoders", rows, sizeof rows / sizeof *rows};
