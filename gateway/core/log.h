/* The program's own log: one JSON object a line on standard error,
 *
 *     {"time":"2006-01-02T15:04:05.000006Z","level":"warn","message":"..."}
 *
 * Any thread may call. A line is one write of at most LOG_LINE_MAX bytes (longer messages are cut),
 * so lines never mix. When standard error cannot take a line at once it is lost; the next one that
 * gets through says how many were, in "lost". Messages may hold any bytes. */
#pragma once

#include <limits.h>

enum log_level { LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum { LOG_LINE_MAX = PIPE_BUF };

/* Records below `level` are dropped from now on; LOG_LEVEL_INFO at first. Once, before threads
 * start. */
void log_set_level(enum log_level level);

__attribute__((format(printf, 2, 3))) void log_write(enum log_level level, const char *format, ...);

#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
