/* Server reflection (grpc.reflection.v1 and v1alpha): a server tells its own schema, so that
 * grpcurl or `postern --reflect` need no .proto files. Generate with --postern_opt=descriptors=yes
 * and hand over what that gives:
 *
 *     struct reflection *r = reflection_new(&postern_descriptors_demo_v1_echo, 1);
 *     services[n++] = reflection_service(r, REFLECTION_V1);
 *     services[n++] = reflection_service(r, REFLECTION_V1ALPHA);
 *
 * A file descriptor is answered together with all that it imports. Read-only after reflection_new.
 */
#pragma once

#include "stubs/server.h"

struct reflection;

/* `sets`: serialized FileDescriptorSets, static; a file that stands in several counts once. The
 * services listed are all that they declare, and reflection's own. NULL: out of memory or a set is
 * malformed. */
struct reflection *reflection_new(const struct str *sets, size_t n);
void reflection_free(struct reflection *r);

enum reflection_version { REFLECTION_V1, REFLECTION_V1ALPHA };
/* For server_options.services. */
struct server_service reflection_service(struct reflection *r, enum reflection_version version);
