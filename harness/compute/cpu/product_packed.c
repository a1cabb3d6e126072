/* Products of factors in bf16 by oneDNN's matmul.
 *
 * As in gemm.c C is cut into tiles by its sizes alone, each made by one thread. Rows and long sums
 * whose number changes from step to step are padded with zeros to a multiple of 32, and long sums
 * are cut into parts, so that few primitives are ever made and their factors stay in cache: each
 * part of A and each piece of B (a part of a column tile) lies by itself. A tile is made in
 * workspace and laid into C by us: the library is fast only where a factor and C have no gaps. */
#include "compute/cpu/cpu_internal.h"

#if !HARNESS_PLAIN_GEMM
#include <stdatomic.h>
#include <string.h>

enum {
    STEP = 32, /* rows of AMX tiles, and the numbers that one of its sums takes at a time */
    ROWS_MAX = 256,
    COLUMNS_MAX = 384,
    COLUMNS_STEP = 64,
    DEPTH_MAX =
        768, /* of a part: with AMX 1,880 GFLOP/s a core, 790 where sums of 4096 are whole */
    TILES_WANTED = 8,
    LINE = 64 / sizeof(float), /* packed tiles and scratch begin on cache lines */
    TURN = 64                  /* rows of A that are turned at once */
};

typedef struct packed {
    const cpu_product *p;
    const cpu_kernels *kernels;
    struct cpu_matmuls *matmuls;
    size_t m, k;                    /* padded */
    size_t rows, columns;           /* of a tile */
    size_t row_tiles, column_tiles; /* how many */
    size_t depth, parts;            /* of a part of the sums; how many */
    const float *b, *b_last;        /* b_last: the last part, where it is padded */
    uint16_t *a;                    /* parts of (m, depth) */
    char *b_to; /* pieces, piece_bytes apart: the parts of a column tile side by side */
    size_t piece_bytes;
    /* [is the last of rows][of columns][of parts], [adds to what is there] */
    const struct cpu_packing *packings[2][2];
    const struct cpu_matmul *matmul[2][2][2][2];
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

static size_t depth_of(const packed *j, size_t part) {
    size_t first = part * j->depth;
    return j->k - first < j->depth ? j->k - first : j->depth;
}

static uint16_t *a_part(const packed *j, size_t part) {
    return j->a + part * j->depth * j->m;
}

static err find_primitives(packed *j, bool is_last_column, bool is_last_part) {
    const cpu_product *p = j->p;
    size_t columns = is_last_column ? columns_of(j, j->column_tiles - 1) : j->columns;
    size_t depth = is_last_part ? depth_of(j, j->parts - 1) : j->depth;
    const struct cpu_packing **packing = &j->packings[is_last_column][is_last_part];
    err e = cpu__packing_find(packing, j->matmuls, columns, depth, p->ldb, p->tb == 'T');
    if (e) return e;
    size_t bytes = round_up(cpu__packing_bytes(*packing), 64);
    if (bytes > j->piece_bytes) j->piece_bytes = bytes;
    const size_t rows[2] = {j->rows, rows_of(j, j->row_tiles - 1)};
    for (size_t r = 0; r < 2; r++) {
        for (size_t adds = 0; adds < (j->parts > 1 ? 2 : 1); adds++) {
            const struct cpu_matmul **matmul = &j->matmul[r][is_last_column][is_last_part][adds];
            if ((e = cpu__matmul_find(matmul, j->matmuls, rows[r], *packing, adds))) return e;
            size_t floats = round_up(cpu__matmul_scratch_bytes(*matmul), 64) / sizeof(float);
            if (floats > j->scratch_floats) j->scratch_floats = floats;
        }
    }
    return ERR_OK;
}

static err cut(packed *j) {
    const cpu_product *p = j->p;
    j->m = round_up(p->m, STEP);
    j->k = p->ta == 'T' ? round_up(p->k, STEP) : p->k;
    j->depth = round_up(cpu__parts(j->k, cpu__parts(j->k, DEPTH_MAX)), STEP);
    if (j->depth > j->k) j->depth = j->k;
    j->parts = cpu__parts(j->k, j->depth);
    j->columns = round_up(cpu__parts(p->n, cpu__parts(p->n, COLUMNS_MAX)), COLUMNS_STEP);
    if (j->columns > p->n) j->columns = p->n;
    j->column_tiles = cpu__parts(p->n, j->columns);
    size_t count = cpu__parts(j->m, ROWS_MAX);
    while (count * j->column_tiles < TILES_WANTED && j->m / (count + 1) >= STEP) count++;
    j->rows = round_up(cpu__parts(j->m, count), STEP);
    j->row_tiles = cpu__parts(j->m, j->rows);
    err e = ERR_OK;
    for (size_t i = 0; i < 4 && !e; i++) e = find_primitives(j, i / 2, i % 2);
    return e;
}

/* Some rows of A, in the order of memory. */
static void convert_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    const packed *j = context;
    size_t end = (item + 1) * STEP;
    for (size_t part = 0; part < j->parts; part++) {
        size_t depth = depth_of(j, part);
        for (size_t i = item * STEP; i < end; i++) {
            uint16_t *to = a_part(j, part) + i * depth;
            if (i < j->p->m)
                j->kernels->pack_bf16(to, j->p->a + i * j->p->lda + part * j->depth, depth);
            else
                memset(to, 0, depth * sizeof *to);
        }
    }
}

/* STEP columns of A, which are rows in memory: read as they lie. */
static void turn_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    const packed *j = context;
    const cpu_product *p = j->p;
    size_t r = item * STEP, rows = p->k - r < STEP ? p->k - r : STEP;
    size_t part = r / j->depth, depth = depth_of(j, part);
    for (size_t first = 0; first < p->m; first += TURN) {
        size_t columns = p->m - first < TURN ? p->m - first : TURN;
        j->kernels->turn_bf16(a_part(j, part) + first * depth + r % j->depth, depth,
                              p->a + r * p->lda + first, p->lda, rows, columns);
    }
}

static void pack_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    packed *j = context;
    size_t column = item / j->parts, part = item % j->parts;
    bool is_last_part = part + 1 == j->parts;
    const struct cpu_packing *packing = j->packings[column + 1 == j->column_tiles][is_last_part];
    size_t row = part * j->depth, first = column * j->columns;
    const float *from = j->p->tb == 'T'             ? j->b + first * j->p->ldb + row
                        : is_last_part && j->b_last ? j->b_last + first
                                                    : j->b + row * j->p->ldb + first;
    void *to = j->b_to + item * j->piece_bytes;
    if (cpu__packing_is_pairs(packing))
        j->kernels->pair_bf16(to, from, j->p->ldb, j->p->tb == 'T', depth_of(j, part),
                              columns_of(j, column));
    else if (!cpu__pack(j->matmuls, packing, to, from))
        atomic_store(&j->failed, true);
}

static void place(const packed *j, const cpu_tile *t) {
    for (size_t i = 0; i < t->rows; i++) {
        float *to = j->p->c + (t->row + i) * j->p->ldc + t->column;
        if (j->p->beta > 0)
            j->kernels->add(to, t->at + i * t->stride, t->columns);
        else
            memcpy(to, t->at + i * t->stride, t->columns * sizeof *to);
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
    cpu_tile tile = {
        .row = r * j->rows, .column = c * j->columns, .columns = columns_of(j, c), .at = made};
    tile.rows = p->m - tile.row < j->rows ? p->m - tile.row : j->rows;
    tile.stride = tile.columns;
    for (size_t part = 0; part < j->parts; part++) {
        const struct cpu_matmul *matmul = j->matmul[r + 1 == j->row_tiles][c + 1 == j->column_tiles]
                                                   [part + 1 == j->parts][part > 0];
        if (!cpu__matmul_run(j->matmuls, matmul, made,
                             a_part(j, part) + tile.row * depth_of(j, part),
                             j->b_to + (c * j->parts + part) * j->piece_bytes, workspace))
            atomic_store(&j->failed, true);
    }
    if (p->finish)
        p->finish(p->context, &tile);
    else
        place(j, &tile);
}

/* Room in `shared` for A, then for what of B is not a weight: packed, and its last part padded where
 * it is not as long as the sums. */
static err take_room(packed *j, device *d, float **b_padded) {
    const cpu_product *p = j->p;
    size_t a_floats = round_up(j->m * j->k * sizeof(uint16_t), 64) / sizeof(float);
    size_t pieces = p->is_weight ? 0 : j->column_tiles * j->parts;
    size_t b_floats = pieces * j->piece_bytes / sizeof(float);
    size_t padded = p->is_weight || j->k == p->k ? 0 : depth_of(j, j->parts - 1) * p->ldb;
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
    size_t pieces = j->column_tiles * j->parts;
    bool is_old = true;
    j->b = p->b;
    if (p->is_weight) {
        const cpu_weight wanted = {
            .from = p->b, .n = p->n, .k = p->k, .is_transposed = p->tb == 'T', .is_packed = true};
        cpu_weight *w;
        err e = cpu__weight_find(&w, &is_old, d, &wanted, pieces * j->piece_bytes);
        if (e) return e;
        j->b_to = w->copy;
    } else if (padded) {
        size_t first = (j->parts - 1) * j->depth, given = (p->k - first) * p->ldb;
        memcpy(padded, p->b + first * p->ldb, given * sizeof *padded);
        memset(padded + given, 0, (j->k - p->k) * p->ldb * sizeof *padded);
        j->b_last = padded;
    }
    if (is_old) cpu__for(d, pieces, pack_item, j);
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
        cpu__for(d, j.k / STEP, turn_item, &j);
    cpu__for(d, p->extra_items + j.row_tiles * j.column_tiles, tile_item, &j);
    if (!atomic_load(&j.failed)) return ERR_OK;
    return err_set(ERR_DEVICE, "oneDNN refused a product in bf16 of %zux%zux%zu", p->m, p->n, p->k);
}
#endif
