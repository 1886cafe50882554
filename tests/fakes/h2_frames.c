#include "tests/fakes/h2_frames.h"

enum { FRAME_HEAD = 9, BUFFER_MAX = 1 << 30 };

void h2_put32(char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (char)(v >> (24 - 8 * i));
}

void h2_put_frame(struct buf *to, uint8_t type, uint8_t flags, uint32_t stream, struct str body)
{
    size_t n = body.n;
    char head[FRAME_HEAD] = {(char)(n >> 16), (char)(n >> 8), (char)n, (char)type, (char)flags};

    h2_put32(head + 5, stream);
    buf_add(to, str_of(head, sizeof head));
    buf_add(to, body);
}

/* HPACK "literal without indexing, new name"; lengths as 7-bit prefix integers. */
static void put_text(struct buf *b, struct str s)
{
    size_t rest = s.n;

    buf_add_char(b, (char)(rest < 127 ? rest : 127));
    if (rest >= 127) {
        for (rest -= 127; rest >= 128; rest >>= 7)
            buf_add_char(b, (char)(rest | 128));
        buf_add_char(b, (char)rest);
    }
    buf_add(b, s);
}

struct buf h2_block(const char *headers)
{
    struct buf b;
    struct str rest = str_c(headers);

    buf_init(&b, BUFFER_MAX);
    while (rest.n) {
        struct str line = str_cut(&rest, '\n');
        size_t colon = 1 + str_find(str_skip(line, 1), ':');
        buf_add_char(&b, 0);
        put_text(&b, str_of(line.p, colon));
        put_text(&b, str_trim(str_skip(line, colon + 1)));
    }
    return b;
}

void h2_put_headers(struct buf *to, uint8_t flags, uint32_t stream, const char *headers)
{
    struct buf block = h2_block(headers);

    h2_put_frame(to, H2_HEADERS, flags | H2_END_HEADERS, stream, buf_str(&block));
    buf_release(&block);
}

void h2_put_message(struct buf *to, uint8_t flags, uint32_t stream, struct str message)
{
    struct buf body;
    char prefix[5] = {0};

    buf_init(&body, BUFFER_MAX);
    h2_put32(prefix + 1, (uint32_t)message.n);
    buf_add(&body, str_of(prefix, sizeof prefix));
    buf_add(&body, message);
    h2_put_frame(to, H2_DATA, flags, stream, buf_str(&body));
    buf_release(&body);
}
