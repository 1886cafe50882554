#include "gateway/config_internal.h"
#include "transcoder/text.h"

/* YAML 1.2, 10.3.2 (core schema), read by hand: what the words and numbers look like. */

static bool word_json(struct str text, struct str *json)
{
    static const struct str null[] = {STR_INIT(""), STR_INIT("~"), STR_INIT("null"),
                                      STR_INIT("Null"), STR_INIT("NULL")};
    static const struct str yes[] = {STR_INIT("true"), STR_INIT("True"), STR_INIT("TRUE")};
    static const struct str no[] = {STR_INIT("false"), STR_INIT("False"), STR_INIT("FALSE")};
    if (str_is_one_of(text, null, sizeof null / sizeof *null))
        *json = STR("null");
    else if (str_is_one_of(text, yes, sizeof yes / sizeof *yes))
        *json = STR("true");
    else if (str_is_one_of(text, no, sizeof no / sizeof *no))
        *json = STR("false");
    else
        return false;
    return true;
}

/* Takes decimal digits off `*rest`. */
static struct str take_digits(struct str *rest)
{
    size_t n = 0;
    while (n < rest->n && rest->p[n] >= '0' && rest->p[n] <= '9')
        n++;
    struct str digits = str_of(rest->p, n);
    *rest = str_skip(*rest, n);
    return digits;
}

static bool take(struct str *rest, const char *any_of)
{
    if (rest->n == 0 || !rest->p[0] || !strchr(any_of, rest->p[0]))
        return false;
    *rest = str_skip(*rest, 1);
    return true;
}

struct number {
    bool negative;
    struct str whole, fraction, exponent; /* exponent with its sign */
};

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool read_number(struct str text, struct number *n)
{
    struct str rest = text;
    *n = (struct number){.negative = text.n && text.p[0] == '-'};
    take(&rest, "-+");
    n->whole = take_digits(&rest);
    if (take(&rest, "."))
        n->fraction = take_digits(&rest);
    if (n->whole.n == 0 && n->fraction.n == 0)
        return false;
    if (take(&rest, "eE")) {
        n->exponent.p = rest.p;
        take(&rest, "-+");
        if (take_digits(&rest).n == 0)
            return false;
        n->exponent.n = (size_t)(rest.p - n->exponent.p);
    }
    return rest.n == 0;
}

/* JSON knows no plus, no leading zeros and no bare points. */
static bool number_json(struct buf *json, const struct number *n)
{
    struct str whole = n->whole;
    while (whole.n > 1 && whole.p[0] == '0')
        whole = str_skip(whole, 1);
    return (!n->negative || buf_add_char(json, '-')) && buf_add(json, whole.n ? whole : STR("0")) &&
           (n->fraction.n == 0 || (buf_add_char(json, '.') && buf_add(json, n->fraction))) &&
           (n->exponent.n == 0 || (buf_add_char(json, 'e') && buf_add(json, n->exponent)));
}

/* 0o17 and 0x1f, up to 64 bits. */
static bool read_radix(struct str text, uint64_t *v)
{
    unsigned bits = str_starts(text, STR("0x")) ? 4 : str_starts(text, STR("0o")) ? 3 : 0;
    *v = 0;
    if (bits == 0 || text.n == 2)
        return false;
    for (size_t i = 2; i < text.n; i++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *at = text.p[i] ? strchr(digits, text.p[i]) : NULL;
        if (!at && text.p[i] >= 'A' && text.p[i] <= 'F')
            at = strchr(digits + 16, text.p[i]);
        uint64_t digit = at ? (uint64_t)(at - digits) % 16 : 16;
        if (digit >= 1u << bits || *v >> (64 - bits))
            return false;
        *v = *v << bits | digit;
    }
    return true;
}

bool config_scalar_json(struct buf *json, struct str text, bool plain, bool text_wanted)
{
    struct str word;
    struct number number;
    uint64_t radix;
    if (!plain)
        return tc_json_string(json, text);
    if (word_json(text, &word))
        return buf_add(json, word);
    if (text_wanted)
        return tc_json_string(json, text);
    if (read_number(text, &number))
        return number_json(json, &number);
    if (read_radix(text, &radix))
        return buf_printf(json, "%llu", (unsigned long long)radix);
    return tc_json_string(json, text);
}
