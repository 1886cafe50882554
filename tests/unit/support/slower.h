/* What bounds on time and on resident memory are multiplied by in builds that are slow or fat by
 * their nature. */
#pragma once

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__ || !defined __OPTIMIZE__
enum { SLOWER = 20 };
#else
enum { SLOWER = 1 };
#endif

/* ThreadSanitizer keeps four bytes for each that is touched. */
#ifdef __SANITIZE_THREAD__
enum { FATTER = 5 };
#else
enum { FATTER = 1 };
#endif
