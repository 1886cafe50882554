/* The router: which route a request takes (google.api.http). A trie over path segments; in each
 * place a literal goes before `*` before `**`, with backtracking, and a verb suffix (":generate")
 * belongs to its route: "llama:7b" is a legal value where no route has the verb "7b". Where one
 * has, the verb goes first, the longest before shorter ones. Cost depends on the path, not on the
 * number of routes.
 *
 * Built once per snapshot, immutable then. The path is matched as it was sent: segments are
 * compared after percent-decoding (once), "%2F" never splits a segment. A slash at the end is one
 * more segment, an empty one, as is what stands between two slashes: `*` takes exactly one segment
 * and needs a byte, `**` takes any number of segments, none and empty ones included. */
#pragma once

#include "gateway/core/plan.h"
#include "transcoder/schema_compile.h"

struct router;

/* A template by the grammar of google/api/http.proto, parsed; the root "/" has no segments. At most
 * one `**`, the last segment; at most 256 segments. */
enum path_segment_kind { SEGMENT_LITERAL, SEGMENT_ONE, SEGMENT_REST };
struct path_segment {
    enum path_segment_kind kind;
    struct str literal; /* percent-decoded */
};
struct path_template {
    struct path_segment *segments;
    uint32_t nsegments;
    struct path_variable_text {
        struct str path;      /* "model.name" */
        uint32_t first, last; /* segments, last exclusive */
    } * variables;
    uint32_t nvariables;
    struct str verb; /* without the colon; empty: none */
};

/* False with a sentence in *why (arena's) that says at which byte what is wrong. */
bool path_template_parse(struct str text, struct arena *arena, struct path_template *out,
                         struct str *why);
/* Where variable `i` lies in a path that the template takes; out->path is left alone. */
void path_template_span(const struct path_template *t, uint32_t i, struct route_variable *out);

/* Two routes that accept the same method and the same paths are a fault that names both. NULL when
 * memory is short or faults were noted. */
struct router *router_build(const struct route *routes, uint32_t n, struct arena *arena,
                            struct tc_faults *faults);

enum route_result { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD, ROUTE_BAD_PATH, ROUTE_NOMEM };

struct route_match {
    const struct route *route;
    const struct str *values; /* one per variable of the route, percent-decoded once, arena's or
                                 slices of `path` */
    struct str allow;         /* ROUTE_NO_METHOD: value for the Allow header, "GET, HEAD, POST" */
};

/* The byte of a path that is ROUTE_BAD_PATH where its first bad segment begins. */
size_t router_bad_at(struct str path);

/* `path` is the raw path of the request target, without the query. HEAD takes GET's route where it
 * has none of its own. ROUTE_BAD_PATH: "%zz", "%00", bytes that are not UTF-8 after decoding,
 * segments "." and ".." in any spelling, a path that does not start with "/". ROUTE_NO_METHOD only
 * when no route of another shape takes the method either. */
enum route_result router_match(const struct router *r, struct str method, struct str path,
                               struct arena *arena, struct route_match *out);
