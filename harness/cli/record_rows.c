#include "cli/record_rows.h"

#include <string.h>

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

/* A limit cuts train or test to as many rows as it says, or it cut nothing. Dev rows are a part of
 * train's, or files of their own. The last one, 0, is none. */
enum { LIMITS_MOST = 3 };
static size_t limits_of(size_t limits[LIMITS_MOST], const record *r) {
    size_t train = (size_t)r->task.train_rows, dev = (size_t)r->task.dev_rows;
    size_t test = (size_t)r->task.test_rows, count = 0;
    if (r->partial) limits[count++] = larger(train + dev, test);
    if (r->partial && dev) limits[count++] = larger(larger(train, dev), test);
    limits[count++] = 0;
    return count;
}

static bool fits(const dataset *d, const record *r) {
    return !strcmp(d->data_sha256, r->task.data_sha256);
}

err record_rows_load(dataset *d, const task *t, const record *r, const options *o,
                     const char *whose) {
    size_t limits[LIMITS_MOST], count = limits_of(limits, r);
    dataset_options wish = {.data_dir = o->data_dir, .sample = r->task.sample};
    if (o->limit) {
        limits[0] = o->limit;
        count = 1;
    }
    for (size_t i = 0; i < count; i++) {
        wish.limit = limits[i];
        err e = dataset_load(d, t, &wish);
        if (e || fits(d, r)) return e;
        if (i + 1 < count) dataset_free(d);
    }
    return err_set(ERR_DATA,
                   "%s: it was made of other rows than those that are here%s (SHA-256 of the data "
                   "%.12s, here %.12s)",
                   whose, o->limit ? " under that limit" : "", r->task.data_sha256, d->data_sha256);
}
