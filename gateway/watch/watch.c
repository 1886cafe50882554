#include "gateway/watch/watch_internal.h"

/* Lines of one loop turn; a turn that ends more exchanges than fit loses the rest. */
enum { LINES_MAX = 4 << 20, LINES_KEEP = 64 << 10 };

const struct watch_bucket watch_buckets[WATCH_BUCKETS - 1] = {
    {100000, "0.0001"},  {250000, "0.00025"}, {500000, "0.0005"},  {1000000, "0.001"},
    {2500000, "0.0025"}, {5000000, "0.005"},  {10000000, "0.01"},  {25000000, "0.025"},
    {50000000, "0.05"},  {100000000, "0.1"},  {250000000, "0.25"}, {500000000, "0.5"},
    {1000000000, "1"},   {2500000000, "2.5"}, {5000000000, "5"},   {10000000000, "10"},
    {30000000000, "30"}, {60000000000, "60"},
};

struct watch *watch_new(uint32_t nmethods, struct access_log *log)
{
    struct arena arena;
    arena_init(&arena, 4096, SIZE_MAX);
    struct watch *w = arena_alloc(&arena, sizeof *w);
    struct watch_row *rows = arena_array(&arena, (size_t)nmethods + 1, sizeof *rows);
    if (!w || !rows) {
        arena_release(&arena);
        return NULL;
    }
    w->rows = rows;
    w->nmethods = nmethods;
    w->log = log;
    buf_init(&w->lines, LINES_MAX);
    w->arena = arena;
    return w;
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    watch_flush(w);
    buf_release(&w->lines);
    struct arena arena = w->arena; /* holds `w` itself */
    arena_release(&arena);
}

static struct watch_row *row_of(struct watch *w, const struct event *e)
{
    uint32_t i = e->route ? e->route->policy->index : w->nmethods;
    return &w->rows[i < w->nmethods ? i : w->nmethods];
}

static void count_outcome(struct watch_row *row, unsigned key)
{
    for (int i = 0; i < WATCH_OUTCOMES; i++) {
        struct watch_outcome *o = &row->outcomes[i];
        unsigned seen = atomic_load_explicit(&o->key, memory_order_relaxed);
        if (i == WATCH_OUTCOMES - 1)
            key = watch_outcome_key(0, TC_CODE_UNKNOWN);
        if (seen == 0)
            atomic_store_explicit(&o->key, seen = key, memory_order_relaxed);
        if (seen == key || i == WATCH_OUTCOMES - 1) {
            watch_add(&o->count, 1);
            return;
        }
    }
}

static void observe(struct watch_histogram *h, uint64_t ns)
{
    int i = 0;
    while (i < WATCH_BUCKETS - 1 && ns > watch_buckets[i].ns)
        i++;
    watch_add(&h->count[i], 1);
    watch_add(&h->sum_ns, ns);
}

static void count(struct watch_row *row, const struct event *e)
{
    count_outcome(row, watch_outcome_key(e->http_status, e->code));
    observe(&row->times[WATCH_TOTAL], e->total_ns);
    if (e->upstream_ns)
        observe(&row->times[WATCH_UPSTREAM], e->upstream_ns);
    observe(&row->times[WATCH_OWN], e->own_ns);
    watch_add(&row->sums[WATCH_BYTES_IN], e->bytes_in);
    watch_add(&row->sums[WATCH_BYTES_OUT], e->bytes_out);
    watch_add(&row->sums[WATCH_MESSAGES_IN], e->messages_in);
    watch_add(&row->sums[WATCH_MESSAGES_OUT], e->messages_out);
    watch_add(&row->sums[WATCH_RETRIES], e->retries);
    watch_add(&row->sums[WATCH_RULE_ERRORS], e->rule_errors);
    if (e->refusal)
        watch_add(&row->refusals[e->refusal], 1);
}

void watch_record(struct watch *w, const struct event *e)
{
    count(row_of(w, e), e);
    watch_callers_count(w, e);
    if (w->log && !access_log_line(&w->lines, e))
        watch_add(&w->lost, 1);
}

void watch_flush(struct watch *w)
{
    if (!w->log || w->lines.n == 0)
        return;
    access_log_put(w->log, w);
    /* One busy turn shall not hold its memory for ever. */
    if (w->lines.n == 0 && w->lines.cap > LINES_KEEP)
        buf_release(&w->lines);
}

void watch_active(struct watch *w, int exchanges, int connections)
{
    atomic_store_explicit(&w->exchanges, exchanges > 0 ? (uint64_t)exchanges : 0,
                          memory_order_relaxed);
    atomic_store_explicit(&w->connections, connections > 0 ? (uint64_t)connections : 0,
                          memory_order_relaxed);
}
