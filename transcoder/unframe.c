#include "transcoder/encode_frames.h"
#include "transcoder/framing.h"

/*   START --'['--> FIRST --value--> IN_ITEM --end--> AFTER --','--> NEXT --value--> IN_ITEM
 *                  '--']'--> CLOSED <-------']'------'
 *   START --any other byte--> IN_VALUE --end--> BETWEEN --value--> IN_VALUE           NDJSON,
 * concatenated values
 */
enum state { START, FIRST, IN_ITEM, AFTER, NEXT, CLOSED, BETWEEN, IN_VALUE, BROKEN };

void tc_unframer_init(struct tc_unframer *u, struct tc_encoder *encoder, struct tc_error *error)
{
    *u = (struct tc_unframer){.encoder = encoder, .error = error, .state = START};
}

static enum tc_status broken(struct tc_unframer *u, const char *expected)
{
    u->state = BROKEN;
    return tc_fail(u->error, TC_INVALID, u->offset, "", "%s", expected);
}

/* The encoder's error is ours. */
static enum tc_status failed(struct tc_unframer *u, enum tc_status st)
{
    const struct tc_error *from = u->encoder->error;

    u->state = BROKEN;
    if (u->error && from && u->error != from)
        *u->error = *from;
    return st;
}

static void begin_message(struct tc_unframer *u)
{
    u->state = u->array ? IN_ITEM : IN_VALUE;
    tc_enc_reset_at(u->encoder, u->offset, u->messages);
}

static void take(struct tc_unframer *u, struct str *in, size_t n)
{
    *in = str_skip(*in, n);
    u->offset += n;
}

static void skip_space(struct tc_unframer *u, struct str *in)
{
    size_t n = 0;

    while (n < in->n &&
           (in->p[n] == ' ' || in->p[n] == '\n' || in->p[n] == '\r' || in->p[n] == '\t'))
        n++;
    take(u, in, n);
}

/* Consumes the byte that decides about what comes next, when it is one between messages. */
static enum tc_status between(struct tc_unframer *u, struct str *in)
{
    char c = *in->p;
    bool close = c == ']' && (u->state == FIRST || u->state == AFTER);

    if (u->state == START && c == '[') {
        u->array = true;
        u->state = FIRST;
    } else if (close) {
        u->state = CLOSED;
    } else if (u->state == AFTER && c == ',') {
        u->state = NEXT;
    } else if (u->state == AFTER) {
        return broken(u, "expected ',' or ']' behind a message");
    } else if (u->state == CLOSED) {
        return broken(u, "expected nothing but white space behind the array");
    } else {
        begin_message(u);
        return TC_OK;
    }
    take(u, in, 1);
    return TC_OK;
}

static enum tc_status end_message(struct tc_unframer *u)
{
    enum tc_status st = tc_encode_finish(u->encoder);

    if (st != TC_OK)
        return failed(u, st);
    u->messages++;
    u->state = u->array ? AFTER : BETWEEN;
    return TC_OK;
}

static enum tc_status in_message(struct tc_unframer *u, struct str *in)
{
    size_t used;
    enum tc_status st = tc_encode_feed_some(u->encoder, *in, &used);

    take(u, in, used);
    if (st == TC_OK)
        return end_message(u);
    return st == TC_MORE ? TC_MORE : failed(u, st);
}

static bool inside(const struct tc_unframer *u)
{
    return u->state == IN_ITEM || u->state == IN_VALUE;
}

enum tc_status tc_unframe(struct tc_unframer *u, struct str *in)
{
    enum tc_status st = u->state == BROKEN ? TC_INVALID : TC_OK;

    while (st == TC_OK) {
        if (inside(u))
            return in_message(u, in);
        skip_space(u, in);
        if (!in->n)
            return TC_MORE;
        st = between(u, in);
    }
    return st;
}

enum tc_status tc_unframe_finish(struct tc_unframer *u)
{
    switch ((enum state)u->state) {
    case START:
    case BETWEEN:
    case CLOSED: return TC_OK;
    case IN_VALUE: return end_message(u) == TC_OK ? TC_MORE : u->encoder->status;
    case IN_ITEM:
        return end_message(u) == TC_OK ? broken(u, "the array is cut short") : u->encoder->status;
    case BROKEN: return TC_INVALID;
    default: return broken(u, "the array is cut short");
    }
}
