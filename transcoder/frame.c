#include "transcoder/frame.h"

void tc_deframer_init(struct tc_deframer *d, size_t max_message)
{
    *d = (struct tc_deframer){.header_n = 0};
    buf_init(&d->message, max_message);
}

void tc_deframer_release(struct tc_deframer *d)
{
    buf_release(&d->message);
    tc_deframe_next(d);
}

static void take_header(struct tc_deframer *d, struct str *in)
{
    while (d->header_n < TC_FRAME_HEADER && in->n > 0) {
        d->header[d->header_n++] = (uint8_t)in->p[0];
        *in = str_skip(*in, 1);
    }
}

/* Judged again at every call until tc_deframe_next, which makes errors final. */
static enum tc_status judge_header(struct tc_deframer *d)
{
    if (d->header[0] > 1)
        return TC_INVALID;
    d->compressed = d->header[0] == 1;
    d->want = (size_t)d->header[1] << 24 | (size_t)d->header[2] << 16 | (size_t)d->header[3] << 8 |
              d->header[4];
    return d->want > d->message.max ? TC_LIMIT : TC_OK;
}

enum tc_status tc_deframe(struct tc_deframer *d, struct str *in)
{
    take_header(d, in);
    if (d->header_n < TC_FRAME_HEADER)
        return TC_MORE;
    enum tc_status status = judge_header(d);
    if (status != TC_OK)
        return status;

    /* Room grows with the bytes that came, not with the length that was promised. */
    size_t n = d->want - d->message.n;
    if (n > in->n)
        n = in->n;
    if (!buf_add(&d->message, str_of(in->p, n)))
        return TC_NOMEM;
    *in = str_skip(*in, n);
    return d->message.n == d->want ? TC_OK : TC_MORE;
}

void tc_deframe_next(struct tc_deframer *d)
{
    d->header_n = 0;
    d->want = 0;
    d->compressed = false;
    d->message.n = 0;
}

bool tc_deframer_idle(const struct tc_deframer *d)
{
    return d->header_n == 0;
}

void tc_frame_header(char out[TC_FRAME_HEADER], uint32_t n)
{
    out[0] = 0;
    for (int i = 1; i < TC_FRAME_HEADER; i++)
        out[i] = (char)(n >> (32 - 8 * i) & 0xff);
}
