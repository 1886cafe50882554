#include "gateway/front/http1_internal.h"

/* What MHD refuses by itself it answers with pages of its own, in HTML. Every failure has one shape
 * here, so its one function that makes them is replaced when the program is linked (--wrap); the
 * sentence of the page becomes the message, and the description of a google.rpc.BadRequest where
 * the request is to blame. Without effect where MHD is a shared library. */

#ifndef POSTERN_OLD_MHD

enum { PAGE_MAX = 4096 };

struct MHD_Response *__real_MHD_create_response_from_buffer_static(size_t n, const void *page);
struct MHD_Response *__wrap_MHD_create_response_from_buffer_static(size_t n, const void *page);

/* The text of a page's body, without its tags. */
static void page_text(struct str page, struct buf *out)
{
    const char *body = memmem(page.p, page.n, "<body>", 6);
    struct str rest = body ? str_skip(page, (size_t)(body - page.p)) : page;
    while (rest.n) {
        struct str text = str_cut(&rest, '<');
        (void)str_cut(&rest, '>');
        for (size_t at; (at = str_find(text, '&')) < text.n;) {
            buf_add(out, str_of(text.p, at));
            text = str_skip(text, at);
            (void)str_cut(&text, ';');
            buf_add_char(out, '"'); /* &quot; is the only one it uses */
        }
        buf_add(out, text);
    }
}

/* The one page that says it is not the client's mistake: 501. */
static bool is_unsupported(struct str page)
{
    struct str title = STR("<title>Unsupported ");
    return memmem(page.p, page.n, title.p, title.n) != NULL;
}

static bool page_json(struct str page, struct buf *json, struct arena *arena)
{
    struct tc_error where = {.status = TC_OK};
    struct buf text;
    buf_init(&text, PAGE_MAX);
    page_text(page, &text);
    tc_fail(&where, TC_INVALID, TC_NO_OFFSET, "", "%.*s", STR_ARG(buf_str(&text)));
    struct tc_error_info info = {
        .code = TC_CODE_INVALID_ARGUMENT, .message = buf_str(&text), .where = &where};
    if (is_unsupported(page)) {
        info.code = TC_CODE_UNIMPLEMENTED;
        info.where = NULL;
    }
    bool ok = tc_status_json(json, &info, NULL, arena);
    buf_release(&text);
    return ok;
}

struct MHD_Response *__wrap_MHD_create_response_from_buffer_static(size_t n, const void *page)
{
    struct arena arena;
    struct buf json;
    arena_init(&arena, PAGE_MAX, 4 * PAGE_MAX);
    buf_init(&json, 4 * PAGE_MAX);
    bool ok = page_json(str_of(page, n), &json, &arena);
    struct MHD_Response *r = ok ? MHD_create_response_from_buffer(json.n, json.p,
                                                                  MHD_RESPMEM_MUST_COPY)
                                : __real_MHD_create_response_from_buffer_static(n, page);
    if (ok && r)
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    buf_release(&json);
    arena_release(&arena);
    return r;
}

#endif
