#include "gateway/front/socket_info.h"

#include <linux/tcp.h> /* newer than netinet/tcp.h, and not to be mixed with it */
#include <netinet/in.h>
#include <sys/socket.h>

uint64_t socket_received(int fd)
{
    struct tcp_info info = {0};
    socklen_t n = sizeof info;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 ? info.tcpi_bytes_received : 0;
}
