/* Runs another program with bytes on its standard input and collects its standard output; standard
 * error stays ours. */
#pragma once

#include "transcoder/buf.h"

/* Appends what `program` (looked up in PATH) prints to `output`. Its exit status, 127 when there is
 * no such program, or -1 when it was killed or the pipes failed. */
int process_run(const char *program, struct str input, struct buf *output);
