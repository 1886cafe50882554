#include "gateway/load_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 64 << 10 };

bool load_file(const char *path, size_t max, struct buf *out, struct tc_faults *faults)
{
    buf_init(out, max + 1); /* so that the end of a file of `max` bytes is seen */
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0) {
        size_t want = buf_room(out) < PIECE ? buf_room(out) : PIECE;
        char *room = want ? buf_reserve(out, want) : NULL;
        if (!room) {
            if (want)
                tc_fault_add(faults, str_c(path), "out of memory");
            else
                tc_fault_add(faults, str_c(path), "larger than %zu bytes", max);
            break;
        }
        n = read(fd, room, want);
        out->n += n > 0 ? (size_t)n : 0;
    }
    if (n < 0)
        tc_fault_add(faults, str_c(path), "%s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return n == 0;
}

struct str load_beside(const char *config, struct str path, struct arena *arena)
{
    const char *slash = config ? strrchr(config, '/') : NULL;
    if (path.n == 0 || path.p[0] == '/' || !slash)
        return path;
    return arena_printf(arena, "%.*s/%.*s", (int)(slash - config), config, STR_ARG(path));
}
