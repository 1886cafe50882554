/* A configuration file: one, or faults with places. */
#include "gateway/config.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tc_faults faults;
    struct arena arena, scratch;
    arena_init(&arena, 4096, 64 << 20);
    arena_init(&scratch, 4096, 16 << 20);
    tc_faults_init(&faults, &scratch);
    struct config *c = config_parse((struct str){(const char *)data, size}, "fuzz.yaml", &arena,
                                    &faults);
    REQUIRE(!c == (faults.count > 0 || faults.out_of_memory));
    arena_release(&arena);
    arena_release(&scratch);
    return 0;
}
