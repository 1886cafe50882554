#include "gateway/watch/watch_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/core/timestamp.h"
#include "transcoder/text.h"

/* A line is at most PIPE_BUF long, so that a pipe takes it whole or not at all, however many
 * workers write. */
enum { LINE_MAX_BYTES = PIPE_BUF, LOG_PATH_MAX = 4096 };

struct access_log {
    struct str path;
    int fd;
    bool is_file;   /* takes any amount at once; pipes and sockets get a line or a few at a time */
    bool is_socket; /* standard output of a service is often one */
    struct arena arena;
};

static void set_kind(struct access_log *log)
{
    struct stat st;
    mode_t kind = fstat(log->fd, &st) == 0 ? st.st_mode & S_IFMT : S_IFREG;
    log->is_socket = kind == S_IFSOCK;
    log->is_file = kind != S_IFSOCK && kind != S_IFIFO;
}

static int open_path(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
}

/* A pipe is opened a second time, so that it can be told not to block without telling everybody who
 * has it. A file is not: its offset has to be the one that standard error may share. */
static int open_stdout(void)
{
    struct stat st;
    int fd = -1;
    if (fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode))
        fd = open("/proc/self/fd/1", O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    return fd >= 0 ? fd : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
}

struct access_log *access_log_open(const char *path)
{
    struct arena arena;
    arena_init(&arena, 256, LOG_PATH_MAX + sizeof(struct access_log) + 256);
    struct access_log *log = arena_alloc(&arena, sizeof *log);
    struct str copy = arena_copy(&arena, str_c(path));
    bool memory = log && copy.p;
    int fd = -1;
    if (memory)
        fd = str_eq(copy, STR("-")) ? open_stdout() : open_path(copy.p);
    if (fd < 0) {
        int why = memory ? errno : ENOMEM;
        arena_release(&arena);
        errno = why;
        return NULL;
    }
    *log = (struct access_log){.path = copy, .fd = fd, .arena = arena};
    set_kind(log);
    return log;
}

bool access_log_reopen(struct access_log *log)
{
    if (str_eq(log->path, STR("-")))
        return true;
    int fd = open_path(log->path.p);
    if (fd < 0)
        return false;
    /* Workers that write meanwhile see the old file or the new one, never none. */
    bool ok = dup3(fd, log->fd, O_CLOEXEC) >= 0;
    close(fd);
    return ok;
}

void access_log_close(struct access_log *log)
{
    if (!log)
        return;
    close(log->fd);
    struct arena arena = log->arena; /* holds `log` itself */
    arena_release(&arena);
}

/* How much of `lines` to hand over at once: all to a file, else whole lines up to PIPE_BUF. */
static size_t portion(const struct access_log *log, struct str lines)
{
    if (log->is_file || lines.n <= PIPE_BUF)
        return lines.n;
    size_t n = PIPE_BUF;
    while (n > 0 && lines.p[n - 1] != '\n')
        n--;
    return n ? n : PIPE_BUF;
}

static ssize_t write_some(const struct access_log *log, struct str bytes)
{
    if (log->is_socket)
        return send(log->fd, bytes.p, bytes.n, MSG_DONTWAIT | MSG_NOSIGNAL);
    return write(log->fd, bytes.p, bytes.n);
}

static uint64_t count_lines(struct str s)
{
    uint64_t n = 0;
    while (s.n) {
        str_cut(&s, '\n');
        n++;
    }
    return n;
}

/* The log is broken (full disk, closed pipe), not only slow. */
static void drop_lines(struct watch *w)
{
    watch_add(&w->lost, count_lines(buf_str(&w->lines)));
    w->lines.n = 0;
    if (w->torn)
        buf_add_char(&w->lines, '\n');
    w->torn = false;
}

void access_log_put(struct access_log *log, struct watch *w)
{
    struct str rest = buf_str(&w->lines);
    while (rest.n) {
        ssize_t n = write_some(log, str_of(rest.p, portion(log, rest)));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        w->torn = rest.p[n - 1] != '\n';
        rest = str_skip(rest, (size_t)n);
    }
    bool slow = rest.n && (errno == EAGAIN || errno == EWOULDBLOCK);
    buf_consume(&w->lines, w->lines.n - rest.n);
    if (rest.n && !slow)
        drop_lines(w);
}

/* ---- one line ---- */

static struct str cut(struct str s, size_t most)
{
    return str_of(s.p, s.n < most ? s.n : most);
}

static bool put_text(struct buf *out, const char *key, struct str value)
{
    return buf_printf(out, ",\"%s\":", key) && tc_json_string(out, value);
}

static bool put_count(struct buf *out, const char *key, uint64_t n)
{
    return buf_printf(out, ",\"%s\":%llu", key, (unsigned long long)n);
}

static bool put_flag(struct buf *out, const char *key, bool on)
{
    return buf_printf(out, ",\"%s\":%s", key, on ? "true" : "false");
}

static bool put_ms(struct buf *out, const char *key, uint64_t ns)
{
    uint64_t us = ns / 1000;
    return buf_printf(out, ",\"%s\":%llu.%03u", key, (unsigned long long)(us / 1000),
                      (unsigned)(us % 1000));
}

static bool put_request(struct buf *out, const struct event *e, size_t most)
{
    const struct route *r = e->route;
    return put_text(out, "request_id", cut(e->request_id, most)) &&
           put_text(out, "client", cut(e->client, most)) &&
           put_text(out, "method", cut(e->http_method, most)) &&
           put_text(out, "target", cut(e->target, most * 8)) &&
           put_text(out, "protocol", cut(e->protocol, most)) &&
           put_text(out, "route", r ? cut(r->pattern, most) : STR_NONE) &&
           put_text(out, "rpc", r ? cut(r->policy->method->full_name, most) : STR_NONE) &&
           put_text(out, "cluster", cut(e->cluster_name, most));
}

static bool put_answer(struct buf *out, const struct event *e, size_t most)
{
    return put_count(out, "status", e->http_status) &&
           put_text(out, "grpc_status", tc_code_name(e->code)) &&
           put_flag(out, "from_upstream", e->from_peer) && put_flag(out, "complete", e->complete) &&
           put_count(out, "bytes_in", e->bytes_in) && put_count(out, "bytes_out", e->bytes_out) &&
           put_count(out, "messages_in", e->messages_in) &&
           put_count(out, "messages_out", e->messages_out) &&
           put_count(out, "retries", e->retries) && put_ms(out, "total_ms", e->total_ns) &&
           put_ms(out, "upstream_ms", e->upstream_ns) && put_ms(out, "own_ms", e->own_ns) &&
           (e->caller.n == 0 || put_text(out, "caller", cut(e->caller, most))) &&
           (e->rule.n == 0 || put_text(out, "rule", cut(e->rule, most))) &&
           (e->rule_error.n == 0 || put_text(out, "rule_error", cut(e->rule_error, most))) &&
           (e->error.n == 0 || put_text(out, "error", cut(e->error, most * 2)));
}

static bool put_line(struct buf *out, const struct event *e, size_t most)
{
    char time[TIMESTAMP_BYTES];
    timestamp_print(time, e->wall_us);
    return buf_add(out, STR("{\"time\":\"")) && buf_add(out, str_of(time, sizeof time)) &&
           buf_add_char(out, '"') && put_request(out, e, most) && put_answer(out, e, most) &&
           buf_add(out, STR("}\n"));
}

bool access_log_line(struct buf *out, const struct event *e)
{
    size_t before = out->n;
    /* Texts are cut shorter until the line fits: escapes may make them six times as long. */
    for (size_t most = 256; most >= 16; most /= 4) {
        if (!put_line(out, e, most))
            break;
        if (out->n - before <= LINE_MAX_BYTES)
            return true;
        out->n = before;
    }
    out->n = before;
    return false;
}
