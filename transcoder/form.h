/* multipart/form-data -> what it binds in a request message: each part is a field, named as a query
 * parameter is ("prompt", "image.data", "counts[a]").
 *
 *     struct tc_form *f = tc_form_new(&spec, &binding, content_type);
 *     st = tc_form_feed(f, piece);              // TC_MORE: go on
 *     st = tc_form_finish(f);                   // TC_OK: the binding has all parts
 *     tc_form_release(f);
 *
 * An HttpBody takes the part's bytes and its Content-Type (text/plain where it has none, RFC 7578
 * 4.4). Bytes, a BytesValue too and the values of a map, are the part's bytes as they are, whether
 * it has a filename or not. Every other part is text and binds as a query parameter does.
 * What the path has bound a part may repeat but not change; a singular field comes once. Memory:
 * what the fields hold, and one part's text. */
#pragma once

#include "transcoder/bind.h"
#include "transcoder/multipart.h"

struct tc_form_spec {
    const struct tc_field *field; /* google.api.http body: "field": parts are its fields; NULL:
                                     those of the request message */
    bool ignore_unknown;          /* parts that name no field are skipped instead of refused */
    uint32_t max_depth;           /* of a.b.c; 0 means 32 */
};

struct tc_form;

/* True when a message has somewhere to put a file: a bytes or HttpBody field, in itself or in a
 * message of its own that is not repeated. */
bool tc_form_takes_files(const struct tc_message *m);

/* NULL with the error noted in the binding's: no boundary (TC_INVALID), or memory short. Lives in
 * the binding's arena; `content_type` is read now. */
struct tc_form *tc_form_new(const struct tc_form_spec *spec, struct tc_binding *binding,
                            struct str content_type);
/* TC_MORE, or the error: TC_INVALID with field path and offset, TC_LIMIT, TC_NOMEM. */
enum tc_status tc_form_feed(struct tc_form *f, struct str bytes);
enum tc_status tc_form_finish(struct tc_form *f);
/* Frees what the arena does not hold. NULL is fine. */
void tc_form_release(struct tc_form *f);
