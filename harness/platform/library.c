#define _GNU_SOURCE // RTLD_NOLOAD
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

bool library_is(void *library, const char *name) {
    void *same = dlopen(name, RTLD_LAZY | RTLD_NOLOAD);
    if (same) dlclose(same); // counted: it stays open
    return same && same == library;
}

void library_close(void *library) {
    dlclose(library);
}
