/* Preloaded into protobuf's conformance_test_runner where the host's C and C++ libraries are older
 * than those it was linked with: the five names that they lack. Older iostreams are made ready by
 * whoever includes <iostream>, newer ones by themselves. */
#include <cstdlib>
#include <iostream>

extern "C" {
long __isoc23_strtol(const char *text, char **end, int base)
{
    return strtol(text, end, base);
}

unsigned long __isoc23_strtoul(const char *text, char **end, int base)
{
    return strtoul(text, end, base);
}

long long __isoc23_strtoll(const char *text, char **end, int base)
{
    return strtoll(text, end, base);
}

unsigned long long __isoc23_strtoull(const char *text, char **end, int base)
{
    return strtoull(text, end, base);
}

/* Not for the program that the runner starts. */
__attribute__((constructor)) static void forget_preload()
{
    unsetenv("LD_PRELOAD");
}
}

namespace std
{
void ios_base_library_init()
{
}
} // namespace std
