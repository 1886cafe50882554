/* gRPC status codes, their HTTP twins, and google.rpc.Status as the one JSON shape of every error.
 */
#pragma once

#include "transcoder/arena.h"
#include "transcoder/buf.h"
#include "transcoder/error.h"
#include "transcoder/schema.h"

/* google.rpc.Code */
enum tc_code {
    TC_CODE_OK = 0,
    TC_CODE_CANCELLED = 1,
    TC_CODE_UNKNOWN = 2,
    TC_CODE_INVALID_ARGUMENT = 3,
    TC_CODE_DEADLINE_EXCEEDED = 4,
    TC_CODE_NOT_FOUND = 5,
    TC_CODE_ALREADY_EXISTS = 6,
    TC_CODE_PERMISSION_DENIED = 7,
    TC_CODE_RESOURCE_EXHAUSTED = 8,
    TC_CODE_FAILED_PRECONDITION = 9,
    TC_CODE_ABORTED = 10,
    TC_CODE_OUT_OF_RANGE = 11,
    TC_CODE_UNIMPLEMENTED = 12,
    TC_CODE_INTERNAL = 13,
    TC_CODE_UNAVAILABLE = 14,
    TC_CODE_DATA_LOSS = 15,
    TC_CODE_UNAUTHENTICATED = 16,
    TC_CODE_COUNT,
};

/* "INVALID_ARGUMENT"; an unknown number gives "UNKNOWN". */
struct str tc_code_name(enum tc_code code);
bool tc_code_from_name(struct str name, enum tc_code *out);
/* google.rpc.Code's documented map: 3 -> 400, 14 -> 503 ... */
int tc_code_to_http(enum tc_code code);
/* For an HTTP answer without grpc-status (gRPC http-grpc-status-mapping). */
enum tc_code tc_code_from_http(int http_status);
/* The text of a grpc-status header; anything that is not a number from 0 to 16 is UNKNOWN. */
enum tc_code tc_code_parse(struct str text);

/* An error on its way to a client. */
struct tc_error_info {
    enum tc_code code;
    struct str message; /* any bytes; made valid JSON on output */
    struct str details; /* a serialized google.rpc.Status (grpc-status-details-bin), or empty */
    const struct tc_error *where; /* adds a google.rpc.BadRequest with field path and offset; NULL
                                     when there is none */
};

/* {"code":3,"message":"...","details":[...]}. Details of types in `schema` or of google.rpc's own
 * are expanded, others are shown as {"@type","value"}; malformed details are left out and never
 * break the JSON. False when `out` is full or memory short. */
bool tc_status_json(struct buf *out, const struct tc_error_info *info,
                    const struct tc_schema *schema, struct arena *arena);
