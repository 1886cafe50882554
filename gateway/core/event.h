/* What is known of an exchange when it has ended: the one record from which metrics, access log and
 * traces are made. */
#pragma once

#include "gateway/core/plan.h"
#include "gateway/core/refusal.h"
#include "transcoder/status.h"

struct event {
    struct str request_id;                    /* client's x-request-id when legal, else ours */
    struct str client;                        /* address as text */
    struct str http_method, target, protocol; /* "POST", raw target, "HTTP/1.1" */
    const struct route *route;                /* NULL when none matched */
    int32_t cluster;                          /* PLAN_NO_CLUSTER: never reached one */
    struct str cluster_name;
    uint16_t http_status; /* 499: the client left before the answer's end */
    enum tc_code code;    /* grpc status of the exchange */
    bool from_peer;       /* the upstream sent `code` */
    bool complete;        /* the whole answer was handed to the client */
    struct str error;     /* message of a failure; empty */
    uint64_t wall_us;     /* start, microseconds since the epoch */
    uint64_t total_ns;    /* first byte of the head to the end of the answer */
    uint64_t upstream_ns; /* call started to its end; 0 without a call */
    uint64_t own_ns;      /* spent on it by the worker: head, body, policies, answer; no waiting */
    uint64_t bytes_in, bytes_out;       /* bodies, as on the client's side */
    uint32_t messages_in, messages_out; /* gRPC messages to and from the upstream */
    uint32_t retries;
    struct str rule;       /* name of the condition or limit that has refused the call; empty */
    struct str rule_error; /* the first failure of an expression; empty */
    uint32_t rule_errors;
    enum refusal refusal;
    struct str provider; /* that knows the caller */
    struct str caller;   /* id within its provider; empty: nobody was known */
};
