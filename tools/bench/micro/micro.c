/* micro SET TYPE INPUT.json OUT MS: transcodes the input to OUT.pb, that to OUT.json, and says in
 * JSON what a call took, in the quietest of the batches that fit into MS milliseconds of CPU time
 * per direction. MS 0 makes one call of each, for a count of instructions. Exits with 77 when it
 * was built without the library it measures. */
#include "tools/bench/micro/micro.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { OUTPUT_MAX = 1 << 30, BATCH_NS = 2000000 };

typedef bool direction(void *codec, struct str in, struct buf *out);

static void die(const char *what)
{
    fprintf(stderr, "micro: %s\n", what);
    exit(1);
}

static struct str read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        die(path);
    fseek(f, 0, SEEK_END);
    size_t n = (size_t)ftell(f);
    rewind(f);
    char *p = malloc(n + 1);
    if (!p || fread(p, 1, n, f) != n)
        die(path);
    fclose(f);
    return str_of(p, n);
}

static void write_file(const char *stem, const char *suffix, struct str bytes)
{
    char path[4096];
    snprintf(path, sizeof path, "%s.%s", stem, suffix);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes.p, 1, bytes.n, f) != bytes.n || fclose(f) != 0)
        die(path);
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Named for tools that count what is spent below it. */
__attribute__((noinline)) bool micro_call(direction *run, void *codec, struct str in,
                                          struct buf *out);
bool micro_call(direction *run, void *codec, struct str in, struct buf *out)
{
    out->n = 0;
    return run(codec, in, out);
}

static uint64_t batch(direction *run, void *codec, struct str in, struct buf *out, uint64_t calls)
{
    uint64_t start = cpu_ns();
    for (uint64_t i = 0; i < calls; i++)
        if (!micro_call(run, codec, in, out))
            die("a call failed");
    return cpu_ns() - start;
}

/* ns per call */
static double measure(direction *run, void *codec, struct str in, struct buf *out, uint64_t ms)
{
    if (!run(codec, in, out)) /* warms up */
        die("a call failed");
    uint64_t calls = 1, first = batch(run, codec, in, out, 1), spent = 0;
    double best = (double)first;

    if (ms == 0)
        return best;
    while (calls * first < BATCH_NS)
        calls *= 2;
    do {
        uint64_t ns = batch(run, codec, in, out, calls);
        if ((double)ns / (double)calls < best)
            best = (double)ns / (double)calls;
        spent += ns;
    } while (spent < ms * 1000000u);
    return best;
}

int main(int argc, char **argv)
{
    struct buf wire, json;

    if (argc != 6) {
        fprintf(stderr, "usage: micro SET TYPE INPUT.json OUT MS\n");
        return 2;
    }
    if (!micro_codec.open)
        return 77;
    struct str input = read_file(argv[3]);
    uint64_t ms = strtoull(argv[5], NULL, 10);
    void *codec = micro_codec.open(read_file(argv[1]), argv[2]);
    if (!codec)
        die("the schema was refused");
    buf_init(&wire, OUTPUT_MAX);
    buf_init(&json, OUTPUT_MAX);
    double encode = measure(micro_codec.to_protobuf, codec, input, &wire, ms);
    double decode = measure(micro_codec.to_json, codec, buf_str(&wire), &json, ms);
    write_file(argv[4], "pb", buf_str(&wire));
    write_file(argv[4], "json", buf_str(&json));
    printf("{\"input\": %zu, \"protobuf\": %zu, \"json\": %zu, \"to_protobuf_ns\": %.1f, "
           "\"to_json_ns\": %.1f}\n",
           input.n, wire.n, json.n, encode, decode);
    return 0;
}
