#include "tools/demo-backend/tensor.h"

enum { LENGTH_PREFIX = 4 };

static const struct datatype datatypes[] = {
    {"BOOL", 1, 1},  {"INT8", 1, 2},   {"INT16", 2, 2},  {"INT32", 4, 2},  {"INT64", 8, 3},
    {"UINT8", 1, 4}, {"UINT16", 2, 4}, {"UINT32", 4, 4}, {"UINT64", 8, 5}, {"FP16", 2, 0},
    {"BF16", 2, 0},  {"FP32", 4, 6},   {"FP64", 8, 7},   {"BYTES", 0, 8},
};

const struct datatype *datatype_of(struct str name)
{
    for (size_t i = 0; i < sizeof datatypes / sizeof *datatypes; i++)
        if (str_eq(str_c(datatypes[i].name), name))
            return &datatypes[i];
    return NULL;
}

bool tensor_elements(int64_t *shape, size_t n, uint64_t *elements)
{
    *elements = 1;
    for (size_t i = 0; i < n; i++)
        if (shape[i] < 0 || __builtin_mul_overflow(*elements, (uint64_t)shape[i], elements))
            return false;
    return true;
}

/* Numbers of values by the field that holds them. */
static void count_contents(const Inference__InferTensorContents *c, size_t counts[9])
{
    static const Inference__InferTensorContents none = INFERENCE__INFER_TENSOR_CONTENTS__INIT;
    c = c ? c : &none;
    counts[0] = 0;
    counts[1] = c->n_bool_contents;
    counts[2] = c->n_int_contents;
    counts[3] = c->n_int64_contents;
    counts[4] = c->n_uint_contents;
    counts[5] = c->n_uint64_contents;
    counts[6] = c->n_fp32_contents;
    counts[7] = c->n_fp64_contents;
    counts[8] = c->n_bytes_contents;
}

static const char *typed_fault(const TENSOR_INPUT *t, const struct datatype *type,
                               uint64_t elements)
{
    size_t counts[9];
    count_contents(t->contents, counts);
    if (!type->contents)
        return "FP16 and BF16 travel only in raw_input_contents";
    for (size_t i = 1; i < 9; i++)
        if (i != type->contents && counts[i])
            return "the values are in the field of another datatype";
    return counts[type->contents] == elements ? NULL
                                              : "the number of values is not what the shape says";
}

static const char *bytes_fault(struct str raw, uint64_t elements)
{
    uint64_t n = 0;
    for (; raw.n >= LENGTH_PREFIX; n++) {
        const unsigned char *p = (const unsigned char *)raw.p;
        size_t length = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
        raw = str_skip(raw, LENGTH_PREFIX);
        if (length > raw.n)
            return "an element of BYTES is cut";
        raw = str_skip(raw, length);
    }
    return raw.n || n != elements ? "the raw bytes are not what the shape says" : NULL;
}

static const char *raw_fault(const TENSOR_INPUT *t, const struct datatype *type, uint64_t elements,
                             ProtobufCBinaryData raw)
{
    uint64_t bytes;
    if (t->contents)
        return "typed contents and raw_input_contents exclude each other";
    if (!type->size)
        return bytes_fault(str_of((const char *)raw.data, raw.len), elements);
    if (__builtin_mul_overflow(elements, (uint64_t)type->size, &bytes) || bytes != raw.len)
        return "the raw bytes are not what the shape says";
    return NULL;
}

const char *tensor_fault(const TENSOR_INPUT *t, ProtobufCBinaryData raw)
{
    const struct datatype *type = datatype_of(str_c(t->datatype));
    uint64_t elements;
    if (!type)
        return "there is no such datatype";
    if (!tensor_elements(t->shape, t->n_shape, &elements))
        return "a size in the shape is negative or too large";
    return raw.data ? raw_fault(t, type, elements, raw) : typed_fault(t, type, elements);
}
