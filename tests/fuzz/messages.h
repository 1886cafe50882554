/* The messages that targets of the transcoder read and write: chosen by name, so that a byte of a
 * seed means the same for as long as rows are only appended. */
#pragma once

#include "tests/unit/support/sets.h"

static const char *const fuzz_messages[] = {
    "kitchen.Sink",
    "kitchen2.Sink2",
    "kitchen.OddNames",
    "kitchen2.Toolbox",
    "kitchen.Text",
    "kitchen.UpdateRequest",
    "kitchen.FindRequest",
    "kitchen.TypedRequest",
    "google.protobuf.Any",
    "google.protobuf.Value",
    "google.protobuf.Struct",
    "google.protobuf.ListValue",
    "google.protobuf.Timestamp",
    "google.protobuf.Duration",
    "google.protobuf.FieldMask",
    "google.protobuf.DoubleValue",
    "google.protobuf.Int64Value",
    "google.protobuf.StringValue",
    "google.protobuf.BytesValue",
    "google.protobuf.Empty",
    "google.api.HttpBody",
    "kitchen.Ping",
    "kitchen2.Holder",
    "kitchen2.GetRequest",
};

static inline const struct tc_message *fuzz_message(uint8_t choice, const struct tc_schema **schema)
{
    static struct set s; /* breach: loaded once */
    if (!s.schema)
        s = set_load("kitchen_sink2.pb");
    *schema = s.schema;
    return set_message(&s, fuzz_messages[choice % (sizeof fuzz_messages / sizeof *fuzz_messages)]);
}
