#include "gateway/core/request_internal.h"

/* The parts of a form are bound as path and query are; the message is written when all are there.
 */

static enum tc_status form_begin(struct exchange *x)
{
    struct tc_form_spec spec = {
        .field = x->route->body,
        .ignore_unknown = x->policy->ignore_unknown_fields,
    };
    x->form = tc_form_new(&spec, &x->binding,
                          headers_get(&x->request.headers, STR("content-type")));
    return x->form ? TC_OK : x->error.status;
}

size_t request_form_feed(struct exchange *x, struct str bytes)
{
    enum tc_status st = x->form ? TC_OK : form_begin(x);
    if (st == TC_OK)
        st = tc_form_feed(x->form, bytes);
    if (st != TC_MORE)
        exchange_fail_input(x, st);
    return bytes.n;
}

static enum tc_status make_mask(struct exchange *x)
{
    struct buf *mask = request_mask_begin(x);
    const struct tc_bound *n = mask ? x->binding.root : NULL;

    while (n && n->field != x->route->body)
        n = n->next;
    return n ? tc_binding_mask(&x->binding, n->child, mask) : TC_OK;
}

void request_form_end(struct exchange *x)
{
    enum tc_status st = x->form ? TC_OK : form_begin(x);
    if (st == TC_OK)
        st = tc_form_finish(x->form);
    if (st == TC_OK)
        st = make_mask(x);
    if (st == TC_OK)
        st = request_message_begin(x);
    if (st == TC_OK)
        st = request_mask_end(x);
    if (st == TC_OK)
        request_message_complete(x);
    else
        exchange_fail_input(x, st);
}
