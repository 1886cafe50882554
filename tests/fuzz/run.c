/* Runs a target over files: `TARGET FILE...`, without libFuzzer. Each input ends at an unreadable
 * page, so that reading past it is seen in any build. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

static void run(const char *path)
{
    FILE *f = fopen(path, "rb");
    long size = f && fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = (size_t)size;
    size_t room = (n / page + 1) * page;
    char *p = size < 0 ? MAP_FAILED
                       : mmap(NULL, room + page, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(p != MAP_FAILED);
    REQUIRE(mprotect(p + room, page, PROT_NONE) == 0);
    rewind(f);
    REQUIRE(fread(p + room - n, 1, n, f) == n);
    fclose(f);
    LLVMFuzzerTestOneInput((const uint8_t *)p + room - n, n);
    munmap(p, room + page);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        run(argv[i]);
    return 0;
}
