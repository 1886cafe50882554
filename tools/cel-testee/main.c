/* cel-testee cases DESCRIPTORS SKIPS FILE.pb...: cel-spec's own cases; DESCRIPTORS hold its protos.
 * cel-testee lines DESCRIPTORS: an expression a line, an answer a line. */
#include <stdio.h>
#include <stdlib.h>

#include "tools/cel-testee/testee.h"
#include "transcoder/schema_compile.h"

void *must(void *memory)
{
    if (memory)
        return memory;
    fprintf(stderr, "cel-testee: out of memory\n");
    exit(2);
}

struct str file_read(struct arena *a, const char *path)
{
    FILE *f = fopen(path, "rb");
    long n;

    if (!f || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) != 0) {
        fprintf(stderr, "cel-testee: cannot read %s\n", path);
        exit(2);
    }
    char *p = must(arena_alloc(a, (size_t)n + 1));
    size_t got = fread(p, 1, (size_t)n, f);
    fclose(f);
    return str_of(p, got);
}

static const struct tc_schema *schema_read(struct arena *a, const char *path)
{
    struct tc_faults faults;

    tc_faults_init(&faults, a);
    const struct tc_schema *schema = schema_compile(file_read(a, path), a, &faults);
    for (const struct tc_fault *f = faults.first; f; f = f->next)
        fprintf(stderr, "%.*s: %.*s\n", STR_ARG(f->place), STR_ARG(f->text));
    if (!schema)
        exit(2);
    return schema;
}

int main(int argc, char **argv)
{
    struct arena a;
    int status = 2;

    arena_init(&a, 1 << 20, ARENA_MAX);
    if (argc > 4 && strcmp(argv[1], "cases") == 0)
        status = suite_run(schema_read(&a, argv[2]), file_read(&a, argv[3]), argv + 4);
    else if (argc == 3 && strcmp(argv[1], "lines") == 0)
        status = lines_run(schema_read(&a, argv[2]));
    else
        fprintf(stderr, "usage: cel-testee cases DESCRIPTORS SKIPS FILE.pb... | lines "
                        "DESCRIPTORS\n");
    arena_release(&a);
    return status;
}
