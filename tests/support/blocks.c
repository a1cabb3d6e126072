/* What stands in place of malloc's functions (--wrap) under base/memory.h, in builds with tests.
 *
 * Behind its bytes a block has a border, and what is new in a block that has grown is filled: with bytes that are of no use
 * as pointer, number or end of a text, and are others in each block. So what is read past an end is not the zero that luck
 * would give, and not twice the same; what is written there ends the program where the block is freed.
 *
 * HARNESS_BLOCK_LIST=FILE gets, of each place that asks for memory (by the calls that led to it), the number of its first
 * request. HARNESS_BLOCK_FAILS=N lets the nth request fail. */
#ifdef HARNESS_BLOCKS
#include "support/places.h"

#include <malloc.h>
#include <string.h>

void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t bytes);
void __real_free(void *block);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t bytes);
void __wrap_free(void *block);

enum { BORDER = 16, FILLED = 4096 };

// the last bytes of what malloc gave
typedef struct tail {
    uint64_t bytes, filling, mark;
} tail;

// valgrind sees more where there is no border
static bool is_watched(void) {
    static atomic_int known;
    if (!known) {
        const char *preloaded = getenv("LD_PRELOAD");
        known = preloaded && strstr(preloaded, "vgpreload") ? 2 : 1;
    }
    return known == 2;
}

static uint64_t mark_of(const void *block) {
    return (uint64_t)(uintptr_t)block ^ 0x62d0f1a97c5b3e48u;
}

static char *tail_place(void *block) {
    return (char *)block + malloc_usable_size(block) - sizeof(tail);
}

static bool tail_read(tail *t, void *block) {
    if (!block || is_watched() || malloc_usable_size(block) < sizeof *t) return false;
    memcpy(t, tail_place(block), sizeof *t);
    return t->mark == mark_of(block);
}

static char filling_at(const tail *t, size_t i) {
    return (char)(t->filling >> i % 8 * 8);
}

// ours no longer: its room may be given to others, who know of no tail
static void tail_clear(void *block) {
    memset(tail_place(block), 0, sizeof(tail));
}

static void check(const tail *t, void *block) {
    for (size_t i = t->bytes; i < t->bytes + BORDER; i++) {
        if (((char *)block)[i] == filling_at(t, i)) continue;
        fprintf(stderr, "written past the end of a block of %zu bytes\n", (size_t)t->bytes);
        abort();
    }
}

static void *with_border(void *block, size_t first, size_t bytes) {
    static atomic_uint_fast64_t count;
    if (!block) return NULL;
    uint64_t n = atomic_fetch_add(&count, 1) * 0x9e3779b97f4a7c15u;
    tail t = {bytes, n >> 8 | 0xa501010101010101u, mark_of(block)};
    size_t end = first + FILLED < bytes ? first + FILLED : bytes;
    for (size_t i = first; i < end; i++) ((char *)block)[i] = filling_at(&t, i);
    for (size_t i = bytes; i < bytes + BORDER; i++) ((char *)block)[i] = filling_at(&t, i);
    memcpy(tail_place(block), &t, sizeof t);
    return block;
}

static places requests;

// before main: the first request is the program's own
__attribute__((constructor)) static void begin(void) {
    places_begin(&requests, "HARNESS_BLOCK_LIST", "HARNESS_BLOCK_FAILS");
}

__attribute__((destructor)) static void end(void) {
    places_end(&requests);
}

void *__wrap_calloc(size_t count, size_t size) {
    size_t bytes;
    if (places_fail(&requests)) return NULL;
    if (is_watched() || __builtin_mul_overflow(count, size, &bytes) ||
        bytes > SIZE_MAX - BORDER - sizeof(tail))
        return __real_calloc(count, size);
    return with_border(__real_calloc(1, bytes + BORDER + sizeof(tail)), bytes, bytes);
}

void *__wrap_realloc(void *block, size_t bytes) {
    tail t = {0};
    if (places_fail(&requests)) return NULL;
    bool is_ours = tail_read(&t, block);
    if ((block && !is_ours) || is_watched() || bytes > SIZE_MAX - BORDER - sizeof(tail))
        return __real_realloc(block, bytes);
    if (is_ours) check(&t, block);
    if (is_ours) tail_clear(block);
    void *fresh = __real_realloc(block, bytes + BORDER + sizeof(tail));
    if (is_ours && !fresh) memcpy(tail_place(block), &t, sizeof t);
    return with_border(fresh, t.bytes < bytes ? t.bytes : bytes, bytes);
}

void __wrap_free(void *block) {
    tail t;
    if (tail_read(&t, block)) {
        check(&t, block);
        memset(block, 0xa5, t.bytes < FILLED ? t.bytes : FILLED);
        tail_clear(block);
    }
    __real_free(block);
}
#else
// an empty file is none to a compiler that is strict
typedef int no_borders;
#endif
