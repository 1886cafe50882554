/* One transcoder under measurement: what micro.c calls, the same for all of them. All NULL: built
 * without the library that it is about. */
#pragma once

#ifdef __cplusplus /* one of them is */
extern "C" {
#endif

#include "transcoder/buf.h"

struct micro_codec {
    /* Makes ready for messages of `type` in the descriptor set; NULL when that fails. */
    void *(*open)(struct str set, const char *type);
    /* Each appends one message to `out`; false when it failed. */
    bool (*to_protobuf)(void *codec, struct str json, struct buf *out);
    bool (*to_json)(void *codec, struct str protobuf, struct buf *out);
};

extern const struct micro_codec micro_codec;

#ifdef __cplusplus
}
#endif
