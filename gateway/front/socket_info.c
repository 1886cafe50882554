#include "gateway/front/socket_info.h"

#include <linux/tcp.h> /* newer than netinet/tcp.h, and not to be mixed with it */
#include <netinet/in.h>
#include <sys/socket.h>

/* As the kernel numbers them (include/net/tcp_states.h), which linux/tcp.h leaves out. */
enum { CLOSE = 7, CLOSE_WAIT = 8, LAST_ACK = 9, CLOSING = 11 };

static struct tcp_info look(int fd)
{
    struct tcp_info info = {0};
    socklen_t n = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) != 0)
        info = (struct tcp_info){0};
    return info;
}

uint64_t socket_received(int fd)
{
    return look(fd).tcpi_bytes_received;
}

bool socket_peer_ended(int fd)
{
    unsigned state = look(fd).tcpi_state;
    return state == CLOSE || state == CLOSE_WAIT || state == LAST_ACK || state == CLOSING;
}
