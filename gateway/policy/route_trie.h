/* The router's inside, shared by the half that builds it and the half that reads it.
 *
 * One trie per verb; they hang, keyed by their verb, below `verbs`, the one without a verb under
 * "". A node at depth d stands for the first d segments of a template, so it can only ever be
 * compared with segment d of a path. */
#pragma once

#include "gateway/policy/route.h"

/* A route at the node where its template ends. */
struct taker {
    const struct route *route;
    struct taker *next; /* same node, another method */
};

struct node {
    struct str literal; /* decoded text of the segment that leads here */
    uint32_t hash;      /* of `literal` */
    uint32_t depth;
    struct node *parent;
    struct node **slots; /* literal children: open addressing, linear probing, at most half full */
    uint32_t mask, nchildren; /* slots - 1; no slots when nchildren == 0 */
    struct node *one;         /* `*` */
    struct node *rest;        /* `**`: ends its templates */
    struct taker *takers;
};

struct router {
    struct node verbs;
    size_t verb_max;       /* bytes of the longest verb */
    uint32_t segments_max; /* of one template */
};

/* The literal child of `parent` for `text`, or NULL. */
static inline struct node *node_child(const struct node *parent, struct str text, uint32_t hash)
{
    if (parent->nchildren == 0)
        return NULL;
    for (uint32_t i = hash & parent->mask;; i = (i + 1) & parent->mask) {
        struct node *child = parent->slots[i];
        if (!child || (child->hash == hash && str_eq(child->literal, text)))
            return child;
    }
}
