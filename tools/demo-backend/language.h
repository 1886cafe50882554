/* A language model that needs no weights: words follow from a hash of model, prompt, seed and
 * place, so the same question has the same answer everywhere. A word is a token. Pure. */
#pragma once

#include "gen/demo/v1/text_generation.pb-c.h"
#include "transcoder/arena.h"

struct language {
    const Demo__V1__GenerateRequest *request;
    struct arena *arena;
    uint64_t seed;
    uint32_t limit;                /* tokens at most */
    uint32_t natural;              /* where the model would end by itself */
    uint32_t done;                 /* tokens made */
    struct str text;               /* so far */
    Demo__V1__FinishReason reason; /* unspecified while it goes on */
};

/* `limit`: of the model; the request's max_tokens lowers it. */
void language_init(struct language *l, const Demo__V1__GenerateRequest *request, uint32_t limit,
                   struct arena *arena);
/* The next piece, with a space in front of all but the first; empty with l->reason set when the
 * text has ended. The text ends before the first stop sequence. p == NULL: out of memory. */
struct str language_next(struct language *l);
uint32_t language_count(struct str text);
/* FNV-1a over 64 bits. */
uint64_t language_hash(uint64_t start, struct str s);
