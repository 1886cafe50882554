/* One path on its way through the tries of a router. Inside of the router only. */
#pragma once

#include "gateway/policy/route_trie.h"

struct part {
    struct str raw, text; /* as sent; percent-decoded once `ready` */
    uint32_t hash;
    bool ready;
};

struct allowed {
    struct str verb;
    struct allowed *next;
};

enum { PARTS_INLINE = 24 };

struct walk {
    struct arena *arena;
    struct str method;
    struct str path;    /* without the first slash and without the verb */
    uint32_t n;         /* segments of it */
    struct part *parts; /* the first ones of them, as many as a template has */
    uint32_t nparts;
    struct allowed *allowed; /* methods that the path would have been taken with */
    bool no_memory;
    struct part room[PARTS_INLINE];
};

/* Cuts `path` into the segments that the router may look at. False: out of memory. */
bool route_walk_split(struct walk *w, const struct router *r, struct str path);
/* The route below `root` that takes the path and the method. NULL: none, or w->no_memory. */
const struct route *route_walk_trie(struct walk *w, const struct node *root);
