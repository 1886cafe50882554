#include "gateway/upstream/grpc_core.h"
#include "tests/fakes/channel_contract.h"

/* LeakSanitizer asks for it: c-ares 1.18 loses a copy of the name each time it resolves
 * "localhost". */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libcares.so";
}

int main(void)
{
    return channel_contract(grpc_core_open, CONTRACT_BROKEN_MESSAGES_UNSEEN);
}
