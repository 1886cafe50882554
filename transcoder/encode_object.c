#include "transcoder/encode_frames.h"
#include "transcoder/number.h"
#include "transcoder/value_text.h"
#include "transcoder/wire.h"

/* ---- what path and query have bound ---- */

static const struct tc_bound *node_of(const struct tc_bound *bound, const struct tc_field *f)
{
    while (bound && bound->field != f)
        bound = bound->next;
    return bound;
}

static bool is_leaf(const struct tc_bound *node)
{
    return node && !node->child;
}

static const char *binder(const struct tc_bound *node)
{
    while (node->child)
        node = node->child;
    return node->from_path ? "path" : "query";
}

/* A oneof of which path or query have set another member. */
static enum tc_status check_bound_oneof(struct tc_encoder *e)
{
    const struct tc_field *f = e->top->field;

    for (const struct tc_bound *b = e->top->bound; b; b = b->next)
        if (b->field != f && b->field->oneof == f->oneof)
            return tc_enc_fail(e, TC_INVALID, "\"%.*s\" of the same oneof is set by the %s",
                               STR_ARG(b->field->json_name), binder(b));
    return TC_OK;
}

/* The body's value stands at the end of `out`: it must be the bound one, and then it need not be
 * sent twice. */
static enum tc_status check_bound(struct tc_encoder *e)
{
    struct tc_enc_frame *f = e->top;
    const struct buf *wire = &f->node->wire;
    enum tc_status st = tc_enc_widen(e, f->before.nslots, f->before.extra);
    bool same;

    if (st != TC_OK)
        return st;
    same = wire->n ? str_eq(str_skip(buf_str(e->out), f->before.n), buf_str(wire))
                   : tc_enc_all_zero(e, f->before.n + f->field->tag_len);
    tc_enc_back(e, &f->before);
    if (!same)
        return tc_enc_fail(e, TC_INVALID, "is set by the %s and cannot be changed by the body",
                           binder(f->node));
    return TC_OK;
}

/* ---- messages ---- */

enum tc_status tc_enc_open_message(struct tc_encoder *e, enum tc_json_token t)
{
    const struct tc_field *from = e->top->field;
    const struct tc_bound *node = e->top->node;
    const struct tc_message *m = from->message;
    enum tc_status st = tc_enc_open(e, TC_ENC_MESSAGE, from);
    struct tc_enc_frame *f = e->top;

    (void)t;
    if (st != TC_OK)
        return st;
    f->message = m;
    f->bound = node ? node->child : NULL;
    f->required = m->nrequired;
    for (const struct tc_bound *b = f->bound; b; b = b->next)
        f->required = (uint16_t)(f->required - (b->field->flags & TC_REQUIRED ? 1 : 0));
    return tc_enc_take_marks(e, (uint32_t)m->nfields + m->noneofs);
}

static enum tc_status missing_required(struct tc_encoder *e)
{
    const struct tc_enc_frame *f = e->top;
    const struct tc_field *missing = f->message->fields;

    while (!(missing->flags & TC_REQUIRED) || node_of(f->bound, missing) ||
           tc_enc_marked(e, (uint32_t)(missing - f->message->fields)))
        missing++;
    return tc_enc_fail_member(e, missing->json_name, TC_INVALID,
                              "the required field \"%.*s\" is missing",
                              STR_ARG(missing->json_name));
}

static enum tc_status close_message(struct tc_encoder *e)
{
    enum tc_status st;

    if (e->top->required)
        return missing_required(e);
    tc_enc_drop_marks(e);
    st = e->spec.mask ? tc_enc_mask_message(e) : TC_OK;
    if (st == TC_OK)
        st = tc_enc_close(e);
    return st == TC_OK ? tc_enc_value_done(e) : st;
}

static enum tc_status unknown_member(struct tc_encoder *e, struct str name)
{
    if (e->spec.ignore_unknown_fields)
        return tc_enc_skip(e);
    if (name.n > 100)
        name.n = 100; /* the path holds more of it */
    return tc_enc_fail_member(e, name, TC_INVALID, "%.*s has no field \"%.*s\"",
                              STR_ARG(e->top->message->full_name), STR_ARG(name));
}

/* "@type" among the members of a message in an Any: it was read when the type was looked for, or it
 * is there twice. */
static enum tc_status type_member(struct tc_encoder *e, struct str name)
{
    if (e->top->replayed)
        return tc_enc_skip(e);
    return tc_enc_fail_member(e, name, TC_INVALID, "\"@type\" is given twice");
}

/* Senders write fields mostly in the order of the schema: the next one is tried before the hash
 * table is asked. */
static const struct tc_field *find_member(const struct tc_enc_frame *f, struct str name)
{
    const struct tc_message *m = f->message;

    if (f->expect < m->nfields && str_eq(m->fields[f->expect].json_name, name))
        return &m->fields[f->expect];
    return tc_field_by_name(m, name);
}

static enum tc_status on_member_name(struct tc_encoder *e, struct str name)
{
    struct tc_enc_frame *f = e->top;
    const struct tc_field *field;
    uint32_t i;

    if (f->in_any && str_eq(name, STR("@type")))
        return type_member(e, name);
    field = find_member(f, name);
    if (!field)
        return unknown_member(e, name);
    i = (uint32_t)(field - f->message->fields);
    if (tc_enc_mark(e, i))
        return tc_enc_fail_member(e, name, TC_INVALID, "\"%.*s\" is given twice",
                                  STR_ARG(field->json_name));
    f->expect = (uint16_t)(i + 1);
    f->field = field;
    f->drop_zero = !(field->flags & TC_PRESENCE) && field->oneof < 0;
    f->node = f->bound ? node_of(f->bound, field) : NULL;
    return TC_OK;
}

enum tc_status tc_enc_member_begins(struct tc_encoder *e)
{
    struct tc_enc_frame *f = e->top;
    const struct tc_field *field = f->field;
    const struct tc_message *m = f->message;
    enum tc_status st = TC_OK;

    if (m && field->oneof >= 0 && tc_enc_mark(e, (uint32_t)m->nfields + (uint32_t)field->oneof))
        return tc_enc_fail(e, TC_INVALID, "another field of the oneof \"%.*s\" is set already",
                           STR_ARG(m->oneofs[field->oneof]));
    if (f->bound && field->oneof >= 0)
        st = check_bound_oneof(e);
    if (field->flags & TC_REQUIRED && !f->node && f->required)
        f->required--;
    if (is_leaf(f->node)) {
        f->before = tc_enc_spot(e);
        f->drop_zero = false;
    }
    return st;
}

/* JSON's null is a field that is not set. */
static enum tc_status absent(struct tc_encoder *e)
{
    struct tc_enc_frame *f = e->top;

    if (f->field->flags & TC_REQUIRED && !f->node)
        return tc_enc_fail(e, TC_INVALID, "a required field cannot be null");
    f->field = NULL;
    f->node = NULL;
    return TC_OK;
}

static enum tc_status member_value(struct tc_encoder *e, enum tc_json_token t)
{
    const struct tc_field *field = e->top->field;
    enum tc_status st = e->spec.mask ? tc_enc_mask_member(e, t) : TC_OK;

    if (st != TC_OK)
        return st;
    if (t == TC_JSON_NULL && (field->flags & TC_REPEATED || !tc_enc_takes_null(field)))
        return absent(e);
    if (field->oneof >= 0 || field->flags & TC_REQUIRED || e->top->node)
        st = tc_enc_member_begins(e);
    return st == TC_OK ? tc_enc_value(e, tc_enc_row(field), t) : st;
}

enum tc_status tc_enc_message_token(struct tc_encoder *e, enum tc_json_token t)
{
    if (t == TC_JSON_KEY)
        return tc_enc_text(e, TC_TEXT_TO_SCRATCH, on_member_name);
    return t == TC_JSON_OBJECT_END ? close_message(e) : member_value(e, t);
}

enum tc_status tc_enc_member_done(struct tc_encoder *e, bool *up)
{
    struct tc_enc_frame *f = e->top;
    enum tc_status st = is_leaf(f->node) ? check_bound(e) : TC_OK;

    (void)up;
    f->node = NULL;
    if (st == TC_OK)
        f->field = NULL;
    return st;
}

/* ---- maps: a repeated message of a key and a value ---- */

enum tc_status tc_enc_open_map(struct tc_encoder *e, enum tc_json_token t)
{
    enum tc_status st = tc_enc_push(e, TC_ENC_MAP, e->top->field);

    (void)t;
    e->top->begin = e->out->n;
    return st;
}

static enum tc_status entry_begun(struct tc_encoder *e)
{
    struct tc_enc_frame *f = e->top;

    f->field = &f->from->message->fields[1];
    f->state = 1;
    return tc_enc_note_key(e, str_skip(buf_str(e->out), f->key_at));
}

static enum tc_status string_key_done(struct tc_encoder *e, struct str text)
{
    struct tc_enc_frame *f = e->top;

    size_t extra = e->extra;
    enum tc_status st = TC_OK;

    (void)text;
    f->key_at = e->slots[e->text_slot].pos;
    f->nkey = e->out->n - f->key_at - 1;
    tc_enc_close_slot(e, e->text_slot);
    if (e->nslots > e->text_slot) /* keys are compared with their lengths */
        st = tc_enc_widen(e, e->text_slot, extra);
    f->key = e->out->n - f->nkey;
    return st == TC_OK ? entry_begun(e) : st;
}

static enum tc_status put_key(struct tc_encoder *e, struct str text)
{
    struct tc_enc_frame *f = e->top;
    const struct tc_field *k = &f->from->message->fields[0];
    char why[TC_ERROR_TEXT_MAX];
    int64_t number;
    enum tc_status st;

    f->key_at = e->out->n;
    st = tc_value_text(e->out, k, text, TC_TEXT_PARAMETER, why);
    if (st == TC_INVALID)
        return tc_enc_fail(e, st, "the key of a map entry %s", why);
    if (st != TC_OK)
        return tc_enc_full(e, st == TC_LIMIT ? SIZE_MAX : 0);
    if (tc_parse_int64(text, &number))
        f->number = (uint64_t)number;
    else if (!tc_parse_uint64(text, &f->number))
        f->number = str_eq(text, STR("true"));
    return entry_begun(e);
}

static enum tc_status on_key(struct tc_encoder *e)
{
    struct tc_enc_frame *f = e->top;
    const struct tc_field *k = &f->from->message->fields[0];
    enum tc_status st;

    f->before = tc_enc_spot(e);
    st = tc_enc_tag(e, f->from);
    if (st == TC_OK)
        st = tc_enc_open_slot(e, &f->slot);
    if (st == TC_OK)
        st = tc_enc_tag(e, k);
    if (st == TC_OK && k->type != TC_STRING)
        return tc_enc_text(e, TC_TEXT_TO_SCRATCH, put_key);
    if (st == TC_OK)
        st = tc_enc_open_slot(e, &e->text_slot);
    return st == TC_OK ? tc_enc_text(e, TC_TEXT_TO_OUT, string_key_done) : st;
}

enum tc_status tc_enc_map_token(struct tc_encoder *e, enum tc_json_token t)
{
    const struct tc_field *value = e->top->field;

    if (t == TC_JSON_KEY)
        return on_key(e);
    if (t == TC_JSON_OBJECT_END) {
        tc_enc_drop_keys(e);
        tc_enc_pop(e);
        return tc_enc_value_done(e);
    }
    if (t == TC_JSON_NULL && !tc_enc_takes_null(value))
        return tc_enc_fail(e, TC_INVALID, "null is not allowed as a value of this map");
    return tc_enc_value(e, tc_enc_row(value), t);
}

enum tc_status tc_enc_entry_done(struct tc_encoder *e, bool *up)
{
    struct tc_enc_frame *f = e->top;
    size_t n = e->out->n;

    (void)up;
    tc_enc_close_slot(e, f->slot); /* may move what is in it */
    f->field = NULL;
    f->state = 0;
    return tc_enc_keep_key(e, f->key_at + (e->out->n - n));
}
