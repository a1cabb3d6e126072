/* Memory: the only place that calls malloc.
 *
 * Blocks are counted, so that a test can assert that every one was given back, and the nth request
 * can be made to fail, so that every failure path can be walked. Large numeric buffers of devices
 * come from here too (mem_aligned). Thread-safe. */
#ifndef HARNESS_BASE_MEMORY_H
#define HARNESS_BASE_MEMORY_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Allocates count * size bytes, zeroed, into *out. A count of 0 gives a valid block.
 * Errors: ERR_MEMORY (also when the product overflows); *out is then NULL. */
#define mem_new(out, count) mem_calloc((void **)(out), (count), sizeof **(out))
err mem_calloc(void **out, size_t count, size_t size) MUST_CHECK;

/* Resizes *block to count * size bytes; new bytes are undefined. On error *block stays as it
 * was. */
err mem_resize(void **block, size_t count, size_t size) MUST_CHECK;

/* Grows a list: makes room for at least `need` elements of `size` bytes, doubling *capacity.
 * *block and *capacity change together, or not at all. */
err mem_grow(void **block, size_t *capacity, size_t need, size_t size) MUST_CHECK;

/* Zeroed block aligned to `alignment` bytes (a power of two). Freed with mem_free. */
err mem_aligned(void **out, size_t bytes, size_t alignment) MUST_CHECK;

/* Copies a string (mem_strndup: at most n bytes, terminated). */
err mem_strdup(char **out, const char *s) MUST_CHECK;
err mem_strndup(char **out, const char *s, size_t n) MUST_CHECK;

/* printf into a fresh string. */
err mem_printf(char **out, const char *format, ...) MUST_CHECK PRINTF_LIKE(2, 3);

/* Many small blocks that are freed together; zeroed it is empty. */
typedef struct mem_arena {
    struct mem_part *last; /* owned, as those before it */
    char *next;
    size_t left; /* behind next, in the last */
} mem_arena;

/* A block of undefined bytes for any type. */
err mem_arena_take(void **out, mem_arena *a, size_t bytes) MUST_CHECK;
void mem_arena_free(mem_arena *a);

/* Frees a block of this module; NULL is fine. */
void mem_free(void *block);

/* Blocks allocated and not freed. */
size_t mem_live_count(void);

/* Requests made so far. */
uint64_t mem_request_count(void);

/* Makes the nth request from now (1 = the next) fail, and only that one; 0 turns it off. */
void mem_fail_at(uint64_t nth);

/* A growable string: zeroed struct is empty; text is always terminated once anything was added. */
typedef struct strbuf {
    char *text;    /* owned; NULL while empty */
    size_t length; /* bytes without the terminator */
    size_t capacity;
} strbuf;

err strbuf_add(strbuf *b, const char *text) MUST_CHECK;
err strbuf_add_bytes(strbuf *b, const void *bytes, size_t count) MUST_CHECK;
err strbuf_printf(strbuf *b, const char *format, ...) MUST_CHECK PRINTF_LIKE(2, 3);
void strbuf_free(strbuf *b);

#endif
