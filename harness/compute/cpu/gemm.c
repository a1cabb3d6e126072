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
    ROWS_PADDED = 16
};

typedef struct job {
    const cpu_product *p;
    const cpu_kernels *kernels;
    size_t rows, columns;           /* of a tile */
    size_t row_tiles, column_tiles; /* how many */
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

static err try_product(void) {
    return ERR_OK;
}
#else
static dnnl_status_t sgemm(const cpu_product *p, const float *a, size_t lda, size_t column,
                           size_t rows, size_t columns, float beta, float *c, size_t ldc) {
    const float *b = p->tb == 'N' ? p->b + column : p->b + column * p->ldb;
    return dnnl_sgemm(p->ta, p->tb, (dnnl_dim_t)rows, (dnnl_dim_t)columns, (dnnl_dim_t)p->k, 1.0f,
                      a, (dnnl_dim_t)lda, b, (dnnl_dim_t)p->ldb, beta, c, (dnnl_dim_t)ldc);
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
    dnnl_status_t s = sgemm(p, a, is_straight ? p->k : ROWS_PADDED, column, ROWS_PADDED, columns, 0,
                            sum, columns);
    for (size_t i = 0; i < p->m; i++) {
        for (size_t j = 0; j < columns; j++) {
            float *to = &c[i * ldc + j];
            *to = p->beta > 0 ? p->beta * *to + sum[i * columns + j] : sum[i * columns + j];
        }
    }
    return s;
}

static int multiply(const job *j, const cpu_tile *t, float *workspace) {
    const cpu_product *p = j->p;
    if (p->m < ROWS_PADDED)
        return (int)multiply_padded(p, t->column, t->columns, workspace, t->at, t->stride);
    const float *a = p->ta == 'N' ? p->a + t->row * p->lda : p->a + t->row;
    return (int)sgemm(p, a, p->lda, t->column, t->rows, t->columns, p->beta, t->at, t->stride);
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
#if HARNESS_PLAIN_GEMM
    size_t scratch = cpu__product_workspace(ROWS_MAX);
#else
    size_t scratch = ROWS_PADDED * (p->k + COLUMNS_MAX);
#endif
    err e = cpu__workspace(d, ROWS_MAX * COLUMNS_MAX + scratch);
    if (e) return e;
    cpu__for(d, p->extra_items + j.row_tiles * j.column_tiles, tile_item, &j);
    int failed = atomic_load(&j.failed);
    return failed ? refused(failed, p->m, p->n, p->k) : ERR_OK;
}
