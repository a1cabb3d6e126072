/* Places that make a call, by the calls that led to them: each is listed once, and the nth call can be made to
 * fail. For what is linked in place of a library's functions (blocks.c, calls.c). */
#ifndef TESTS_SUPPORT_PLACES_H
#define TESTS_SUPPORT_PLACES_H

#include <execinfo.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { PLACES_CALLS = 12, PLACES_MOST = 1 << 14 };

typedef struct places {
    FILE *list; /* gets the number of the first call of each place */
    size_t fails_at;
    atomic_size_t calls;
    uint64_t met[PLACES_MOST]; /* digests; a clash leaves one out */
} places;

/* As the environment says: a file's path, a number. */
static inline void places_begin(places *p, const char *lists, const char *fails) {
    const char *path = getenv(lists), *nth = getenv(fails);
    if (path) p->list = fopen(path, "w");
    if (nth) p->fails_at = strtoul(nth, NULL, 10);
}

static inline void places_end(places *p) {
    if (p->list) (fclose)(p->list);
    p->list = NULL;
}

static inline void places_note(places *p, size_t n) {
    void *calls[PLACES_CALLS];
    uint64_t digest = 14695981039346656037u;
    int count = backtrace(calls, PLACES_CALLS);
    for (int i = 1; i < count; i++) digest = (digest ^ (uintptr_t)calls[i]) * 1099511628211u;
    if (p->met[digest % PLACES_MOST]) return;
    p->met[digest % PLACES_MOST] = digest;
    fprintf(p->list, "%zu\n", n);
}

/* Whether this call has to fail. */
static inline bool places_fail(places *p) {
    if (!p->list && !p->fails_at) return false;
    size_t n = atomic_fetch_add(&p->calls, 1) + 1;
    if (p->list) places_note(p, n);
    return n == p->fails_at;
}

#endif
