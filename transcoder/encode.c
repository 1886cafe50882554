#include "transcoder/encode_frames.h"

enum { DEPTH = 100 };

/* The value at the top is that of a field, or a message that stands for itself. */
static void begin_root(struct tc_encoder *e, struct tc_enc_frame *root)
{
    const struct tc_field *field = e->spec.field;

    *root = (struct tc_enc_frame){.kind = TC_ENC_ROOT, .slot = TC_ENC_NO_SLOT, .keyed = true};
    root->field = field ? field : &e->whole;
    if (!field) {
        root->node = e->spec.bound ? &e->whole_node : NULL;
        return;
    }
    root->drop_zero = !(field->flags & TC_PRESENCE) && field->oneof < 0;
    root->bound = root->node = e->spec.bound;
    while (root->node && root->node->field != field)
        root->node = root->node->next;
}

static void begin(struct tc_encoder *e)
{
    begin_root(e, &e->frames[0]);
    e->top = &e->frames[0];
    e->nframes = 1;
    e->nslots = e->extra = e->nmarks = 0;
    e->keys.used = 0;
    e->text_done = NULL;
    e->capture = NULL;
    e->captured.n = e->kept = e->replayed = 0;
    e->complete = false;
    e->status = TC_MORE;
}

struct tc_encoder *tc_encoder_new(struct arena *arena, const struct tc_encode_spec *spec,
                                  struct buf *out, struct tc_error *error)
{
    struct tc_encoder *e = arena_alloc(arena, sizeof *e);

    if (!e)
        return NULL;
    e->arena = arena;
    e->spec = *spec;
    e->out = out;
    e->error = error;
    e->whole = (struct tc_field){.type = TC_GROUP, .message = spec->message, .oneof = -1};
    e->whole.flags = TC_PRESENCE;
    e->whole_node = (struct tc_bound){.child = (struct tc_bound *)spec->bound};
    if (!tc_lex_init(&e->lex, arena, spec->max_depth ? spec->max_depth : DEPTH) ||
        tc_enc_push(e, TC_ENC_ROOT, NULL) != TC_OK)
        return NULL;
    begin(e);
    return e;
}

void tc_encode_reset(struct tc_encoder *e)
{
    tc_lex_reset(&e->lex, 0);
    if (e->cap_marks)
        memset(e->marks, 0, e->cap_marks * sizeof *e->marks); /* an error may have left some */
    e->in_stream = false;
    begin(e);
}

void tc_enc_reset_at(struct tc_encoder *e, size_t offset, uint32_t index)
{
    tc_encode_reset(e);
    tc_lex_reset(&e->lex, offset);
    e->in_stream = true;
    e->index = index;
}

static const tc_enc_value_fn on_token[TC_ENC_KINDS] = {
    [TC_ENC_ROOT] = tc_enc_root_token, [TC_ENC_MESSAGE] = tc_enc_message_token,
    [TC_ENC_LIST] = tc_enc_list_token, [TC_ENC_MAP] = tc_enc_map_token,
    [TC_ENC_WRAP] = tc_enc_root_token, [TC_ENC_ANY] = tc_enc_any_token,
    [TC_ENC_SKIP] = tc_enc_skip_token,
};

/* Goes on until the value is complete, the piece is used up or something is wrong. */
static enum tc_status run(struct tc_encoder *e)
{
    enum tc_status st = e->text_done ? tc_enc_text_resume(e) : TC_OK;

    while (st == TC_OK && !e->complete) {
        enum tc_json_token t = tc_lex_next(&e->lex);

        if (t < TC_JSON_MORE)
            st = on_token[e->top->kind](e, t);
        else
            st = t == TC_JSON_MORE ? TC_MORE : tc_enc_lex_failed(e);
    }
    return st;
}

enum tc_status tc_encode_feed_some(struct tc_encoder *e, struct str json, size_t *used)
{
    enum tc_status st;

    *used = 0;
    if (e->complete || e->status != TC_MORE)
        return e->status;
    tc_lex_feed(&e->lex, json);
    if (e->capture)
        e->capture = e->lex.in.p;
    st = run(e);
    if (st == TC_MORE && e->capture)
        st = tc_enc_keep_captured(e);
    *used = st == TC_OK ? (size_t)(e->lex.in.p - e->lex.in.piece) : json.n;
    e->status = st;
    return st;
}

enum tc_status tc_encode_feed(struct tc_encoder *e, struct str json)
{
    size_t used;

    if (e->complete && e->status == TC_OK) {
        tc_lex_feed(&e->lex, json);
    } else if (tc_encode_feed_some(e, json, &used) != TC_OK) {
        return e->status;
    }
    if (!tc_lex_trailing(&e->lex))
        e->status = tc_enc_lex_failed(e);
    return e->status;
}

static enum tc_status cut_short(struct tc_encoder *e)
{
    e->lex.token = tc_lex_offset(&e->lex);
    if (!tc_lex_begun(&e->lex))
        return tc_enc_fail(e, TC_INVALID, "no JSON at all: expected %s",
                           tc_enc_row(e->frames[0].field)->expected);
    return tc_enc_fail(e, TC_INVALID, "the JSON text is cut short");
}

/* A number at the top level ends where the input ends. */
static enum tc_status last_number(struct tc_encoder *e)
{
    enum tc_json_token t = e->status == TC_MORE && !e->text_done ? tc_lex_end(&e->lex)
                                                                 : TC_JSON_MORE;

    if (t == TC_JSON_BAD)
        return tc_enc_lex_failed(e);
    return t == TC_JSON_NUMBER ? tc_enc_root_token(e, t) : cut_short(e);
}

enum tc_status tc_encode_finish(struct tc_encoder *e)
{
    if (e->status == TC_MORE)
        e->status = last_number(e);
    if (e->status == TC_OK)
        e->status = tc_enc_widen(e, 0, 0);
    return e->status;
}
