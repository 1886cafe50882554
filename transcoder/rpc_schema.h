/* The types that details of an error come in (google/rpc/error_details.proto), built in so that
 * they are readable whatever the user's schema holds. For the decoder only: there are no tables by
 * name and no tags to write with. */
#pragma once

#include "transcoder/schema.h"

extern const struct tc_schema tc_rpc_schema;
/* google.protobuf.Any itself. */
extern const struct tc_message tc_rpc_any;
