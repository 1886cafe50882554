/* Metrics and access log. Each worker has a `watch` of its own that only it writes; /metrics sums
 * them up by reading their counters (relaxed atomics: one writer, any reader). */
#pragma once

#include "gateway/core/event.h"
#include "transcoder/buf.h"

struct watch;
struct access_log; /* a file shared by all workers, written with one write(2) per loop turn and
                      worker (O_APPEND) */

/* `path` "-" is standard output. NULL with errno set when it cannot be opened. The process ignores
 * SIGPIPE. */
struct access_log *access_log_open(const char *path);
/* Opens the same path again (rotation); keeps the old file when that fails. Any thread. */
bool access_log_reopen(struct access_log *log);
void access_log_close(struct access_log *log);

/* `nmethods` rows of plan.policies; log may be NULL. NULL: out of memory. */
struct watch *watch_new(uint32_t nmethods, struct access_log *log);
void watch_free(struct watch *w);
/* Tells apart the first `most` callers that come, the others together. Once, before anything is
 * recorded. False: out of memory. */
enum { WATCH_CALLERS_MAX = 1000 };
bool watch_name_callers(struct watch *w, uint32_t most);
/* At the end of each exchange; copies what it needs. Never blocks, never fails (a line that cannot
 * be buffered is counted as lost). */
void watch_record(struct watch *w, const struct event *e);
/* Once per loop turn: writes the buffered log lines. A log that cannot take them (full disk, slow
 * pipe) loses lines, counted, never a request. */
void watch_flush(struct watch *w);
/* Moves all that `from` has counted to the rows of the same RPCs in `to` (reload); rows that `to`
 * has not are dropped. By the thread that owns both, while nobody reads them. */
void watch_move(struct watch *from, const struct plan *from_plan, struct watch *to,
                const struct plan *to_plan);
/* Sets the gauges: exchanges begun and not yet ended, connections open. The worker keeps them. */
void watch_active(struct watch *w, int exchanges, int connections);

/* One access log line, JSON with a newline, as watch_record writes it; long texts are cut so that a
 * line is at most PIPE_BUF. False, and nothing is added, when `out` is full. */
bool access_log_line(struct buf *out, const struct event *e);

/* Values that are not per method, gathered by the caller for watch_metrics. */
struct watch_gauge {
    const char *name, *help, *type; /* "postern_upstream_connections", ..., "gauge" or "counter" */
    struct str labels;              /* `cluster="llm"` or empty */
    uint64_t value;
    bool nanoseconds; /* `value` is; printed in seconds */
};

/* The Prometheus text format 0.0.4 of all workers together: requests by method, HTTP status and
 * grpc code, duration histograms (total, upstream, own) by method, bytes and messages, refusals by
 * reason, active exchanges and connections, lost log lines, and the given gauges (same names
 * adjacent). */
bool watch_metrics(struct buf *out, struct watch *const *workers, uint32_t n,
                   const struct plan *plan, const struct watch_gauge *gauges, uint32_t ngauges);
