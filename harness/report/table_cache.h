/* What was computed of a board's table before: rows by the SHA-256 of their runs' records, and in a
 * second file, which is not read where nothing is new, their resamples and what their pairs' tests
 * said. A row's resamples are good for another set of rows as long as units are drawn singly
 * (metric/interval.h), which a few of the runs prove; its rank for this set of rows alone. */
#ifndef HARNESS_REPORT_TABLE_CACHE_H
#define HARNESS_REPORT_TABLE_CACHE_H

#include "metric/interval.h"
#include "metric/pairs.h"

typedef struct table_key {
    uint8_t bytes[32];
} table_key;

typedef struct cached_row {
    table_key key;
    interval range;
    double variance; /* of its resamples */
    uint64_t better;
    uint64_t draws; /* place of its resamples (BOOTSTRAP_DRAWS floats, pairs_center) among all, from
                       1: as a side of pairs; 0: none */
} cached_row;

typedef struct table_cache {
    uint8_t *bytes, *draws; /* owned */
    size_t side_count;      /* rows that have resamples in `draws` */
    table_key whole;        /* of all its rows in order */
    uint64_t units, single, witness_count, row_count;
    const uint8_t *witness; /* (witness_count) keys of runs that prove single draws */
    const uint8_t **rows;   /* (row_count) by key; list owned */
} table_cache;

/* Empty where the file does not serve. Errors: ERR_MEMORY. */
err table_cache_read(table_cache *c, const char *path) MUST_CHECK;
/* Reads the second file; what is not of the first is as none. */
err table_cache_read_draws(table_cache *c, const char *path) MUST_CHECK;
void table_cache_free(table_cache *c);

/* False: the row is not known. */
bool table_cache_find(cached_row *out, const table_cache *c, const table_key *key);
/* The resamples of a row, borrowed from c; NULL: none. */
const float *table_cache_draws(const table_cache *c, const cached_row *row);
/* What is known of the pair of two rows; zeros: nothing. */
pair_bounds table_cache_bounds(const table_cache *c, const cached_row *a, const cached_row *b);

/* Writes c's numbers, `witness` and the rows, of which rows[i] has draws[i] or NULL, into both
 * files, with the bounds of the pairs of those that have. Errors: ERR_IO; ERR_MEMORY. */
err table_cache_write(const char *path, const table_cache *c, cached_row *rows,
                      const float *const *draws, const pair_bounds *bounds) MUST_CHECK;

#endif
