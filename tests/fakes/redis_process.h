/* A real redis-server for tests, on a unix socket in a directory of its own.
 *
 *     struct redis_process p;
 *     redis_process_start(&p);             // fails the test when there is none
 *     ... p.endpoint is "unix:/tmp/.../redis.sock"
 *     redis_process_signal(&p, SIGSTOP);
 *     redis_process_kill(&p);              // as kill -9 does
 *     redis_process_again(&p);             // at the same place
 *     redis_process_end(&p);
 */
#pragma once

#include <sys/types.h>

#include "transcoder/str.h"

struct redis_process {
    pid_t pid;
    char directory[64], path[96], endpoint[104];
};

void redis_process_start(struct redis_process *p);
void redis_process_again(struct redis_process *p);
void redis_process_signal(const struct redis_process *p, int signal);
void redis_process_kill(struct redis_process *p);
void redis_process_end(struct redis_process *p);
