/* Why a call was refused by who calls, as metrics tell it. */
#pragma once

enum refusal {
    REFUSAL_NONE,
    REFUSAL_NO_CREDENTIAL, /* none was shown */
    REFUSAL_CREDENTIAL,    /* what was shown is no good */
    REFUSAL_AMBIGUOUS,     /* several different ones were shown, or one header twice */
    REFUSAL_SCOPE,         /* the caller is known and lacks a scope */
    REFUSAL_UNAVAILABLE,   /* nobody can tell at the moment */
    REFUSAL_CONDITION,     /* an `allow` does not hold */
    REFUSALS
};
