/* Text that grows. */
#include "base/memory.h"
#include "support/must.h"

#include <signal.h>
#include <stdint.h>

// the end of a text lies in its block too, at every length around those that blocks have
CleanTest(memory, a_text_has_room_for_its_end) {
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmn";
    for (size_t n = 0; n < sizeof letters; n++) {
        strbuf printed = {0}, added = {0};
        char *text = NULL;
        MUST(strbuf_printf(&printed, "%.*s", (int)n, letters));
        MUST(strbuf_add_bytes(&added, letters, n));
        MUST(mem_printf(&text, "%.*s", (int)n, letters));
        cr_assert(printed.length == n && printed.capacity > n && strlen(printed.text) == n);
        cr_assert(added.length == n && added.capacity > n && strlen(added.text) == n);
        cr_assert(strlen(text) == n && !memcmp(text, letters, n));
        strbuf_free(&printed);
        strbuf_free(&added);
        mem_free(text);
    }
}

CleanTest(memory, a_text_that_cannot_grow_stays_as_it_was) {
    strbuf b = {0};
    char *text = NULL;
    MUST(strbuf_printf(&b, "%d", 12345));
    mem_fail_at(1);
    MUST_FAIL(strbuf_printf(&b, "%s", "more than the block of the first holds"), ERR_MEMORY,
              "out of memory");
    cr_assert_str_eq(b.text, "12345");
    mem_fail_at(1);
    MUST_FAIL(mem_printf(&text, "%d", 1), ERR_MEMORY, "out of memory");
    cr_assert_null(text);
    mem_fail_at(0);
    strbuf_free(&b);
}

// blocks of all sizes, beside each other and beyond one part of the arena
CleanTest(memory, an_arenas_blocks_are_apart) {
    enum { BLOCKS = 300 };
    mem_arena a = {0};
    unsigned char *blocks[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        MUST(mem_arena_take((void **)&blocks[i], &a, i * i));
        cr_assert_eq((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        memset(blocks[i], (int)i & 255, i * i);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        for (size_t k = 0; k < i * i; k++) cr_assert_eq(blocks[i][k], i & 255, "%zu %zu", i, k);
    mem_arena_free(&a);
    cr_assert_null(a.last);
    mem_fail_at(1);
    MUST_FAIL(mem_arena_take((void **)&blocks[0], &a, 1), ERR_MEMORY, "out of memory");
    cr_assert_null(blocks[0]);
    mem_arena_free(&a);
}

#ifdef HARNESS_BLOCKS
// tests/support/blocks.c: what a loop that runs one too far would read and write
CleanTest(memory, what_lies_behind_a_block_is_never_the_same) {
    uint64_t *first = NULL, *second = NULL;
    MUST(mem_new(&first, 3));
    MUST(mem_new(&second, 3));
    const volatile uint64_t *a = first, *b = second;
    cr_assert(a[2] == 0 && b[2] == 0, "new room is zeroed");
    cr_assert(a[3] && b[3] && a[3] != b[3], "%llx %llx", (long long)a[3], (long long)b[3]);
    MUST(mem_resize((void **)&first, 8, sizeof *first));
    a = first;
    for (size_t i = 0; i < 9; i++) cr_assert_eq(a[i] == 0, i < 3, "%zu", i);
    first[7] = 1; // the last is its own
    mem_free(first);
    mem_free(second);
}

Test(memory, what_is_written_behind_a_block_ends_the_program, .signal = SIGABRT) {
    char *block = NULL;
    MUST(mem_new(&block, 5));
    ((volatile char *)block)[5] = 0;
    mem_free(block);
}
#endif
