/* conformance-testee DESCRIPTOR_SET: speaks with protobuf's conformance_test_runner over standard
 * input and output, in frames of a 4-byte little-endian length and the message. `make conformance`
 * starts it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/conformance-testee/testee.h"
#include "transcoder/schema_compile.h"

enum {
    FRAME_MAX = 256 << 20,
    SCHEMA_MAX = 64 << 20,
    CHUNK = 64 << 10,
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "conformance-testee: %s\n", what);
    exit(2);
}

static struct str read_file(const char *path, struct buf *b)
{
    FILE *f = fopen(path, "rb");
    size_t n = CHUNK;

    if (!f)
        die("the descriptor set cannot be opened");
    buf_init(b, SCHEMA_MAX);
    while (n == CHUNK) {
        char *to = buf_reserve(b, CHUNK);

        if (!to)
            die("the descriptor set is too large");
        n = fread(to, 1, CHUNK, f);
        b->n += n;
    }
    if (ferror(f))
        die("the descriptor set cannot be read");
    fclose(f);
    return buf_str(b);
}

static const struct tc_schema *load(const char *path, struct arena *arena)
{
    struct tc_faults faults;
    struct buf bytes;
    const struct tc_schema *schema;

    tc_faults_init(&faults, arena);
    schema = schema_compile(read_file(path, &bytes), arena, &faults);
    buf_release(&bytes);
    for (const struct tc_fault *f = faults.first; f; f = f->next)
        fprintf(stderr, "%.*s: %.*s\n", STR_ARG(f->place), STR_ARG(f->text));
    if (!schema)
        die("the descriptor set has faults");
    return schema;
}

/* False at the end of the input. */
static bool read_frame(struct buf *frame)
{
    unsigned char head[4];
    size_t n = fread(head, 1, sizeof head, stdin);
    char *to;

    if (n == 0)
        return false;
    n = (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
    frame->n = 0;
    to = buf_reserve(frame, n);
    if (!to || fread(to, 1, n, stdin) != n)
        die("a frame is cut short or too large");
    frame->n = n;
    return true;
}

static void write_frame(const struct buf *frame)
{
    unsigned char head[4];

    for (size_t i = 0; i < sizeof head; i++)
        head[i] = (unsigned char)(frame->n >> (8 * i));
    if (fwrite(head, 1, sizeof head, stdout) != sizeof head ||
        fwrite(frame->p, 1, frame->n, stdout) != frame->n || fflush(stdout))
        die("the runner does not read");
}

int main(int argc, char **argv)
{
    struct arena schema_arena, arena;
    struct buf request, response;
    const struct tc_schema *schema;

    if (argc != 2)
        die("usage: conformance-testee DESCRIPTOR_SET");
    arena_init(&schema_arena, CHUNK, SCHEMA_MAX);
    arena_init(&arena, CHUNK, FRAME_MAX);
    buf_init(&request, FRAME_MAX);
    buf_init(&response, FRAME_MAX);
    schema = load(argv[1], &schema_arena);
    while (read_frame(&request)) {
        response.n = 0;
        if (!testee_answer(schema, buf_str(&request), &arena, &response))
            die("a request makes no sense, or memory is short");
        write_frame(&response);
        arena_reset(&arena);
    }
    buf_release(&response);
    buf_release(&request);
    arena_release(&arena);
    arena_release(&schema_arena);
    return 0;
}
