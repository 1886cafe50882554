/* One RPC as the generated code describes it: a constant row that clients and servers work by.
 * Written by protoc-gen-postern, read by stubs/client.h and stubs/server.h; you need not touch it.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "transcoder/schema.h"

struct call_end;
struct server_call;

/* A callback of any type on its way to where it is cast back to its own. */
typedef void stub_any(void);

struct stub_method {
    struct str path;                         /* "/pkg.Service/Method" */
    const struct tc_message *input, *output; /* by these, bytes are checked before protobuf-c sees
                                                them */
    const ProtobufCMessageDescriptor *input_struct, *output_struct;
    bool client_streaming, server_streaming;
    /* Calls the client's typed callback. For a single answer once, with `end` and the answer or
     * NULL; for a stream with each message, `end` being NULL; returns whether the stream shall go
     * on. NULL when no client was generated. */
    bool (*deliver)(stub_any *to, void *ctx, const ProtobufCMessage *message,
                    const struct call_end *end);
    /* Calls the handler in a table of handlers. False when the table has none. NULL when no server
     * was generated. */
    bool (*serve)(const void *handlers, struct server_call *call, const ProtobufCMessage *message);
};

struct stub_service {
    struct str full_name;
    const struct stub_method *methods;
    uint32_t nmethods;
};
