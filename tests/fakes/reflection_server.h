/* A scripted server of grpc.reflection in a process of its own, since who asks it has the thread
 * until all is told. Serves "grpc.reflection.v1.ServerReflection" and one service.
 *
 *     struct reflection_script script = {.service = STR("a.B"), .file = STR("a/b.proto"),
 *                                        .from = REFLECTION_NEVER};
 *     struct reflection_server *s = reflection_server_start(set, &script);
 *     ... s->name ... s->seen.questions ...
 *     reflection_server_stop(s);
 */
#pragma once

#include <stdatomic.h>
#include <sys/types.h>

#include "transcoder/buf.h"

enum { REFLECTION_NEVER = 0x7fffffff };

struct reflection_script {
    struct str service, file; /* what it serves, and the file that it stands in */
    bool no_v1, no_v1alpha;
    bool closure;          /* a file comes with all files there are, the last first */
    struct str missing[2]; /* files that it does not have */
    size_t cut;            /* sends no more than so many bytes of an answer; 0: all */
    uint32_t from;         /* the answer with this number, from 0, and all behind it are, */
    uint32_t times;        /* on the first so many streams, each counted anew; 0: on all, */
    struct str instead;    /* these bytes, if any, or else */
    const char *ending;    /* these trailers, or else */
    bool reset;            /* RST_STREAM, or else nothing */
};

/* Changes while it runs. */
struct reflection_seen {
    atomic_uint questions, for_files, streams, resets, half_closes;
};

struct reflection_server {
    char name[128]; /* its address */
    struct reflection_seen seen;
    struct reflection_script script; /* may be changed between two who ask */
    pid_t pid;
};

/* `set` is a FileDescriptorSet. It, and what the script points to, must not change while the server
 * runs. NULL: it did not come up. */
struct reflection_server *reflection_server_start(struct str set,
                                                  const struct reflection_script *script);
void reflection_server_stop(struct reflection_server *s);
