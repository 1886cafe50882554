#include "transcoder/encode_frames.h"
#include "transcoder/wire.h"

/* Any: {"@type": T, members of T} or, when T has a JSON form of its own, {"@type": T, "value": V}.
 *
 *   EMPTY --"@type"--> TYPE --T--> FIELDS or VALUE              the usual order: read as it comes
 *   EMPTY --other---> SEARCH --"@type"--> TYPE --T--> SEARCH    the object's text is captured until
 * its end, then read once SEARCH --'}'--> FIELDS or VALUE                             more with the
 * type known
 *
 * While captured text is read again all of it is in memory, so that an Any inside it needs no copy
 * of its part. */

static bool is_type(struct str name)
{
    return str_eq(name, STR("@type"));
}

enum tc_status tc_enc_open_any(struct tc_encoder *e, enum tc_json_token t)
{
    enum tc_status st;

    (void)t;
    if (!e->spec.schema)
        return tc_enc_fail(e, TC_INVALID, "an Any cannot be read without a schema");
    st = tc_enc_open(e, TC_ENC_ANY, e->top->field);
    if (st == TC_OK)
        e->top->index = e->lex.depth;
    return st;
}

static enum tc_status close_any(struct tc_encoder *e)
{
    if (e->top->replayed)
        tc_lex_return(&e->lex, &e->top->source);
    return tc_enc_close(e);
}

static enum tc_status end_any(struct tc_encoder *e)
{
    enum tc_status st = close_any(e);

    return st == TC_OK ? tc_enc_value_done(e) : st;
}

/* ---- the type ---- */

static const struct tc_field *box_of(struct tc_encoder *e, const struct tc_message *m)
{
    struct tc_enc_box *b = e->boxes;

    while (b && b->field.message != m)
        b = b->next;
    if (b)
        return &b->field;
    b = arena_alloc(e->arena, sizeof *b);
    if (!b)
        return NULL;
    b->field = (struct tc_field){.name = STR_INIT("value"),
                                 .json_name = STR_INIT("value"),
                                 .message = m,
                                 .number = 2,
                                 .flags = TC_PRESENCE,
                                 .type = TC_MESSAGE,
                                 .tag_len = 1,
                                 .oneof = -1,
                                 .tag = {2 << 3 | TC_LEN}};
    b->next = e->boxes;
    e->boxes = b;
    return &b->field;
}

static bool has_own_json(const struct tc_message *m)
{
    return m->wkt != TC_WKT_NONE && m->wkt != TC_WKT_HTTP_BODY;
}

/* The type is known and its members come next. */
static enum tc_status begin_contents(struct tc_encoder *e)
{
    struct tc_enc_frame *f = e->top;
    const struct tc_field *box = box_of(e, f->message);
    bool replayed = f->replayed;
    enum tc_status st;

    if (!box)
        return tc_enc_no_memory(e);
    f->before = tc_enc_spot(e);
    if (has_own_json(f->message)) {
        f->state = TC_ANY_VALUE;
        return TC_OK;
    }
    f->state = TC_ANY_FIELDS;
    f->field = box;
    st = tc_enc_open_message(e, TC_JSON_OBJECT);
    if (st == TC_OK) {
        e->top->in_any = true;
        e->top->replayed = replayed;
    }
    return st;
}

static enum tc_status on_type(struct tc_encoder *e, struct str url)
{
    struct tc_enc_frame *f = e->top;
    size_t slash = url.n;

    while (slash && url.p[slash - 1] != '/')
        slash--;
    f->message = slash ? tc_schema_message(e->spec.schema, str_skip(url, slash)) : NULL;
    if (!f->message)
        return tc_enc_fail_member(e, STR("@type"), TC_INVALID, "the type \"%.*s\" is not known",
                                  (int)(url.n < 200 ? url.n : 200), url.n ? url.p : "");
    if (!tc_put_bytes(e->out, 1, url))
        return tc_enc_full(e, url.n + 11);
    f->state = TC_ANY_SEARCH;
    return e->capture ? TC_OK : begin_contents(e);
}

static enum tc_status type_token(struct tc_encoder *e, enum tc_json_token t)
{
    if (t != TC_JSON_STRING)
        return tc_enc_fail_member(e, STR("@type"), TC_INVALID, "expected a string, found %s",
                                  tc_json_token_name(t));
    return tc_enc_text(e, TC_TEXT_TO_SCRATCH, on_type);
}

/* ---- "@type" comes first, or not ---- */

static struct buf *captured_in(struct tc_encoder *e)
{
    return e->spec.late ? e->spec.late : &e->captured;
}

static enum tc_status on_first_name(struct tc_encoder *e, struct str name)
{
    e->top->state = is_type(name) ? TC_ANY_TYPE : TC_ANY_SEARCH;
    if (is_type(name))
        e->capture = NULL;
    return TC_OK;
}

static enum tc_status first_token(struct tc_encoder *e, enum tc_json_token t)
{
    if (t == TC_JSON_OBJECT_END)
        return end_any(e); /* {} is an Any of no type */
    e->capture = e->lex.in.p - 1;
    e->capture_base = e->lex.token;
    captured_in(e)->n = 0;
    return tc_enc_text(e, TC_TEXT_TO_SCRATCH, on_first_name);
}

static enum tc_status capture(struct tc_encoder *e, const char *end)
{
    struct str part = str_of(e->capture, (size_t)(end - e->capture));
    enum tc_status st = TC_OK;

    if (e->spec.late)
        return buf_add(e->spec.late, part) ? TC_OK : tc_enc_no_memory(e);
    if (part.n > e->captured.cap - e->captured.n)
        st = tc_enc_grow(e, &e->captured, part.n, SIZE_MAX);
    if (st == TC_OK)
        (void)buf_add(&e->captured, part);
    return st;
}

enum tc_status tc_enc_keep_captured(struct tc_encoder *e)
{
    enum tc_status st = capture(e, e->lex.in.end);

    return st == TC_OK ? TC_MORE : st;
}

/* The whole of what was captured; no copy when it lies in one piece. */
static enum tc_status captured_text(struct tc_encoder *e, struct str *text)
{
    enum tc_status st = TC_OK;

    *text = str_of(e->capture, (size_t)(e->lex.in.p - e->capture));
    if (!captured_in(e)->n)
        return TC_OK;
    st = capture(e, e->lex.in.p);
    *text = buf_str(captured_in(e));
    return st;
}

static bool in_replay(const struct tc_encoder *e)
{
    for (const struct tc_enc_frame *f = e->frames; f < e->top; f++)
        if (f->kind == TC_ENC_ANY && f->replayed)
            return true;
    return false;
}

/* Of late types in one another each makes what is inside it be read once more. */
static enum tc_status count_replay(struct tc_encoder *e, size_t n)
{
    if (!in_replay(e))
        e->kept += n;
    e->replayed += n;
    if (e->replayed <= TC_ENCODE_REPLAY_FREE ||
        (e->replayed - TC_ENCODE_REPLAY_FREE) / TC_ENCODE_REPLAY_FACTOR <= e->kept)
        return TC_OK;
    return tc_enc_fail(e, TC_LIMIT,
                       "too many Anys in one another have their \"@type\" behind other members; "
                       "write it first");
}

static enum tc_status replay(struct tc_encoder *e)
{
    struct str text;
    enum tc_status st;

    if (!e->top->message)
        return tc_enc_fail(e, TC_INVALID, "an Any must say what it holds: \"@type\" is missing");
    st = captured_text(e, &text);
    if (st == TC_OK)
        st = count_replay(e, text.n);
    if (st != TC_OK)
        return st;
    e->capture = NULL;
    tc_lex_redirect(&e->lex, text, e->capture_base, &e->top->source);
    e->top->replayed = true;
    return begin_contents(e);
}

static enum tc_status on_searched_name(struct tc_encoder *e, struct str name)
{
    if (!is_type(name))
        return TC_OK;
    if (e->top->message)
        return tc_enc_fail_member(e, name, TC_INVALID, "\"@type\" is given twice");
    e->top->state = TC_ANY_TYPE;
    return TC_OK;
}

static enum tc_status nothing(struct tc_encoder *e, struct str text)
{
    (void)e;
    (void)text;
    return TC_OK;
}

static enum tc_status search_token(struct tc_encoder *e, enum tc_json_token t)
{
    if (t == TC_JSON_OBJECT_END && e->lex.depth < e->top->index)
        return replay(e);
    if (t == TC_JSON_KEY && e->lex.depth == e->top->index)
        return tc_enc_text(e, TC_TEXT_TO_SCRATCH, on_searched_name);
    if (t == TC_JSON_KEY || t == TC_JSON_STRING)
        return tc_enc_text(e, TC_TEXT_TO_NOWHERE, nothing);
    return TC_OK;
}

/* ---- {"@type": ..., "value": ...} ---- */

static enum tc_status on_value_name(struct tc_encoder *e, struct str name)
{
    struct tc_enc_frame *f = e->top;

    if (is_type(name) && f->replayed)
        return tc_enc_skip(e);
    if (is_type(name) || (f->number && str_eq(name, STR("value"))))
        return tc_enc_fail_member(e, name, TC_INVALID, "\"%.*s\" is given twice", STR_ARG(name));
    if (str_eq(name, STR("value"))) {
        f->field = box_of(e, f->message);
        f->number = 1;
        return TC_OK;
    }
    if (e->spec.ignore_unknown_fields)
        return tc_enc_skip(e);
    return tc_enc_fail_member(e, name, TC_INVALID, "%.*s in an Any has \"value\" and nothing else",
                              STR_ARG(f->message->full_name));
}

static enum tc_status value_token(struct tc_encoder *e, enum tc_json_token t)
{
    struct tc_enc_frame *f = e->top;

    if (t == TC_JSON_KEY)
        return tc_enc_text(e, TC_TEXT_TO_SCRATCH, on_value_name);
    if (t != TC_JSON_OBJECT_END)
        return tc_enc_value(e, tc_enc_row(f->field), t);
    if (!f->number)
        return tc_enc_fail(e, TC_INVALID, "%.*s in an Any must have a \"value\"",
                           STR_ARG(f->message->full_name));
    return end_any(e);
}

enum tc_status tc_enc_any_token(struct tc_encoder *e, enum tc_json_token t)
{
    static const tc_enc_value_fn on[] = {
        [TC_ANY_EMPTY] = first_token,
        [TC_ANY_TYPE] = type_token,
        [TC_ANY_SEARCH] = search_token,
        [TC_ANY_VALUE] = value_token,
    };

    return on[e->top->state](e, t);
}

enum tc_status tc_enc_any_done(struct tc_encoder *e, bool *up)
{
    struct tc_enc_frame *f = e->top;

    if (e->out->n == f->before.n + 2) /* key and a length of 0: an empty value is not written */
        e->out->n = f->before.n;
    f->field = NULL;
    if (f->state == TC_ANY_VALUE)
        return TC_OK;
    *up = true;
    return close_any(e);
}

/* ---- values that are read over ---- */

enum tc_status tc_enc_skip(struct tc_encoder *e)
{
    enum tc_status st = tc_enc_push(e, TC_ENC_SKIP, NULL);

    e->top->index = e->lex.depth;
    return st;
}

static enum tc_status skipped(struct tc_encoder *e, struct str text)
{
    (void)text;
    if (e->lex.depth == e->top->index)
        tc_enc_pop(e);
    return TC_OK;
}

enum tc_status tc_enc_skip_token(struct tc_encoder *e, enum tc_json_token t)
{
    if (t == TC_JSON_KEY)
        return tc_enc_text(e, TC_TEXT_TO_NOWHERE, nothing);
    if (t == TC_JSON_STRING)
        return tc_enc_text(e, TC_TEXT_TO_NOWHERE, skipped);
    return skipped(e, STR_NONE);
}
