/* The conformance runner's other half: one request in, one response out. The runner writes a
 * ConformanceRequest (a payload, its format, the type, the format that is wanted) and reads a
 * ConformanceResponse; both are read and written with the transcoder's wire functions, and every
 * payload goes through the transcoder as a call's would. Text format and JSPB are skipped. */
#pragma once

#include "transcoder/buf.h"
#include "transcoder/schema.h"

struct arena;

/* Appends the response to `out`. False when memory is short or the request is malformed: then the
 * runner and we do not understand one another, and the program ends. All else is an answer. */
bool testee_answer(const struct tc_schema *schema, struct str request, struct arena *arena,
                   struct buf *out);
