/* What the kernel knows of a connected socket. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The peer has sent its last byte; false where the kernel does not say. */
bool socket_peer_ended(int fd);
/* Bytes received in its life; 0 where the kernel does not say (unix sockets). */
uint64_t socket_received(int fd);
