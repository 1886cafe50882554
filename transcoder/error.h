/* How the transcoder reports. Every fallible function returns enum tc_status, TC_OK being 0.
 * TC_MORE and TC_FULL are no errors but the two ways a resumable machine waits: for input, and for
 * its output to be drained. Details of an error go to one struct tc_error; the first one stays. */
#pragma once

#include "transcoder/str.h"

enum tc_status {
    TC_OK = 0,
    TC_MORE,    /* all input consumed, the value is not complete: feed the rest */
    TC_FULL,    /* the output has reached its soft limit: drain it and call again */
    TC_INVALID, /* the input breaks the format; error says where */
    TC_LIMIT, /* the output or the memory for it would pass a ceiling that came in as an argument */
    TC_NOMEM,
};

enum { TC_ERROR_PATH_MAX = 256, TC_ERROR_TEXT_MAX = 384 };

#define TC_NO_OFFSET ((size_t)-1)

struct tc_error {
    enum tc_status status;        /* TC_OK: no error noted yet */
    size_t offset;                /* byte of the input where it went wrong, or TC_NO_OFFSET */
    bool in_target;               /* the input is the target of the request, not its body */
    char path[TC_ERROR_PATH_MAX]; /* field path in JSON names, "messages[3].content"; "" = the whole
                                     input */
    char text[TC_ERROR_TEXT_MAX]; /* one sentence for the sender: what is wrong and what would be
                                     right; UTF-8 */
};

/* Notes the first error: later calls leave *e as it is. Returns `status` (that of the first error
 * when there is one), so that it can end a function. `e` may be NULL. Text and path are cut at a
 * UTF-8 boundary. */
__attribute__((format(printf, 5, 6))) enum tc_status tc_fail(struct tc_error *e,
                                                             enum tc_status status, size_t offset,
                                                             const char *path, const char *format,
                                                             ...);
