#include "gateway/upstream/module.h"

#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

static void *load_beside(const char *directory, size_t n, const char *name)
{
    static const char *const places[] = {"", "../lib/postern/"};
    char path[4096 + 64];
    void *module = NULL;
    for (size_t i = 0; !module && i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "%.*s/%spostern-%s.so", (int)n, directory, places[i], name);
        module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    }
    return module;
}

/* dlopen counts, so a second call finds what the first has loaded. */
module_function *module_find(const char *name, const char *symbol)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self);
    while (n > 0 && self[n - 1] != '/')
        n--;
    void *module = n > 1 ? load_beside(self, (size_t)n - 1, name) : NULL;
    if (!module)
        return NULL;
    union {
        void *object;
        module_function *function;
    } found = {dlsym(module, symbol)};
    return found.function;
}
