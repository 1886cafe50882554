/* Makes one allocation of the code under test fail, chosen by its number.
 *
 *     static bool parse_once(void *arg) { ... return tc_parse(arg) == TC_OK; }
 *     ...
 *     assert_true(failmalloc_each(parse_once, &input) > 0);
 *
 * Counts malloc, calloc and realloc of everything that is linked into the test as an object or
 * archive (linker option --wrap, in the Makefile's rule for unit tests); what shared libraries
 * allocate inside is not seen. One thread at a time, but any number while neither failing nor
 * counting is on. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Allocation number `i` from now on, the first being 0, will return NULL, and only that one. */
void failmalloc_start(size_t i);
/* True when that allocation has been asked for since. Nothing fails from here on. */
bool failmalloc_stop(void);

/* Runs `run` with allocation 0 failing, then 1, and so on, until a run asks for fewer allocations
 * than that. Returns how many a run makes. A cmocka failure unless every run in which one failed
 * returned false, and the last, undisturbed one true. `run` releases what it made; leaks are
 * AddressSanitizer's to see. */
size_t failmalloc_each(bool (*run)(void *arg), void *arg);

/* Counts what is held: from here on every block that is allocated, until it is freed. */
void failmalloc_count_start(void);
/* The most bytes that were held at one time since. Ends the count. */
size_t failmalloc_count_stop(void);
