/* The texts of a limit: "100/min", "20/s", "5000/10s", "1000000/day"; "+05:30". Pure. */
#pragma once

#include "gateway/core/limit.h"

enum { LIMIT_SENTENCE = 200 };

/* Sets amount, window_ns and, for a month, calendar of `r`. False: `why` says what is wrong and
 * what would be right. */
bool limit_rate_parse(struct str text, struct limit_rule *r, char why[LIMIT_SENTENCE]);
/* "UTC", "+02:00", "-07:30": sets calendar (LIMIT_ALIGNED unless it is a month) and utc_offset_s.
 */
bool limit_calendar_parse(struct str text, struct limit_rule *r);
