#include "gateway/core/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "gateway/core/clock.h"
#include "gateway/core/timestamp.h"
#include "transcoder/text.h"

enum { MESSAGE_MAX = 2048 };

/* Set once at start: handing a logger to every function that may report would say nothing. */
/* breach: as said */
static enum log_level threshold = LOG_LEVEL_INFO;
/* Lines lost by all threads since one got through. An atomic, because a message to a logger thread
 * would be what is missing here. */
/* breach: as said */
static atomic_uint lost_lines;

void log_set_level(enum log_level level)
{
    threshold = level;
}

static const char *level_name(enum log_level level)
{
    static const char *const names[] = {"info", "warn", "error"};
    return names[level];
}

/* A buffer over memory on the stack: it starts full grown, so it neither grows nor is released. */
static struct buf buf_over(char *store, size_t n)
{
    return (struct buf){.p = store, .cap = n, .max = n};
}

static bool put_line(struct buf *line, enum log_level level, unsigned missing, struct str message)
{
    char time[TIMESTAMP_BYTES];
    timestamp_print(time, clock_wall_us());
    line->n = 0;
    return buf_printf(line, "{\"time\":\"%.*s\",\"level\":\"%s\",", TIMESTAMP_BYTES, time,
                      level_name(level)) &&
           (missing == 0 || buf_printf(line, "\"lost\":%u,", missing)) &&
           buf_add(line, STR("\"message\":")) && tc_json_string(line, message) &&
           buf_add(line, STR("}\n"));
}

/* A pipe that polls writable takes PIPE_BUF bytes without waiting (pipe(7)). */
static bool write_now(struct str line)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
        return false;
    return write(STDERR_FILENO, line.p, line.n) == (ssize_t)line.n;
}

void log_write(enum log_level level, const char *format, ...)
{
    char message[MESSAGE_MAX], store[LOG_LINE_MAX];
    if (level < threshold)
        return;

    va_list args;
    va_start(args, format);
    int length = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    size_t n = length < 0 ? 0 : (size_t)length;
    if (n >= sizeof message)
        n = sizeof message - 1;

    unsigned missing = atomic_exchange(&lost_lines, 0);
    struct buf line = buf_over(store, sizeof store);
    /* Escapes make a message up to six times as long. */
    while (!put_line(&line, level, missing, str_of(message, n)) && n > 0)
        n /= 2;
    if (!write_now(buf_str(&line)))
        atomic_fetch_add(&lost_lines, missing + 1);
}
