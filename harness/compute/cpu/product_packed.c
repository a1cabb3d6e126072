/* Products of factors in bf16 by oneDNN's matmul.
 *
 * As in gemm.c C is cut into tiles by its sizes alone, each made by one thread. Rows and long sums
 * whose number changes from step to step are padded with zeros to a multiple of 32, so that few
 * primitives are ever made. A tile is made in workspace and laid into C by us: the library is fast
 * only where C has no gaps. */
#include "compute/cpu/cpu_internal.h"

#if !HARNESS_PLAIN_GEMM
#include <stdatomic.h>
#include <string.h>

enum {
    STEP = 32, /* rows of AMX tiles, and the numbers that one of its sums takes at a time */
    ROWS_MAX = 256,
    COLUMNS_MAX = 384,
    COLUMNS_STEP = 64,
    TILES_WANTED = 8,
    LINE = 64 / sizeof(float), /* packed tiles and scratch begin on cache lines */
    TURN = 64                  /* columns of A that one item turns */
};

typedef struct packed {
    const cpu_product *p;
    const cpu_kernels *kernels;
    struct cpu_matmuls *matmuls;
    size_t m, k;                    /* padded */
    size_t rows, columns;           /* of a tile */
    size_t row_tiles, column_tiles; /* how many */
    const float *b;
    uint16_t *a; /* (m, k) */
    char *b_to;  /* column tiles, tile_bytes apart */
    size_t tile_bytes;
    /* of whole tiles, and of the last */
    const struct cpu_packing *packings[2];
    const struct cpu_matmul *matmul[2][2]; /* [is the last of rows][of columns] */
    size_t scratch_floats;
    atomic_bool failed;
} packed;

static size_t round_up(size_t a, size_t b) {
    return cpu__parts(a, b) * b;
}

static size_t rows_of(const packed *j, size_t tile) {
    size_t first = tile * j->rows;
    return j->m - first < j->rows ? j->m - first : j->rows;
}

static size_t columns_of(const packed *j, size_t tile) {
    size_t first = tile * j->columns;
    return j->p->n - first < j->columns ? j->p->n - first : j->columns;
}

static err cut(packed *j) {
    const cpu_product *p = j->p;
    j->m = round_up(p->m, STEP);
    j->k = p->ta == 'T' ? round_up(p->k, STEP) : p->k;
    j->columns = round_up(cpu__parts(p->n, cpu__parts(p->n, COLUMNS_MAX)), COLUMNS_STEP);
    if (j->columns > p->n) j->columns = p->n;
    j->column_tiles = cpu__parts(p->n, j->columns);
    size_t count = cpu__parts(j->m, ROWS_MAX);
    while (count * j->column_tiles < TILES_WANTED && j->m / (count + 1) >= STEP) count++;
    j->rows = round_up(cpu__parts(j->m, count), STEP);
    j->row_tiles = cpu__parts(j->m, j->rows);
    const size_t columns[2] = {j->columns, columns_of(j, j->column_tiles - 1)};
    const size_t rows[2] = {j->rows, rows_of(j, j->row_tiles - 1)};
    for (size_t c = 0; c < 2; c++) {
        err e =
            cpu__packing_find(&j->packings[c], j->matmuls, columns[c], j->k, p->ldb, p->tb == 'T');
        if (e) return e;
        size_t bytes = round_up(cpu__packing_bytes(j->packings[c]), 64);
        if (bytes > j->tile_bytes) j->tile_bytes = bytes;
        for (size_t r = 0; r < 2; r++) {
            if ((e = cpu__matmul_find(&j->matmul[r][c], j->matmuls, rows[r], j->packings[c])))
                return e;
            size_t floats =
                round_up(cpu__matmul_scratch_bytes(j->matmul[r][c]), 64) / sizeof(float);
            if (floats > j->scratch_floats) j->scratch_floats = floats;
        }
    }
    return ERR_OK;
}

/* Some rows of A, in the order of memory. */
static void convert_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    const packed *j = context;
    size_t end = (item + 1) * STEP;
    for (size_t i = item * STEP; i < end; i++) {
        if (i < j->p->m)
            j->kernels->pack_bf16(j->a + i * j->k, j->p->a + i * j->p->lda, j->k);
        else
            memset(j->a + i * j->k, 0, j->k * sizeof *j->a);
    }
}

/* Some rows of A, which are columns in memory. */
static void turn_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    const packed *j = context;
    size_t first = item * TURN, end = first + TURN < j->m ? first + TURN : j->m;
    size_t given = end < j->p->m ? end : j->p->m;
    for (size_t r = 0; r < j->p->k && first < given; r += STEP) {
        size_t rows = j->p->k - r < STEP ? j->p->k - r : STEP;
        j->kernels->turn_bf16(j->a + first * j->k + r, j->k, j->p->a + r * j->p->lda + first,
                              j->p->lda, rows, given - first);
    }
    for (size_t i = first; i < end; i++) {
        size_t written = i < given ? j->p->k : 0;
        memset(j->a + i * j->k + written, 0, (j->k - written) * sizeof *j->a);
    }
}

static void pack_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    packed *j = context;
    size_t column = item * j->columns;
    const float *from = j->p->tb == 'N' ? j->b + column : j->b + column * j->p->ldb;
    if (!cpu__pack(j->matmuls, j->packings[item + 1 == j->column_tiles],
                   j->b_to + item * j->tile_bytes, from))
        atomic_store(&j->failed, true);
}

static void place(const packed *j, const cpu_tile *t, const float *from) {
    for (size_t i = 0; i < t->rows && t->at != from; i++) {
        float *to = t->at + i * t->stride;
        if (j->p->beta > 0)
            j->kernels->add(to, from + i * t->columns, t->columns);
        else
            memcpy(to, from + i * t->columns, t->columns * sizeof *to);
    }
}

static void tile_item(void *context, size_t item, float *workspace) {
    packed *j = context;
    const cpu_product *p = j->p;
    if (item < p->extra_items) {
        p->extra(p->context, item, workspace);
        return;
    }
    item -= p->extra_items;
    size_t r = item % j->row_tiles, c = item / j->row_tiles;
    float *made = workspace + j->scratch_floats;
    cpu_tile tile = {.row = r * j->rows, .column = c * j->columns, .columns = columns_of(j, c)};
    tile.rows = p->m - tile.row < j->rows ? p->m - tile.row : j->rows;
    tile.at = p->through_workspace ? made : p->c + tile.row * p->ldc + tile.column;
    tile.stride = p->through_workspace ? tile.columns : p->ldc;
    const struct cpu_matmul *matmul = j->matmul[r + 1 == j->row_tiles][c + 1 == j->column_tiles];
    if (!cpu__matmul_run(j->matmuls, matmul, made, j->a + tile.row * j->k,
                         j->b_to + c * j->tile_bytes, workspace))
        atomic_store(&j->failed, true);
    place(j, &tile, made);
    if (p->finish) p->finish(p->context, &tile);
}

/* Room in `shared` for A, then for what of B is not a weight: packed, and padded where it is not
 * as long as the sums. */
static err take_room(packed *j, device *d, float **b_padded) {
    const cpu_product *p = j->p;
    size_t a_floats = round_up(j->m * j->k * sizeof(uint16_t), 64) / sizeof(float);
    size_t b_floats = p->is_weight ? 0 : j->column_tiles * j->tile_bytes / sizeof(float);
    size_t padded = p->is_weight || j->k == p->k ? 0 : j->k * p->ldb;
    float *shared;
    err e = cpu__shared(&shared, d, a_floats + b_floats + padded + LINE);
    if (e) return e;
    j->a = (uint16_t *)(void *)shared;
    j->b_to = (char *)(shared + a_floats);
    *b_padded = padded ? shared + a_floats + b_floats : NULL;
    return cpu__workspace(d, j->scratch_floats + j->rows * j->columns);
}

static err prepare_b(packed *j, device *d, float *padded) {
    const cpu_product *p = j->p;
    bool is_old = true;
    j->b = p->b;
    if (p->is_weight) {
        const cpu_weight wanted = {
            .from = p->b, .n = p->n, .k = p->k, .is_transposed = p->tb == 'T', .is_packed = true};
        cpu_weight *w;
        err e = cpu__weight_find(&w, &is_old, d, &wanted, j->column_tiles * j->tile_bytes);
        if (e) return e;
        j->b_to = w->copy;
    } else if (padded) {
        memcpy(padded, p->b, p->k * p->ldb * sizeof *padded);
        memset(padded + p->k * p->ldb, 0, (j->k - p->k) * p->ldb * sizeof *padded);
        j->b = padded;
    }
    if (is_old) cpu__for(d, j->column_tiles, pack_item, j);
    return ERR_OK;
}

err cpu__product_packed(device *d, const cpu_product *p) {
    const cpu_device *c = d->impl;
    packed j = {.p = p, .kernels = c->kernels, .matmuls = c->matmuls};
    float *padded;
    // a sum of nothing is cpu__gemm's
    if (!p->m || !p->n || !p->k) return cpu__gemm(d, p);
    err e = cut(&j);
    if (e || (e = take_room(&j, d, &padded)) || (e = prepare_b(&j, d, padded))) return e;
    if (p->ta == 'N')
        cpu__for(d, j.m / STEP, convert_item, &j);
    else
        cpu__for(d, cpu__parts(j.m, TURN), turn_item, &j);
    cpu__for(d, p->extra_items + j.row_tiles * j.column_tiles, tile_item, &j);
    if (!atomic_load(&j.failed)) return ERR_OK;
    return err_set(ERR_DEVICE, "oneDNN refused a product in bf16 of %zux%zux%zu", p->m, p->n, p->k);
}
#endif
