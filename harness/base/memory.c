#include "base/memory.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_size_t live_count;
static atomic_uint_fast64_t request_count;
static atomic_uint_fast64_t fail_at;

static err out_of_memory(size_t bytes) {
    return err_set(ERR_MEMORY, "out of memory: %zu bytes asked for", bytes);
}

static int must_fail(void) {
    uint64_t n = atomic_fetch_add(&request_count, 1) + 1;
    return n == atomic_load(&fail_at);
}

static int product_overflows(size_t count, size_t size) {
    return size && count > SIZE_MAX / size;
}

err mem_calloc(void **out, size_t count, size_t size) {
    *out = NULL;
    if (product_overflows(count, size)) return out_of_memory(SIZE_MAX);
    if (must_fail()) return out_of_memory(count * size);
    void *block = calloc(count ? count : 1, size ? size : 1);
    if (!block) return out_of_memory(count * size);
    atomic_fetch_add(&live_count, 1);
    *out = block;
    return ERR_OK;
}

err mem_resize(void **block, size_t count, size_t size) {
    if (product_overflows(count, size)) return out_of_memory(SIZE_MAX);
    if (must_fail()) return out_of_memory(count * size);
    size_t bytes = count * size;
    void *fresh = realloc(*block, bytes ? bytes : 1);
    if (!fresh) return out_of_memory(bytes);
    if (!*block) atomic_fetch_add(&live_count, 1);
    *block = fresh;
    return ERR_OK;
}

err mem_grow(void **block, size_t *capacity, size_t need, size_t size) {
    if (need <= *capacity) return ERR_OK;
    size_t wanted = *capacity ? *capacity : 16;
#ifdef HARNESS_EXACT_BLOCKS
    // tests look behind the end of a block, which no spare room may hide
    if (need <= HARNESS_EXACT_BLOCKS) wanted = need;
#endif
    while (wanted < need) {
        if (wanted > SIZE_MAX / 2) return out_of_memory(SIZE_MAX);
        wanted *= 2;
    }
    err e = mem_resize(block, wanted, size);
    if (!e) *capacity = wanted;
    return e;
}

err mem_aligned(void **out, size_t bytes, size_t alignment) {
    *out = NULL;
    if (must_fail() || bytes > SIZE_MAX - alignment) return out_of_memory(bytes);
    size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    void *block = aligned_alloc(alignment, rounded ? rounded : alignment);
    if (!block) return out_of_memory(bytes);
    memset(block, 0, rounded ? rounded : alignment);
    atomic_fetch_add(&live_count, 1);
    *out = block;
    return ERR_OK;
}

err mem_strndup(char **out, const char *s, size_t n) {
    size_t length = strnlen(s, n);
    *out = NULL;
    err e = mem_resize((void **)out, length + 1, 1);
    if (e) return e;
    memcpy(*out, s, length);
    (*out)[length] = '\0';
    return ERR_OK;
}

err mem_strdup(char **out, const char *s) {
    return mem_strndup(out, s, strlen(s));
}

static err format_into(strbuf *b, const char *format, va_list args) {
    va_list again;
    size_t left = b->capacity - b->length;
    va_copy(again, args);
    int needed = vsnprintf(left ? b->text + b->length : NULL, left, format, again);
    va_end(again);
    size_t n = needed < 0 ? 0 : (size_t)needed;
    err e = needed < 0 ? err_set(ERR_ARG, "bad format") : ERR_OK;
    if (!e && n >= left) {
        e = mem_grow((void **)&b->text, &b->capacity, b->length + n + 1, 1);
        if (!e) vsnprintf(b->text + b->length, n + 1, format, args);
    }
    if (!e)
        b->length += n;
    else if (left)
        b->text[b->length] = '\0';
    return e;
}

err mem_printf(char **out, const char *format, ...) {
    strbuf b = {0};
    va_list args;
    va_start(args, format);
    err e = format_into(&b, format, args);
    va_end(args);
    if (e) strbuf_free(&b);
    *out = b.text;
    return e;
}

/* Of an arena, one behind the other. */
struct mem_part {
    struct mem_part *before;
    max_align_t bytes[];
};

err mem_arena_take(void **out, mem_arena *a, size_t bytes) {
    enum { PART = 64 << 10, ALIGNED = _Alignof(max_align_t) };
    size_t room = bytes > PART ? bytes : PART;
    *out = NULL;
    if (a->left < bytes || !a->last) {
        void *part = NULL;
        if (bytes > SIZE_MAX / 2) return out_of_memory(bytes);
        err e = mem_resize(&part, sizeof(struct mem_part) + room, 1);
        if (e) return e;
        ((struct mem_part *)part)->before = a->last;
        a->last = part;
        a->left = room;
        a->next = (char *)a->last->bytes;
    }
    size_t taken = (bytes + ALIGNED - 1) / ALIGNED * ALIGNED;
    if (taken > a->left) taken = a->left; // the part's last block
    *out = a->next;
    a->next += taken;
    a->left -= taken;
    return ERR_OK;
}

void mem_arena_free(mem_arena *a) {
    for (struct mem_part *part = a->last, *before; part; part = before) {
        before = part->before;
        mem_free(part);
    }
    *a = (mem_arena){0};
}

void mem_free(void *block) {
    if (!block) return;
    atomic_fetch_sub(&live_count, 1);
    free(block);
}

size_t mem_live_count(void) {
    return atomic_load(&live_count);
}

uint64_t mem_request_count(void) {
    return atomic_load(&request_count);
}

void mem_fail_at(uint64_t nth) {
    atomic_store(&fail_at, nth ? atomic_load(&request_count) + nth : 0);
}

err strbuf_add_bytes(strbuf *b, const void *bytes, size_t count) {
    err e = mem_grow((void **)&b->text, &b->capacity, b->length + count + 1, 1);
    if (e) return e;
    if (count) memcpy(b->text + b->length, bytes, count);
    b->length += count;
    b->text[b->length] = '\0';
    return ERR_OK;
}

err strbuf_add(strbuf *b, const char *text) {
    return strbuf_add_bytes(b, text, strlen(text));
}

err strbuf_printf(strbuf *b, const char *format, ...) {
    va_list args;
    va_start(args, format);
    err e = format_into(b, format, args);
    va_end(args);
    return e;
}

void strbuf_free(strbuf *b) {
    mem_free(b->text);
    *b = (strbuf){0};
}
