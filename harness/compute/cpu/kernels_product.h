/* One tile of a matrix product, where no library's product is used (gemm.c). Both factors are
 * packed, PRODUCT_DEPTH of the sum at a time: A into panels of TILE_ROWS rows, which stay in the
 * second cache, B into one panel of TILE_VECS vectors of columns, which stays in the first; what is
 * missing to a whole panel is zeros. Included by kernels_body.h, once per instruction set. */
#ifndef HARNESS_COMPUTE_CPU_KERNELS_PRODUCT_H
#define HARNESS_COMPUTE_CPU_KERNELS_PRODUCT_H

#include "compute/cpu/kernels.h"
#include "compute/cpu/kernels_vector.h"

#include <string.h>

enum { TILE_COLUMNS = TILE_VECS * VEC };

/* to (depth, width): element (l, i) = that of the factor's row or column i, 0 from count on.
 * pre: width is a multiple of 4. */
static void pack_panel(float *to, cpu_factor from, size_t count, size_t width, size_t depth) {
    if (count < width) memset(to, 0, depth * width * sizeof *to);
    if (from.outer == 1) {
        for (size_t l = 0; l < depth; l++)
            memcpy(to + l * width, from.at + l * from.depth, count * sizeof *to);
        return;
    }
    size_t fours = count / 4 * 4, whole = depth / 4 * 4;
    for (size_t i = 0; i < fours; i += 4)
        for (size_t l = 0; l < whole; l += 4)
            transpose_four(to + l * width + i, width, from.at + i * from.outer + l, from.outer);
    for (size_t i = 0; i < count; i++)
        for (size_t l = i < fours ? whole : 0; l < depth; l++)
            to[l * width + i] = from.at[i * from.outer + l * from.depth];
}

/* c (rows, columns) = panel a times panel b, + beta c unless beta is 0. */
static void panel_product(float *c, size_t ldc, const float *a, const float *b, size_t depth,
                          float beta, size_t rows, size_t columns) {
    vec sum[TILE_ROWS][TILE_VECS];
    UNROLLED for (int r = 0; r < TILE_ROWS; r++) UNROLLED for (int v = 0; v < TILE_VECS; v++)
        sum[r][v] = vec_all(0.0f);
    for (size_t l = 0; l < depth; l++, a += TILE_ROWS, b += TILE_COLUMNS) {
        vec right[TILE_VECS];
        for (int v = 0; v < TILE_VECS; v++) right[v] = vec_load(b + v * VEC);
        UNROLLED for (int r = 0; r < TILE_ROWS; r++) UNROLLED for (int v = 0; v < TILE_VECS; v++)
            sum[r][v] = vec_fma(vec_of(a, r), right[v], sum[r][v]);
    }
    float edge[TILE_ROWS * TILE_COLUMNS];
    bool is_whole = rows == TILE_ROWS && columns == TILE_COLUMNS;
    float *to = is_whole ? c : edge;
    size_t stride = is_whole ? ldc : TILE_COLUMNS;
    if (is_whole && beta != 0.0f)
        UNROLLED for (int r = 0; r < TILE_ROWS; r++) UNROLLED for (int v = 0; v < TILE_VECS; v++)
            sum[r][v] =
                vec_fma(vec_all(beta), vec_load(to + (size_t)r * stride + v * VEC), sum[r][v]);
    UNROLLED for (int r = 0; r < TILE_ROWS; r++) UNROLLED for (int v = 0; v < TILE_VECS; v++)
        vec_store(to + (size_t)r * stride + v * VEC, sum[r][v]);
    for (size_t r = 0; !is_whole && r < rows; r++) {
        for (size_t j = 0; j < columns; j++) {
            float x = edge[r * TILE_COLUMNS + j], *at = &c[r * ldc + j];
            *at = beta != 0.0f ? FUSED(beta, *at, x) : x;
        }
    }
}

/* See kernels.h. */
static void tile_product(float *c, size_t ldc, cpu_factor a, cpu_factor b, size_t m, size_t n,
                         size_t k, float beta, float *workspace) {
    float *right = workspace, *lefts = workspace + PRODUCT_DEPTH * TILE_COLUMNS;
    size_t first = 0;
    do { // once when k is 0: c must be written
        size_t depth = k - first < PRODUCT_DEPTH ? k - first : PRODUCT_DEPTH;
        for (size_t i = 0; i < m; i += TILE_ROWS) {
            cpu_factor rows = {a.at + i * a.outer + first * a.depth, a.outer, a.depth};
            pack_panel(lefts + i * depth, rows, m - i < TILE_ROWS ? m - i : TILE_ROWS, TILE_ROWS,
                       depth);
        }
        for (size_t j = 0; j < n; j += TILE_COLUMNS) {
            size_t columns = n - j < TILE_COLUMNS ? n - j : TILE_COLUMNS;
            cpu_factor panel = {b.at + j * b.outer + first * b.depth, b.outer, b.depth};
            pack_panel(right, panel, columns, TILE_COLUMNS, depth);
            for (size_t i = 0; i < m; i += TILE_ROWS)
                panel_product(c + i * ldc + j, ldc, lefts + i * depth, right, depth, beta,
                              m - i < TILE_ROWS ? m - i : TILE_ROWS, columns);
        }
        beta = 1;
        first += depth;
    } while (first < k);
}

#endif
