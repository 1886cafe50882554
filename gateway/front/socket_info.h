/* What the kernel knows of a connected socket. */
#pragma once

#include <stdint.h>

/* Bytes received in its life; 0 where the kernel does not say (unix sockets). */
uint64_t socket_received(int fd);
