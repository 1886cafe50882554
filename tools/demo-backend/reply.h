/* Answers that are errors, with the details that a good API gives (google.rpc.ErrorInfo,
 * BadRequest, RetryInfo). All end the call. */
#pragma once

#include "gen/google/rpc/status.pb-c.h"
#include "stubs/server.h"

/* A status with a sentence and no details. */
__attribute__((format(printf, 3, 4))) void reply_status(struct server_call *c, enum tc_code code,
                                                        const char *format, ...);
/* ErrorInfo: `reason` in capitals ("MODEL_NOT_FOUND"), one fact as key and value. */
__attribute__((format(printf, 6, 7))) void reply_reason(struct server_call *c, enum tc_code code,
                                                        const char *reason, const char *key,
                                                        const char *value, const char *format, ...);
/* INVALID_ARGUMENT with BadRequest: which field, and what would be right. */
__attribute__((format(printf, 3, 4))) void reply_bad_field(struct server_call *c, const char *field,
                                                           const char *format, ...);

/* The pieces, for those who build their own. Memory is the call's; NULL when it is short. */
Google__Protobuf__Any *detail_error_info(struct arena *a, const char *reason, const char *key,
                                         const char *value);
Google__Protobuf__Any *detail_bad_request(struct arena *a, const char *field,
                                          const char *description);
Google__Protobuf__Any *detail_retry_info(struct arena *a, int64_t seconds);
Google__Protobuf__Any *detail_of(struct arena *a, const char *type, const ProtobufCMessage *m);
/* The bytes of grpc-status-details-bin. */
struct str detail_status(struct arena *a, enum tc_code code, const char *message,
                         Google__Protobuf__Any **details, size_t n);
/* printf into the arena; never NULL. */
__attribute__((format(printf, 2, 3))) char *text_in(struct arena *a, const char *format, ...);
