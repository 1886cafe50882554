/* The script that counts limits inside Redis, with its clock: all algorithms, several limits of one
 * call at once, all of them or none. What it takes and gives is packed here.
 *
 *     KEYS: one per limit.  ARGV: id of the call, mode, and per limit a limit_script_row.
 *     answer: granted?, time of the server (us), and per limit LIMIT_SCRIPT_VALUES numbers
 *
 * Every number is a double, exact below 2^53; rates are reduced to lowest terms before they are
 * packed, so that amount x window stays below that for every limit one would write. */
#pragma once

#include "gateway/core/limit.h"
#include "transcoder/str.h"

struct str limit_script(void);

enum limit_script_mode {
    LIMIT_SCRIPT_TAKE,   /* charges all when all grant: `cost`, or up to `most` for later */
    LIMIT_SCRIPT_CHARGE, /* charges whatever is left */
    LIMIT_SCRIPT_REFUND, /* gives back what was charged at `at` under the same id */
    LIMIT_SCRIPT_RENEW,  /* keeps the places of a concurrency limit for another window */
};

/* As it stands in ARGV, least significant byte first. */
struct limit_script_row {
    double kind, amount, window_us, burst;
    double calendar, utc_offset_us;
    double cost;
    double most;  /* of a refund: what the charge was */
    double at_us; /* of a refund: the server's time at the charge */
    double dry;   /* 1: does not hold up the others */
    double debt;  /* what may be owed at the most */
};

enum { LIMIT_SCRIPT_VALUES = 4 };

struct limit_script_answer {
    uint64_t charged, remaining, wait_us, reset_us; /* wait_us LIMIT_NEVER: too large a cost */
};

/* The row of a rule; cost, most and at_us are the caller's to set. `hold_us`: how long a place of a
 * concurrency limit is kept for a call that nobody renews. */
struct limit_script_row limit_script_row(const struct limit_rule *r, uint64_t hold_us);
struct limit_script_answer limit_script_answer(const int64_t values[LIMIT_SCRIPT_VALUES]);
