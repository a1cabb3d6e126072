#include "report/table_cache.h"

#include "base/memory.h"
#include "result/cache_file.h"

#include <stdlib.h>
#include <string.h>

enum { DRAW_BYTES = BOOTSTRAP_DRAWS * sizeof(float) };

/* The numbers of a file, in its order. */
typedef struct table_head {
    table_key whole;
    uint64_t units, single, witness_count, row_count;
} table_head;

/* Of the second file: behind it the resamples, then the bounds of their pairs. */
typedef struct draws_head {
    table_key whole;
    uint64_t side_count;
} draws_head;

static int by_key(const void *a, const void *b) {
    return memcmp(*(const uint8_t *const *)a, *(const uint8_t *const *)b, sizeof(table_key));
}

static err find_rows(table_cache *c, const uint8_t *at, const uint8_t *end) {
    err e = mem_new(&c->rows, c->row_count);
    if (e) return e;
    if ((size_t)(end - at) != c->row_count * sizeof(cached_row))
        return err_set(ERR_FORMAT, "ends elsewhere");
    for (size_t i = 0; i < c->row_count; i++, at += sizeof(cached_row)) c->rows[i] = at;
    if (c->row_count) qsort(c->rows, c->row_count, sizeof *c->rows, by_key);
    return ERR_OK;
}

err table_cache_read(table_cache *c, const char *path) {
    table_head h;
    size_t size = 0;
    *c = (table_cache){0};
    err e = cache_file_read(&c->bytes, &size, path);
    if (e || size < sizeof h) goto none;
    memcpy(&h, c->bytes, sizeof h);
    if (h.witness_count > size / sizeof(table_key) || h.row_count > size / sizeof(cached_row) ||
        size - sizeof h < h.witness_count * sizeof(table_key))
        goto none;
    c->whole = h.whole, c->units = h.units, c->single = h.single;
    c->witness_count = h.witness_count, c->row_count = h.row_count;
    c->witness = c->bytes + sizeof h;
    e = find_rows(c, c->witness + h.witness_count * sizeof(table_key), c->bytes + size);
    if (!e) return ERR_OK;
none:
    table_cache_free(c);
    return err_forgive(e, ERR_FORMAT);
}

static err draws_path(char **out, const char *path) {
    return mem_printf(out, "%s.draws", path);
}

err table_cache_read_draws(table_cache *c, const char *path) {
    draws_head h = {0};
    char *file = NULL;
    size_t size = 0, rest;
    err e = c->row_count ? draws_path(&file, path) : ERR_OK;
    if (e || !file) return e;
    e = cache_file_read(&c->draws, &size, file);
    mem_free(file);
    if (e || size < sizeof h) return e;
    memcpy(&h, c->draws, sizeof h);
    rest = size - sizeof h;
    if (memcmp(&h.whole, &c->whole, sizeof h.whole) != 0 || // of another writing
        h.side_count > rest / DRAW_BYTES ||
        rest != h.side_count * DRAW_BYTES + pair_place(0, h.side_count) * sizeof(pair_bounds))
        return ERR_OK;
    c->side_count = h.side_count;
    return ERR_OK;
}

void table_cache_free(table_cache *c) {
    mem_free(c->bytes);
    mem_free(c->draws);
    mem_free(c->rows);
    *c = (table_cache){0};
}

bool table_cache_find(cached_row *out, const table_cache *c, const table_key *key) {
    const uint8_t *wanted = key->bytes;
    const uint8_t **found =
        c->row_count ? bsearch(&wanted, c->rows, c->row_count, sizeof *c->rows, by_key) : NULL;
    if (found) memcpy(out, *found, sizeof *out);
    return found != NULL;
}

const float *table_cache_draws(const table_cache *c, const cached_row *row) {
    const void *first = c->draws + sizeof(draws_head); // where floats may lie
    if (!row->draws || row->draws > c->side_count) return NULL;
    return (const float *)first + (row->draws - 1) * BOOTSTRAP_DRAWS;
}

pair_bounds table_cache_bounds(const table_cache *c, const cached_row *a, const cached_row *b) {
    size_t low = a->draws < b->draws ? a->draws : b->draws, high = a->draws + b->draws - low;
    const uint8_t *first = c->draws + sizeof(draws_head) + c->side_count * DRAW_BYTES;
    pair_bounds out = {0};
    if (low && low < high && high <= c->side_count)
        memcpy(&out, first + pair_place(low - 1, high - 1) * sizeof out, sizeof out);
    return out;
}

static err write_draws(const char *path, const table_cache *c, cached_row *rows,
                       const float *const *draws, const pair_bounds *bounds) {
    strbuf out = {0};
    char *file = NULL;
    draws_head h = {.whole = c->whole};
    for (size_t i = 0; i < c->row_count; i++) rows[i].draws = draws[i] ? ++h.side_count : 0;
    err e = strbuf_add_bytes(&out, &h, sizeof h);
    for (size_t i = 0; i < c->row_count && !e; i++)
        if (draws[i]) e = strbuf_add_bytes(&out, draws[i], DRAW_BYTES);
    if (!e) e = strbuf_add_bytes(&out, bounds, pair_place(0, h.side_count) * sizeof *bounds);
    if (!e && !(e = draws_path(&file, path))) e = cache_file_write(file, &out);
    mem_free(file);
    strbuf_free(&out);
    return e;
}

err table_cache_write(const char *path, const table_cache *c, cached_row *rows,
                      const float *const *draws, const pair_bounds *bounds) {
    table_head h = {c->whole, c->units, c->single, c->witness_count, c->row_count};
    strbuf out = {0};
    err e = write_draws(path, c, rows, draws, bounds);
    if (!e) e = strbuf_add_bytes(&out, &h, sizeof h);
    if (!e && h.witness_count)
        e = strbuf_add_bytes(&out, c->witness, h.witness_count * sizeof(table_key));
    if (!e) e = strbuf_add_bytes(&out, rows, h.row_count * sizeof *rows);
    if (!e) e = cache_file_write(path, &out);
    strbuf_free(&out);
    return e;
}
