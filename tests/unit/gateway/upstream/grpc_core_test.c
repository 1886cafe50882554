#include "gateway/upstream/grpc_core.h"
#include "tests/fakes/channel_contract.h"

int main(void)
{
    return channel_contract(grpc_core_open, CONTRACT_BROKEN_MESSAGES_UNSEEN);
}
