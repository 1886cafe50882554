#include "tools/demo-backend/language.h"

enum { NATURAL_LEAST = 12, NATURAL_SPREAD = 24 };

static const char *const words[] = {
    "the",    "gate",  "opens", "a",     "small", "stream",  "of",      "light",   "and",
    "every",  "word",  "finds", "its",   "own",   "way",     "through", "quiet",   "stone",
    "where",  "river", "turns", "under", "old",   "bridges", "while",   "morning", "waits",
    "beside", "warm",  "walls", "naïve", "café",  "日本",    "fox",     "runs",    "over",
};
enum { WORDS = sizeof words / sizeof *words };

uint64_t language_hash(uint64_t start, struct str s)
{
    uint64_t h = start ^ 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
    return h;
}

/* Neighbours in FNV differ in few bits; this spreads them (the finisher of splitmix64). */
static uint64_t mix(uint64_t h)
{
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    return h ^ (h >> 31);
}

void language_init(struct language *l, const Demo__V1__GenerateRequest *request, uint32_t limit,
                   struct arena *arena)
{
    uint64_t given = 0;
    if (request->_seed_case == DEMO__V1__GENERATE_REQUEST___SEED_SEED)
        given = (uint64_t)request->seed;
    uint64_t h = language_hash(given, str_c(request->model));
    h = language_hash(h, str_c(request->prompt));
    uint32_t wanted = request->max_tokens > 0 ? (uint32_t)request->max_tokens : limit;
    *l = (struct language){.request = request,
                           .arena = arena,
                           .seed = h,
                           .limit = wanted < limit ? wanted : limit,
                           .natural = NATURAL_LEAST + (uint32_t)(mix(h) % NATURAL_SPREAD),
                           .text = STR("")};
}

/* Length up to the first stop sequence that begins at or behind `from`, or `s.n`. */
static size_t stop_at(const struct language *l, struct str s, size_t from)
{
    for (size_t at = from; at < s.n; at++)
        for (size_t i = 0; i < l->request->n_stop; i++) {
            struct str stop = str_c(l->request->stop[i]);
            if (stop.n && str_starts(str_skip(s, at), stop))
                return at;
        }
    return s.n;
}

static struct str end(struct language *l, Demo__V1__FinishReason reason)
{
    l->reason = reason;
    return STR("");
}

struct str language_next(struct language *l)
{
    if (l->reason != DEMO__V1__FINISH_REASON__FINISH_REASON_UNSPECIFIED)
        return STR("");
    if (l->done >= l->limit)
        return end(l, DEMO__V1__FINISH_REASON__LENGTH);
    if (l->done >= l->natural)
        return end(l, DEMO__V1__FINISH_REASON__STOP);
    const char *word = words[mix(l->seed + l->done) % WORDS];
    struct str before = l->text;
    struct str text = arena_printf(l->arena, "%.*s%s%s", STR_ARG(before), before.n ? " " : "",
                                   word);
    if (!text.p)
        return STR_NONE;
    /* words hold no spaces, so a stop sequence lies in one piece unless it has spaces itself: those
     * are looked for too */
    size_t n = stop_at(l, text, before.n);
    l->text = str_of(text.p, n);
    l->done++;
    if (n < text.n)
        l->reason = DEMO__V1__FINISH_REASON__STOP;
    return str_skip(l->text, before.n);
}

uint32_t language_count(struct str text)
{
    uint32_t n = 0;
    bool in_word = false;
    for (size_t i = 0; i < text.n; i++) {
        bool space = text.p[i] == ' ' || text.p[i] == '\n' || text.p[i] == '\t';
        n += !space && !in_word;
        in_word = !space;
    }
    return n;
}
