/* Tensors of the Open Inference Protocol: is what was sent what it says it is? */
#pragma once

#include "gen/inference/grpc_service.pb-c.h"
#include "transcoder/str.h"

#define TENSOR_INPUT Inference__ModelInferRequest__InferInputTensor

struct datatype {
    const char *name;
    uint8_t size;     /* bytes of a raw element; 0: BYTES, each behind its length */
    uint8_t contents; /* number of the field of InferTensorContents that holds it; 0: raw only */
};

/* NULL when there is no such datatype. */
const struct datatype *datatype_of(struct str name);
/* Product of the shape; false when a size is negative or it overflows. */
bool tensor_elements(int64_t *shape, size_t n, uint64_t *elements);
/* NULL when the tensor is well-formed, else what is wrong with it. `raw` has data == NULL when
 * typed contents are used. */
const char *tensor_fault(const TENSOR_INPUT *t, ProtobufCBinaryData raw);
