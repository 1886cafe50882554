/* A descriptor set of a stranger (reflection): tables or faults, never both. */
#include "tests/fuzz/fuzz.h"
#include "transcoder/schema_compile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena, scratch;
    struct tc_faults faults;
    arena_init(&arena, 4096, 256 << 20);
    arena_init(&scratch, 4096, 16 << 20);
    tc_faults_init(&faults, &scratch);
    const struct tc_schema *s = schema_compile((struct str){(const char *)data, size}, &arena,
                                               &faults);
    REQUIRE(!s == (faults.count > 0 || faults.out_of_memory));
    for (uint32_t i = 0; s && i < s->nmessages; i++)
        REQUIRE(tc_schema_message(s, s->messages[i]->full_name) == s->messages[i]);
    arena_release(&arena);
    arena_release(&scratch);
    return 0;
}
