#include "platform/library.h"

#include <dlfcn.h>

void *library_open(const char *name, bool lazy) {
    return dlopen(name, RTLD_LOCAL | (lazy ? RTLD_LAZY : RTLD_NOW));
}

const char *library_fault(void) {
    const char *why = dlerror();
    return why ? why : "cannot be loaded";
}

void *library_find(void *library, const char *name) {
    return dlsym(library, name);
}

void library_close(void *library) {
    dlclose(library);
}
