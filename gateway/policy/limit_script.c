#include "gateway/policy/limit_script.h"

/* limit.lua as it stands, so that it can be read and run as what it is. */
__asm__(".section .rodata\n"
        "limit_script_begin: .incbin \"gateway/policy/limit.lua\"\n"
        "limit_script_end:\n"
        ".previous\n");
extern const char limit_script_begin[], limit_script_end[];

struct str limit_script(void)
{
    return str_of(limit_script_begin, (size_t)(limit_script_end - limit_script_begin));
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a ? a : 1;
}

/* Windows keep their length; only a bucket's rate may be shortened. */
struct limit_script_row limit_script_row(const struct limit_rule *r, uint64_t hold_us)
{
    uint64_t window = (r->window_ns + 999) / 1000, amount = r->amount;
    if (r->kind == LIMIT_TOKEN_BUCKET) {
        uint64_t divisor = common_divisor(amount, window);
        amount /= divisor;
        window /= divisor;
    }
    if (r->kind == LIMIT_CONCURRENCY)
        window = hold_us;
    return (struct limit_script_row){
        .kind = r->kind,
        .amount = (double)amount,
        .window_us = (double)window,
        .burst = (double)r->burst,
        .calendar = r->calendar,
        .utc_offset_us = (double)r->utc_offset_s * 1e6,
        .debt = (double)limit_debt_most(r),
    };
}

static uint64_t positive(int64_t v)
{
    return v > 0 ? (uint64_t)v : 0;
}

struct limit_script_answer limit_script_answer(const int64_t values[LIMIT_SCRIPT_VALUES])
{
    return (struct limit_script_answer){
        .charged = positive(values[0]),
        .remaining = positive(values[1]),
        .wait_us = values[2] < 0 ? LIMIT_NEVER : positive(values[2]),
        .reset_us = positive(values[3]),
    };
}
