#include "stubs/message.h"

#include "transcoder/wire.h"

static void *allocate(void *arena, size_t n)
{
    return arena_alloc(arena, n);
}

static void deallocate(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

ProtobufCMessage *message_unpack(const struct tc_message *type,
                                 const ProtobufCMessageDescriptor *descriptor, struct str bytes,
                                 struct arena *arena, struct tc_error *e)
{
    if (tc_wire_check(type, bytes, TC_WIRE_FOR_C, e) != TC_OK)
        return NULL;
    ProtobufCAllocator memory = {.alloc = allocate, .free = deallocate, .allocator_data = arena};
    ProtobufCMessage *m = protobuf_c_message_unpack(descriptor, &memory, bytes.n,
                                                    (const uint8_t *)(bytes.n ? bytes.p : ""));
    if (!m)
        tc_fail(e, TC_NOMEM, TC_NO_OFFSET, "", "the message needs more memory than is allowed");
    return m;
}

bool message_pack(struct buf *to, const ProtobufCMessage *m)
{
    size_t n = protobuf_c_message_get_packed_size(m);
    char *room = buf_reserve(to, n);
    if (!room)
        return false;
    to->n += protobuf_c_message_pack(m, (uint8_t *)room);
    return true;
}
