/* The one place that multiplies large matrices.
 *
 * dnnl_sgemm with threads of its own leaves part of C unwritten when OpenMP grants fewer than it
 * planned for, and its bits depend on their number. So C is cut here, by shape alone, and each tile
 * is computed by one thread inside our own region. Below 16 rows its kernels round rows differently
 * from one row count to the next: such products are padded to 16.
 *
 * HARNESS_PLAIN_GEMM: the same cut with products of our own (kernels_product.h), which needs no
 * padding. For arm64, where oneDNN as Debian builds it multiplies with a reference loop, and for
 * thread sanitizers, which see into no library. */
#include "base/memory.h"
#include "compute/cpu/cpu_internal.h"
#include "platform/thread.h"

#if !HARNESS_PLAIN_GEMM
#include <oneapi/dnnl/dnnl.h>
#endif
#include <stdatomic.h>
#include <string.h>

enum {
    ROWS_MAX = 256,    /* of a tile: B is packed again for each, which costs most when k is long */
    COLUMNS_MAX = 384, /* of a tile; 8 times the library's register block of 48 columns */
    COLUMNS_STEP = 48,
    ROWS_STEP = 8,
    TILES_WANTED = 8, /* small products are cut finer, down to ROWS_LEAST */
    ROWS_LEAST = 32,
    ROWS_PADDED = 16,
    /* A factor whose rows lie a multiple of 2 KiB apart, and are what is summed over, shares few sets
     * of the first cache between all of them: an AVX2 processor multiplies it at half its speed. It
     * is copied side by side, DEPTH rows of the sum at a time: a multiple of what the library sums at
     * once (256 rows, 384 by a transposed A), so that the bits stay those of one call. */
    CROWDED = 512, /* floats of 2 KiB */
    DEPTH = 768
};

typedef struct job {
    const cpu_product *p;
    const cpu_kernels *kernels;
    size_t rows, columns;           /* of a tile */
    size_t row_tiles, column_tiles; /* how many */
    bool copies_a, copies_b;        /* for each tile: see DEPTH */
    atomic_int failed;              /* status of the library, 0 when fine */
} job;

static void cut(job *j) {
    size_t m = j->p->m, n = j->p->n;
    j->columns = cpu__parts(cpu__parts(n, cpu__parts(n, COLUMNS_MAX)), COLUMNS_STEP) * COLUMNS_STEP;
    j->column_tiles = cpu__parts(n, j->columns);
    size_t count = cpu__parts(m, ROWS_MAX);
    while (count * j->column_tiles < TILES_WANTED && m / (count + 1) >= ROWS_LEAST) count++;
    // an even number of equal tiles keeps two or four threads equally busy
    if (count > 1 && count % 2) count++;
    j->rows = cpu__parts(cpu__parts(m, count), ROWS_STEP) * ROWS_STEP;
    j->row_tiles = cpu__parts(m, j->rows);
}

static err refused(int status, size_t m, size_t n, size_t k) {
#if !HARNESS_PLAIN_GEMM
    if (status == dnnl_out_of_memory)
        return err_set(ERR_MEMORY, "out of memory: oneDNN lacks some for a product of %zux%zux%zu",
                       m, n, k);
#endif
    return err_set(ERR_DEVICE, "oneDNN refused a product of %zux%zux%zu (status %d)", m, n, k,
                   status);
}

#if HARNESS_PLAIN_GEMM
static int multiply(const job *j, const cpu_tile *t, float *workspace) {
    const cpu_product *p = j->p;
    bool a_rows = p->ta == 'N', b_rows = p->tb == 'T'; // what is summed over lies side by side
    cpu_factor a = {p->a + t->row * (a_rows ? p->lda : 1), a_rows ? p->lda : 1,
                    a_rows ? 1 : p->lda};
    cpu_factor b = {p->b + t->column * (b_rows ? p->ldb : 1), b_rows ? p->ldb : 1,
                    b_rows ? 1 : p->ldb};
    j->kernels->product(t->at, t->stride, a, b, t->rows, t->columns, p->k, p->beta, workspace);
    return 0;
}

static size_t scratch(job *j) {
    (void)j;
    return cpu__product_workspace(ROWS_MAX);
}

static err try_product(void) {
    return ERR_OK;
}
#else
static dnnl_status_t sgemm(const cpu_product *p, size_t k, const float *a, size_t lda,
                           const float *b, size_t ldb, size_t rows, size_t columns, float beta,
                           float *c, size_t ldc) {
    return dnnl_sgemm(p->ta, p->tb, (dnnl_dim_t)rows, (dnnl_dim_t)columns, (dnnl_dim_t)k, 1.0f, a,
                      (dnnl_dim_t)lda, b, (dnnl_dim_t)ldb, beta, c, (dnnl_dim_t)ldc);
}

/* Fewer than 16 rows: A is copied into workspace with rows of zeros below. */
static dnnl_status_t multiply_padded(const cpu_product *p, size_t column, size_t columns,
                                     float *workspace, float *c, size_t ldc) {
    float *a = workspace, *sum = workspace + ROWS_PADDED * p->k;
    bool is_straight = p->ta == 'N';
    memset(a, 0, ROWS_PADDED * p->k * sizeof *a);
    for (size_t i = 0; i < (is_straight ? p->m : p->k); i++) {
        memcpy(a + i * (is_straight ? p->k : ROWS_PADDED), p->a + i * p->lda,
               (is_straight ? p->k : p->m) * sizeof *a);
    }
    const float *b = p->tb == 'N' ? p->b + column : p->b + column * p->ldb;
    dnnl_status_t s = sgemm(p, p->k, a, is_straight ? p->k : ROWS_PADDED, b, p->ldb, ROWS_PADDED,
                            columns, 0, sum, columns);
    for (size_t i = 0; i < p->m; i++) {
        for (size_t j = 0; j < columns; j++) {
            float *to = &c[i * ldc + j];
            *to = p->beta > 0 ? p->beta * *to + sum[i * columns + j] : sum[i * columns + j];
        }
    }
    return s;
}

/* Floats of workspace that a tile needs beside its own; copies_a and copies_b are set. Processors
 * with AVX-512 have larger caches, and were seen at full speed on such rows. */
static size_t scratch(job *j) {
    const cpu_product *p = j->p;
    if (p->m < ROWS_PADDED) return ROWS_PADDED * (p->k + COLUMNS_MAX);
    bool may = j->kernels != &cpu__kernels_avx512;
    j->copies_a = may && p->ta == 'T' && p->lda % CROWDED == 0;
    j->copies_b = may && p->tb == 'N' && p->ldb % CROWDED == 0;
    size_t depth = p->k < 2 * DEPTH ? p->k : 2 * DEPTH - 1; // the last part is not cut once more
    return depth * ((j->copies_a ? j->rows : 0) + (j->copies_b ? j->columns : 0));
}

/* `count` columns of `depth` rows of a factor, side by side in `to`. */
static void uncrowd(const float **factor, size_t *ld, float *to, size_t count, size_t depth) {
    for (size_t i = 0; i < depth; i++)
        memcpy(to + i * count, *factor + i * *ld, count * sizeof *to);
    *factor = to;
    *ld = count;
}

static int multiply(const job *j, const cpu_tile *t, float *workspace) {
    const cpu_product *p = j->p;
    if (p->m < ROWS_PADDED)
        return (int)multiply_padded(p, t->column, t->columns, workspace, t->at, t->stride);
    size_t first = 0;
    do { // once when k is 0
        size_t left = p->k - first;
        size_t depth = (j->copies_a || j->copies_b) && left >= 2 * DEPTH ? DEPTH : left;
        size_t lda = p->lda, ldb = p->ldb;
        const float *a = p->ta == 'N' ? p->a + t->row * lda + first : p->a + t->row + first * lda;
        const float *b =
            p->tb == 'N' ? p->b + t->column + first * ldb : p->b + t->column * ldb + first;
        if (j->copies_a) uncrowd(&a, &lda, workspace, t->rows, depth);
        if (j->copies_b)
            uncrowd(&b, &ldb, workspace + (j->copies_a ? depth * t->rows : 0), t->columns, depth);
        dnnl_status_t s = sgemm(p, depth, a, lda, b, ldb, t->rows, t->columns, first ? 1 : p->beta,
                                t->at, t->stride);
        if (s) return (int)s;
        first += depth;
    } while (first < p->k);
    return 0;
}

/* The library writes its kernels at the first product of each of its ways, and crashes where there is
 * no memory for them. A few rows by a transposed factor go a way of their own. */
static err try_product(void) {
    enum { SIDE = 16, FEW = 8, LIBRARY_BYTES = 32 << 20 }; // both were seen to take 17 MiB
    float a[SIDE * SIDE] = {0}, c[SIDE * SIDE];
    char *workspace = NULL;
    err e = mem_new(&workspace, LIBRARY_BYTES);
    mem_free(workspace);
    if (e) return e;
    int s = (int)dnnl_sgemm('N', 'N', SIDE, SIDE, SIDE, 1, a, SIDE, a, SIDE, 0, c, SIDE);
    if (!s) s = (int)dnnl_sgemm('N', 'T', FEW, SIDE, SIDE, 1, a, SIDE, a, SIDE, 0, c, SIDE);
    return s ? refused(s, SIDE, SIDE, SIDE) : ERR_OK;
}
#endif

static void tile_item(void *context, size_t item, float *workspace) {
    job *j = context;
    const cpu_product *p = j->p;
    if (item < p->extra_items) {
        p->extra(p->context, item, workspace);
        return;
    }
    item -= p->extra_items;
    size_t row = item % j->row_tiles * j->rows, column = item / j->row_tiles * j->columns;
    size_t rows = p->m - row < j->rows ? p->m - row : j->rows;
    size_t columns = p->n - column < j->columns ? p->n - column : j->columns;
    cpu_tile tile = {.row = row,
                     .column = column,
                     .rows = rows,
                     .columns = columns,
                     .at = p->through_workspace ? workspace : p->c + row * p->ldc + column,
                     .stride = p->through_workspace ? columns : p->ldc};
    int status = multiply(j, &tile, workspace + ROWS_MAX * COLUMNS_MAX);
    if (status) atomic_store(&j->failed, status);
    if (p->finish) p->finish(p->context, &tile);
}

/* Called as devices are opened, by one thread after the other. */
err cpu__gemm_ready(void) {
    static mutex turn = MUTEX_FREE;
    static bool is_ready;
    mutex_take(&turn);
    err e = is_ready ? ERR_OK : try_product();
    if (!e) is_ready = true;
    mutex_give(&turn);
    return e;
}

err cpu__gemm(device *d, const cpu_product *p) {
    job j = {.p = p, .kernels = ((const cpu_device *)d->impl)->kernels};
    // a sum of nothing; with k of 0 the library leaves what it should overwrite as it was
    if (!p->m || !p->n || (!p->k && p->beta > 0)) return ERR_OK;
    cut(&j);
    err e = cpu__workspace(d, ROWS_MAX * COLUMNS_MAX + scratch(&j));
    if (e) return e;
    cpu__for(d, p->extra_items + j.row_tiles * j.column_tiles, tile_item, &j);
    int failed = atomic_load(&j.failed);
    return failed ? refused(failed, p->m, p->n, p->k) : ERR_OK;
}
