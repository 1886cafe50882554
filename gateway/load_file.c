#include "gateway/load_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 64 << 10 };

/* Closes fd; < 0: it could not be opened, errno says why. */
static bool read_all(int fd, const char *path, struct buf *out, struct tc_faults *faults)
{
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0) {
        size_t want = buf_room(out) < PIECE ? buf_room(out) : PIECE;
        char *room = want ? buf_reserve(out, want) : NULL;
        if (!room) {
            if (want)
                tc_fault_add(faults, str_c(path), "out of memory");
            else
                tc_fault_add(faults, str_c(path), "larger than %zu bytes", out->max - 1);
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

bool load_file(const char *path, size_t max, struct buf *out, struct tc_faults *faults)
{
    buf_init(out, max + 1); /* so that the end of a file of `max` bytes is seen */
    return read_all(open(path, O_RDONLY | O_CLOEXEC), path, out, faults);
}

bool load_regular_file(const char *path, size_t max, struct buf *out, struct tc_faults *faults)
{
    struct stat st;
    buf_init(out, max + 1);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || S_ISREG(st.st_mode))
        return read_all(fd, path, out, faults);
    tc_fault_add(faults, str_c(path), "is no regular file");
    close(fd);
    return false;
}

struct str load_beside(const char *config, struct str path, struct arena *arena)
{
    const char *slash = config ? strrchr(config, '/') : NULL;
    if (path.n == 0 || path.p[0] == '/' || !slash)
        return path;
    return arena_printf(arena, "%.*s/%.*s", (int)(slash - config), config, STR_ARG(path));
}
