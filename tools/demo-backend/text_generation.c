#include "tools/demo-backend/text_generation.h"

#include <regex.h>
#include <sys/time.h>

#include "tools/demo-backend/language.h"

enum { NS_PER_US = 1000, NS_PER_MS = 1000000, MS_PER_S = 1000, SUMMARY_WORDS = 10 };

/* --- one generation --- */

struct generation {
    const Demo__V1__GenerateRequest *request;
    struct language language;
    struct timeval began;
    char *id;
    int32_t index;
    struct str pending; /* a piece is held back until it is known whether it is the last */
};

static bool is_set(double v, double least, double most)
{
    return v >= least && v <= most; /* false for NaN */
}

/* False when the request was refused. */
static bool check(struct server_call *c, const Demo__V1__GenerateRequest *r)
{
    if (!r->prompt[0])
        reply_bad_field(c, "prompt", "must not be empty");
    else if (r->max_tokens < 0)
        reply_bad_field(c, "maxTokens", "must not be negative");
    else if (r->_temperature_case == DEMO__V1__GENERATE_REQUEST___TEMPERATURE_TEMPERATURE &&
             !is_set(r->temperature, 0, 2))
        reply_bad_field(c, "temperature", "must be between 0 and 2");
    else if (r->_top_p_case == DEMO__V1__GENERATE_REQUEST___TOP_P_TOP_P && !is_set(r->top_p, 0, 1))
        reply_bad_field(c, "topP", "must be between 0 and 1");
    else if (r->constraint_case == DEMO__V1__GENERATE_REQUEST__CONSTRAINT_CHOICE &&
             !r->choice->n_options)
        reply_bad_field(c, "choice.options", "must not be empty");
    else
        return true;
    return false;
}

Demo__V1__Model *ready_model(struct server_call *c, const char *name)
{
    Demo__V1__Model *m = models_get(demo_of(c)->models, name, server_call_arena(c));
    if (!m)
        reply_reason(c, TC_CODE_NOT_FOUND, "MODEL_NOT_FOUND", "model", name, "no model '%s' here",
                     name);
    else if (m->state == DEMO__V1__MODEL__STATE__LOADING)
        reply_reason(c, TC_CODE_UNAVAILABLE, "MODEL_LOADING", "model", name,
                     "model '%s' is still loading", name);
    else if (m->state != DEMO__V1__MODEL__STATE__READY)
        reply_reason(c, TC_CODE_FAILED_PRECONDITION, "MODEL_FAILED", "model", name,
                     "model '%s' could not be loaded", name);
    else
        return m;
    return NULL;
}

static uint32_t token_limit(const struct server_call *c, const Demo__V1__GenerateRequest *r,
                            const Demo__V1__Model *m)
{
    uint32_t limit = m->limits && m->limits->max_tokens > 0 ? (uint32_t)m->limits->max_tokens : 64;
    uint32_t pace = demo_of(c)->options.pace_ms;
    if (!r->max_time || r->max_time->seconds < 0 || !pace)
        return limit;
    uint64_t ms = (uint64_t)r->max_time->seconds * MS_PER_S +
                  (uint64_t)r->max_time->nanos / NS_PER_MS;
    return ms / pace < limit ? (uint32_t)(ms / pace) : limit;
}

/* NULL when the request was refused. */
static struct generation *begin(struct server_call *c, const Demo__V1__GenerateRequest *r)
{
    struct arena *a = server_call_arena(c);
    const Demo__V1__Model *m = ready_model(c, r->model);
    struct generation *g = m && check(c, r) ? arena_alloc(a, sizeof *g) : NULL;
    if (!g)
        return NULL;
    g->request = r;
    gettimeofday(&g->began, NULL);
    language_init(&g->language, r, token_limit(c, r, m), a);
    g->id = text_in(a, "gen-%016llx", (unsigned long long)g->language.seed);
    return g;
}

static Demo__V1__Usage usage_of(const struct generation *g)
{
    Demo__V1__Usage u = DEMO__V1__USAGE__INIT;
    u.prompt_tokens = (int32_t)language_count(str_c(g->request->prompt));
    u.completion_tokens = (int32_t)g->language.done;
    u.total_tokens = u.prompt_tokens + u.completion_tokens;
    return u;
}

/* --- Generate --- */

/* The first word of the model's text that the expression matches as a whole; NULL when the request
 * was refused. */
static const char *by_regex(struct server_call *c, struct generation *g)
{
    regex_t regex;
    char *whole = text_in(server_call_arena(c), "^(%s)$", g->request->regex);
    if (regcomp(&regex, whole, REG_EXTENDED | REG_NOSUB) != 0) {
        reply_bad_field(c, "regex", "is no extended regular expression");
        return NULL;
    }
    const char *found = NULL;
    struct str piece = language_next(&g->language);
    while (!found && piece.n) {
        const char *word = piece.p[0] == ' ' ? piece.p + 1 : piece.p;
        found = regexec(&regex, word, 0, NULL, 0) == 0 ? word : NULL;
        piece = found ? piece : language_next(&g->language);
    }
    regfree(&regex);
    if (!found)
        reply_reason(c, TC_CODE_FAILED_PRECONDITION, "NO_MATCH", "regex", g->request->regex,
                     "the model finds no text that matches");
    return found;
}

/* The whole text; NULL when the request was refused. */
static char *write_text(struct server_call *c, struct generation *g)
{
    struct arena *a = server_call_arena(c);
    const Demo__V1__GenerateRequest *r = g->request;
    if (r->constraint_case == DEMO__V1__GENERATE_REQUEST__CONSTRAINT_CHOICE) {
        g->language.done = 1;
        g->language.reason = DEMO__V1__FINISH_REASON__STOP;
        return r->choice->options[g->language.seed % r->choice->n_options];
    }
    if (r->constraint_case == DEMO__V1__GENERATE_REQUEST__CONSTRAINT_REGEX) {
        const char *word = by_regex(c, g);
        g->language.reason = DEMO__V1__FINISH_REASON__STOP;
        return word ? text_in(a, "%s", word) : NULL;
    }
    while (language_next(&g->language).n)
        ;
    struct str text = g->language.text;
    if (r->constraint_case == DEMO__V1__GENERATE_REQUEST__CONSTRAINT_JSON_SCHEMA)
        return text_in(a, "{\"answer\":\"%.*s\"}", STR_ARG(text));
    return text_in(a, "%.*s", STR_ARG(text));
}

static size_t annotate(struct arena *a, const struct generation *g, Google__Protobuf__Any **to)
{
    size_t n = 0;
    Demo__V1__SafetyRating rating = DEMO__V1__SAFETY_RATING__INIT;
    rating.category = text_in(a, "harmless");
    rating.probability = 0.125;
    to[n++] = detail_of(a, "demo.v1.SafetyRating", &rating.base);
    if (strstr(g->request->prompt, "cite")) {
        Demo__V1__Citation citation = DEMO__V1__CITATION__INIT;
        citation.uri = text_in(a, "https://example.org/a?b=c&d");
        citation.end = (int32_t)g->language.done;
        to[n++] = detail_of(a, "demo.v1.Citation", &citation.base);
    }
    return to[0] && to[n - 1] ? n : 0;
}

static void copy_labels(struct arena *a, const Demo__V1__GenerateRequest *from,
                        Demo__V1__GenerateResponse *to)
{
    to->labels = arena_array(a, from->n_labels, sizeof(void *));
    for (size_t i = 0; to->labels && i < from->n_labels; i++) {
        Demo__V1__GenerateResponse__LabelsEntry *e = arena_alloc(a, sizeof *e);
        if (!e)
            return;
        demo__v1__generate_response__labels_entry__init(e);
        e->key = from->labels[i]->key;
        e->value = from->labels[i]->value;
        to->labels[to->n_labels++] = e;
    }
}

static void generate(struct server_call *c, const Demo__V1__GenerateRequest *request)
{
    struct arena *a = server_call_arena(c);
    struct generation *g = begin(c, request);
    char *text = g ? write_text(c, g) : NULL;
    if (!text)
        return;
    struct timeval now;
    gettimeofday(&now, NULL);
    Google__Protobuf__Timestamp created = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    created.seconds = g->began.tv_sec;
    created.nanos = (int32_t)g->began.tv_usec * NS_PER_US;
    Google__Protobuf__Duration latency = GOOGLE__PROTOBUF__DURATION__INIT;
    struct timeval took;
    timersub(&now, &g->began, &took);
    latency.seconds = took.tv_sec;
    latency.nanos = (int32_t)took.tv_usec * NS_PER_US;
    Demo__V1__Usage usage = usage_of(g);
    Google__Protobuf__Any *annotations[2];
    Demo__V1__GenerateResponse r = DEMO__V1__GENERATE_RESPONSE__INIT;
    r.id = g->id;
    r.model = request->model;
    r.text = text;
    r.finish_reason = g->language.reason;
    r.usage = &usage;
    r.create_time = &created;
    r.latency = &latency;
    r.annotations = annotations;
    r.n_annotations = annotate(a, g, annotations);
    copy_labels(a, request, &r);
    demo__v1__text_generation__generate__reply(c, &r);
}

/* --- StreamGenerate --- */

static void stream_next(struct server_call *c)
{
    struct generation *g = server_call_state(c);
    struct str piece = g->pending;
    g->pending = language_next(&g->language);
    bool last = !g->pending.n;
    Demo__V1__Usage usage = usage_of(g);
    Demo__V1__GenerateChunk chunk = DEMO__V1__GENERATE_CHUNK__INIT;
    chunk.id = g->id;
    chunk.index = g->index++;
    chunk.text = text_in(server_call_arena(c), "%.*s", STR_ARG(piece));
    if (last) {
        chunk.finish_reason = g->language.reason;
        chunk.usage = &usage;
    }
    bool left = demo__v1__text_generation__stream_generate__reply(c, &chunk);
    uint32_t pace = demo_of(c)->options.pace_ms;
    if (last)
        server_call_finish(c);
    else if (pace)
        server_call_after(c, pace, stream_next);
    else if (!left)
        server_call_on_writable(c, stream_next);
}

static void stream_generate(struct server_call *c, const Demo__V1__GenerateRequest *request)
{
    struct generation *g = begin(c, request);
    if (!g)
        return;
    server_call_set_state(c, g, NULL);
    g->pending = language_next(&g->language);
    stream_next(c);
}

/* --- Summarize --- */

struct summary {
    char *model;
    uint32_t words, max_words, prompt_tokens;
    int32_t chunks;
    int64_t characters;
    struct str text;
};

static int64_t count_characters(struct str s)
{
    int64_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80; /* UTF-8: all but continuation bytes */
    return n;
}

static void take_words(struct summary *s, struct str text, struct arena *a)
{
    while (text.p && s->words < s->max_words) {
        struct str word = str_cut(&text, ' ');
        if (!word.n)
            continue;
        s->text = arena_printf(a, "%.*s%s%.*s", STR_ARG(s->text), s->text.n ? " " : "",
                               STR_ARG(word));
        s->words++;
    }
}

static struct summary *begin_summary(struct server_call *c, const Demo__V1__SummarizeChunk *chunk)
{
    struct arena *a = server_call_arena(c);
    struct summary *s = NULL;
    if (chunk->max_words < 0)
        reply_bad_field(c, "maxWords", "must not be negative");
    else if (ready_model(c, chunk->model))
        s = arena_alloc(a, sizeof *s);
    if (!s)
        return NULL;
    s->model = text_in(a, "%s", chunk->model);
    s->max_words = chunk->max_words ? (uint32_t)chunk->max_words : SUMMARY_WORDS;
    server_call_set_state(c, s, NULL);
    return s;
}

static void end_summary(struct server_call *c, const struct summary *s)
{
    Demo__V1__Usage usage = DEMO__V1__USAGE__INIT;
    usage.prompt_tokens = (int32_t)s->prompt_tokens;
    usage.completion_tokens = (int32_t)s->words;
    usage.total_tokens = usage.prompt_tokens + usage.completion_tokens;
    Demo__V1__SummarizeResponse r = DEMO__V1__SUMMARIZE_RESPONSE__INIT;
    r.model = s->model;
    r.summary = text_in(server_call_arena(c), "%.*s", STR_ARG(s->text));
    r.chunks = s->chunks;
    r.characters = s->characters;
    r.usage = &usage;
    demo__v1__text_generation__summarize__reply(c, &r);
}

static void summarize(struct server_call *c, const Demo__V1__SummarizeChunk *chunk)
{
    struct summary *s = server_call_state(c);
    if (chunk && !s)
        s = begin_summary(c, chunk);
    if (!chunk && !s)
        reply_status(c, TC_CODE_INVALID_ARGUMENT, "there was nothing to summarize");
    if (!s)
        return;
    if (!chunk) {
        end_summary(c, s);
        return;
    }
    struct str text = str_c(chunk->text);
    s->chunks++;
    s->characters += count_characters(text);
    s->prompt_tokens += language_count(text);
    take_words(s, text, server_call_arena(c));
}

const struct demo__v1__text_generation__handlers text_generation_handlers = {
    .generate = generate,
    .stream_generate = stream_generate,
    .summarize = summarize,
    .chat = chat,
    .get_model = get_model,
    .list_models = list_models,
    .update_model = update_model,
    .delete_model = delete_model,
};
