/* "Did you mean ...?": the candidate that is nearest to a name that does not exist.
 *
 *     struct tc_suggestion s = tc_suggest_for(wrong);
 *     for (...) tc_suggest(&s, candidate);
 *     if (s.best.p) ...
 *
 * Letters left out, put in, changed or swapped with their neighbour count one each; a third of the
 * name may be wrong, one letter at least, but no more than three. Pure; long names are not
 * compared. */
#pragma once

#include "transcoder/arena.h"
#include "transcoder/schema.h"

struct tc_suggestion {
    struct str wrong, best; /* best.p == NULL: none is near; points into what was offered */
    size_t distance;
};

struct tc_suggestion tc_suggest_for(struct str wrong);
void tc_suggest(struct tc_suggestion *s, struct str candidate);
/* Offers the names of all fields. */
void tc_suggest_fields(struct tc_suggestion *s, const struct tc_message *m);
/* "; did you mean \"x\"?", or "". p == NULL: out of memory. */
struct str tc_suggest_text(struct arena *a, const struct tc_suggestion *s);
