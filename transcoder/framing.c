#include "transcoder/framing.h"

struct frame_text {
    struct str content_type;
    struct str first, next; /* before a message */
    struct str after;
    struct str end_empty, end;
    struct str error_first, error; /* before the status of a failed stream */
    struct str error_after;
    struct str keepalive;
    bool raw; /* no place for an error */
};

static const struct frame_text texts[TC_FRAMING_COUNT] = {
    [TC_FRAMING_ARRAY] = {.content_type = STR_INIT("application/json"),
                          .first = STR_INIT("["),
                          .next = STR_INIT(","),
                          .end_empty = STR_INIT("[]"),
                          .end = STR_INIT("]"),
                          .error_first = STR_INIT("[{\"error\":"),
                          .error = STR_INIT(",{\"error\":"),
                          .error_after = STR_INIT("}")},
    [TC_FRAMING_NDJSON] = {.content_type = STR_INIT("application/x-ndjson"),
                           .after = STR_INIT("\n"),
                           .error_first = STR_INIT("{\"error\":"),
                           .error = STR_INIT("{\"error\":"),
                           .error_after = STR_INIT("}\n")},
    [TC_FRAMING_SSE] = {.content_type = STR_INIT("text/event-stream"),
                        .first = STR_INIT("data: "),
                        .next = STR_INIT("data: "),
                        .after = STR_INIT("\n\n"),
                        .error_first = STR_INIT("event: error\ndata: "),
                        .error = STR_INIT("event: error\ndata: "),
                        .error_after = STR_INIT("\n\n"),
                        .keepalive = STR_INIT(":\n\n")},
    [TC_FRAMING_RAW] = {.content_type = STR_INIT("application/octet-stream"), .raw = true},
};

struct str tc_framing_content_type(enum tc_framing f)
{
    return texts[f].content_type;
}

bool tc_framing_before(enum tc_framing f, struct buf *out, bool first)
{
    return buf_add(out, first ? texts[f].first : texts[f].next);
}

bool tc_framing_after(enum tc_framing f, struct buf *out)
{
    return buf_add(out, texts[f].after);
}

bool tc_framing_end(enum tc_framing f, struct buf *out, bool empty)
{
    return buf_add(out, empty ? texts[f].end_empty : texts[f].end);
}

bool tc_framing_error(enum tc_framing f, struct buf *out, bool first, struct str status)
{
    size_t before = out->n;
    if (texts[f].raw)
        return true;
    if (buf_add(out, first ? texts[f].error_first : texts[f].error) && buf_add(out, status) &&
        buf_add(out, texts[f].error_after))
        return true;
    out->n = before;
    return false;
}

struct str tc_framing_keepalive(enum tc_framing f)
{
    return texts[f].keepalive;
}
