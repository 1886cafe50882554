#include "tests/unit/support/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct guard guard_copy(struct str s)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (s.n + page - 1) / page * page;
    struct guard g = {.size = room + page};

    g.map = mmap(NULL, g.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(g.map != MAP_FAILED);
    assert_int_equal(mprotect((char *)g.map + room, page, PROT_NONE), 0);
    char *p = (char *)g.map + room - s.n;
    if (s.n)
        memcpy(p, s.p, s.n);
    g.s = str_of(p, s.n);
    return g;
}

void guard_release(struct guard *g)
{
    munmap(g->map, g->size);
    *g = (struct guard){STR_NONE, NULL, 0};
}
