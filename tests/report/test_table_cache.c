/* The two files of a table's cache: rows come back, and resamples only from the file that was written
 * with them. */
#include "base/memory.h"
#include "platform/file.h"
#include "report/table_cache.h"
#include "support/must.h"
#include "support/program.h"

#include <string.h>

enum { ROWS = 3 };
static float numbers[ROWS][BOOTSTRAP_DRAWS];

/* Rows of one writing, of which the second has no resamples. Their keys descend. */
static void write_table(const char *path, uint8_t writing) {
    cached_row rows[ROWS] = {0};
    const float *draws[ROWS] = {0};
    uint8_t witness[2 * sizeof(table_key)] = {7, 8, 9};
    table_cache c = {.units = 10 + writing,
                     .single = 1,
                     .witness_count = 2,
                     .row_count = ROWS,
                     .witness = witness};
    c.whole.bytes[31] = writing;
    for (unsigned i = 0; i < ROWS; i++) {
        rows[i].key.bytes[0] = (uint8_t)(ROWS - i);
        rows[i].variance = writing + i;
        rows[i].better = i;
        for (size_t k = 0; k < BOOTSTRAP_DRAWS; k++)
            numbers[i][k] = (float)(writing * 100 + i) + (float)k / BOOTSTRAP_DRAWS;
        if (i != 1) draws[i] = numbers[i];
    }
    const pair_bounds bounds[] = {{0.25F, (float)writing}}; // of the one pair that has resamples
    MUST(table_cache_write(path, &c, rows, draws, bounds));
}

/* Whether the row that was the i-th has the resamples of this writing; else it has none. */
static bool has_draws(const table_cache *c, unsigned i, unsigned writing) {
    cached_row row;
    table_key key = {{(uint8_t)(ROWS - i)}};
    cr_assert(table_cache_find(&row, c, &key));
    cr_expect_eq(row.variance, writing + i);
    cr_expect_eq(row.better, i);
    const float *draws = table_cache_draws(c, &row);
    if (!draws) return false;
    cr_expect_eq(*draws, (float)(writing * 100 + i));
    return true;
}

/* The upper bound of a pair. */
static float known(const table_cache *c, unsigned i, unsigned k) {
    cached_row a, b;
    cr_assert(table_cache_find(&a, c, &(table_key){{(uint8_t)(ROWS - i)}}));
    cr_assert(table_cache_find(&b, c, &(table_key){{(uint8_t)(ROWS - k)}}));
    pair_bounds x = table_cache_bounds(c, &a, &b);
    cr_expect_eq(x.low, x.high > 0 ? 0.25F : 0);
    return x.high;
}

static void read_table(table_cache *c, const char *path, uint8_t writing) {
    MUST(table_cache_read(c, path));
    cr_assert_eq(c->row_count, ROWS);
    cr_expect_eq(c->units, 10u + writing);
    cr_expect_eq(c->whole.bytes[31], writing);
    cr_expect_eq(c->witness[2], 9);
    MUST(table_cache_read_draws(c, path));
}

static void copy_file(const char *to, const char *from, size_t less) {
    void *bytes;
    size_t count;
    MUST(file_read(&bytes, &count, from, 0));
    MUST(file_write(to, bytes, count - less));
    mem_free(bytes);
}

CleanTest(table_cache, resamples_are_of_the_same_writing) {
    const char *one = temporary_path("one"), *other = temporary_path("other");
    const char *one_draws = temporary_path("one.draws");
    table_cache c;
    table_key unknown = {{ROWS + 1}};
    cached_row row;
    write_table(one, 1);
    write_table(other, 2);
    read_table(&c, one, 1);
    cr_expect(has_draws(&c, 0, 1) && !has_draws(&c, 1, 1) && has_draws(&c, 2, 1));
    cr_expect(known(&c, 0, 2) == 1 && known(&c, 2, 0) == 1);
    cr_expect(known(&c, 0, 1) == 0 && known(&c, 1, 2) == 0 && known(&c, 2, 2) == 0);
    cr_expect_not(table_cache_find(&row, &c, &unknown));
    // a place behind the last, as only damage makes
    MUST(table_cache_find(&row, &c, &(table_key){{ROWS}}) ? ERR_OK : ERR_DATA);
    row.draws = 3;
    cr_expect_null(table_cache_draws(&c, &row));
    cr_expect_eq(table_cache_bounds(&c, &row, &(cached_row){.draws = 1}).high, 0);
    table_cache_free(&c);
    // a program that was stopped between the two files leaves the second of before
    copy_file(one_draws, temporary_path("other.draws"), 0);
    read_table(&c, one, 1);
    for (unsigned i = 0; i < ROWS; i++) cr_expect_not(has_draws(&c, i, 1), "row %u", i);
    cr_expect_eq(known(&c, 0, 2), 0);
    table_cache_free(&c);
    copy_file(one_draws, temporary_path("other.draws"), 4);
    read_table(&c, other, 2);
    cr_expect(has_draws(&c, 0, 2) && has_draws(&c, 2, 2));
    table_cache_free(&c);
    read_table(&c, one, 1);
    cr_expect_not(has_draws(&c, 0, 1));
    table_cache_free(&c);
    MUST(file_remove(one_draws));
    read_table(&c, one, 1);
    cr_expect_not(has_draws(&c, 0, 1));
    table_cache_free(&c);
}
