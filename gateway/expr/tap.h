/* Taps: the fields of messages that programs read, and the tree of them that one walk over a
 * message follows. The tree grows while programs are compiled and is read only after that. */
#pragma once

#include "gateway/expr/program.h"
#include "gateway/expr/seek.h"

enum { EXPR_TAP_DEPTH_MAX = 32 };

/* A message on the way, with the fields below it that are tapped. */
struct expr_tap_node {
    const struct tc_message *message;
    struct expr_tap_field *fields;
    uint32_t n, room;
    uint32_t whole; /* the tap of the message as a whole, or EXPR_NO_TAP */
};
struct expr_tap_field {
    const struct tc_field *field;
    uint32_t value, test;       /* taps, or EXPR_NO_TAP */
    struct expr_tap_node *into; /* fields below it, or NULL */
};
#define EXPR_NO_TAP UINT32_MAX

/* The tap's number: that of an equal one, or of a new one. The path is copied. `m`: type of the
 * slot. UINT32_MAX: out of memory. */
uint32_t expr_taps_add(struct expr_taps *taps, struct arena *a, const struct tc_message *m,
                       const struct expr_tap *tap);
