#include "transcoder/suggest.h"

enum {
    NAME_MAX_COMPARED = 64, /* longer names are not compared for typing errors */
};

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Insertions, deletions, changes and swaps of neighbours that lead from `a` to `b` (optimal string
 * alignment), row by row. */
static size_t edit_distance(struct str a, struct str b)
{
    size_t rows[3][NAME_MAX_COMPARED + 1];

    for (size_t i = 0; i <= a.n; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        for (size_t j = 0; j <= b.n; j++) {
            if (i == 0 || j == 0) {
                row[j] = i + j;
                continue;
            }
            bool same = a.p[i - 1] == b.p[j - 1];
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + !same);
            bool swapped = i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1];
            if (swapped && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
    }
    return rows[a.n % 3][b.n];
}

struct tc_suggestion tc_suggest_for(struct str wrong)
{
    size_t allowed = wrong.n / 3 < 3 ? wrong.n / 3 : 3;
    if (wrong.n < 2) /* anything is near to one letter */
        return (struct tc_suggestion){.wrong = wrong, .distance = 1};
    return (struct tc_suggestion){.wrong = wrong, .distance = (allowed ? allowed : 1) + 1};
}

void tc_suggest(struct tc_suggestion *s, struct str candidate)
{
    if (s->wrong.n > NAME_MAX_COMPARED || candidate.n > NAME_MAX_COMPARED || candidate.n == 0)
        return;
    size_t longer = s->wrong.n > candidate.n ? s->wrong.n - candidate.n : candidate.n - s->wrong.n;
    if (longer >= s->distance)
        return;
    size_t d = str_eq_nocase(s->wrong, candidate) ? 0 : edit_distance(s->wrong, candidate);
    if (d < s->distance) {
        s->distance = d;
        s->best = candidate;
    }
}

void tc_suggest_fields(struct tc_suggestion *s, const struct tc_message *m)
{
    for (uint16_t i = 0; i < m->nfields; i++)
        tc_suggest(s, m->fields[i].name);
}

struct str tc_suggest_text(struct arena *a, const struct tc_suggestion *s)
{
    if (!s->best.p)
        return STR("");
    return arena_printf(a, "; did you mean \"%.*s\"?", STR_ARG(s->best));
}
