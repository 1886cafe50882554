/* The command line. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { OPTIONS_LISTEN_MAX = 16 };

/* Why a gateway of `make gateway` takes no descriptors, neither by flag nor by configuration. */
#define OPTIONS_SCHEMA_INSIDE \
    "this gateway has its schema inside; leave it out, or let postern, the dynamic one, serve it"

struct options {
    const char *config, *descriptors, *upstream, *admin, *access_log;
    const char *listen[OPTIONS_LISTEN_MAX];
    unsigned nlisten;
    int32_t workers;           /* -1: not given; 0: one per core */
    uint64_t max_request_body; /* 0: not given */
    bool reflect, check;
    const char *explain_method, *explain_target; /* postern explain METHOD TARGET; NULL: to serve */
    /* postern explain --expr EXPRESSION --method RPC [--request JSON] */
    const char *explain_expr, *explain_rpc, *explain_request;
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_BAD };

/* OPTIONS_DONE: --help or --version was answered. OPTIONS_BAD: one line on stderr named the flag
 * and the remedy. */
enum options_result options_parse(struct options *o, int argc, char **argv);

/* One line on standard error, "postern: ..." , for a start that fails: who started it reads that,
 * not the log. */
__attribute__((format(printf, 1, 2))) void options_complain(const char *format, ...);
