/* Recording of the matrix products. Kernel, tile and splits are functions of the device's kind and
 * of the shape alone, so that a device always sums in one order. */
#include "compute/vulkan/vulkan_internal.h"

/* As shaders/include/linear.glsl. */
enum { MODE_FWD, MODE_DX, MODE_DW };
enum {
    HAS_EXTRA = 1,
    HAS_OTHER = 2,
    IS_PARTIAL = 4,
    ADDS_TO = 8,
    ROUNDS_FACTORS = 16,
    ACT_SHIFT = 8
};

enum {
    TILE_SIDE = 64,    /* of linear_tile and linear_matrix */
    MATRIX_STEP = 32,  /* of linear_matrix and linear_matrix_large */
    LARGE_SIDE = 128,  /* tile of linear_matrix_large */
    SPLIT_STEPS = 128, /* of the sum, at least, in a split */
    REGISTER_ROWS = 16,
    REGISTER_LANES = 8,
    REGISTER_COLUMNS = 64,
    PANEL_STEPS = 64,
    PANEL_COLUMNS = 8,   /* of a lane */
    PANEL_GROUPS = 8,    /* workgroups wanted, so that every core has some */
    PANEL_ROWS_MIN = 32, /* of a workgroup: loading the panel takes as long as about 5 rows */
    PANEL_ROWS_MAX = 256,
    CHUNK_MAX = 32768 /* longest sum of one dispatch: the loop limit */
};

/* One product out (m, n) = A (m, k) B (k, n), see push_linear. */
typedef struct product {
    struct push_linear push;
    uint32_t mode, flags, splits;
    bool is_register, is_panel; /* by those kernels; else simple or tile */
    uint32_t tile_side;         /* with tiles: see vulkan__tile_side */
} product;

static uint32_t divide_up(uint32_t a, uint32_t b) {
    return (a + b - 1) / b;
}

// The register and panel kernels read 16 bytes at a time, which the shape must allow, and small
// products do not fill them.
static bool fits_wide(uint32_t m, uint32_t n, uint32_t k, uint32_t mode) {
    uint32_t along = mode == MODE_DW ? m : k; // contiguous in A
    return m >= REGISTER_ROWS / 2 && n >= REGISTER_COLUMNS / 2 && along % 4 == 0 && n % 4 == 0;
}

// Chooses the kernel, once the push constants are set.
static void choose(const recorder *r, product *p) {
    const struct push_linear *s = &p->push;
    bool fits = fits_wide(s->m, s->n, s->k, p->mode);
    if (r->v->matrix_shape) fits = false; // all products are linear_matrix
    p->is_register = fits && r->v->family == FAMILY_REGISTER;
    p->is_panel = fits && r->v->family == FAMILY_PANEL;
    p->tile_side = vulkan__tile_side(&r->v->device->info, s->m, s->n, 1);
}

// Bit 0, 1: the rows of A, of B in memory are whole multiples of 16 bytes.
static uint32_t wide_rows(const product *p) {
    const struct push_linear *s = &p->push;
    uint32_t a = p->mode == MODE_DW ? s->m : s->k, b = p->mode == MODE_FWD ? s->k : s->n;
    return (a % 4 == 0 ? 1 : 0) | (b % 4 == 0 ? 2 : 0);
}

static launch tile_launch(const product *p, uint32_t side) {
    const struct push_linear *s = &p->push;
    if (!side) {
        return (launch){.kernel = KERNEL_linear_tile,
                        .special = {256},
                        .x = divide_up(s->n, TILE_SIDE),
                        .y = divide_up(s->m, TILE_SIDE),
                        .iterations = (uint64_t)divide_up(s->chunk, 16) * 24};
    }
    uint32_t step = 2048 / side;
    return (launch){.kernel = side == 128 ? KERNEL_linear_tile_128 : KERNEL_linear_tile_64,
                    .special = {256, 0, 0, wide_rows(p)},
                    .x = divide_up(s->n, side),
                    .y = divide_up(s->m, side),
                    .iterations =
                        (uint64_t)divide_up(s->chunk, step) * (1 + step / 4) + side * side / 256};
}

// f16 or bf16 factors, in tiles of the same size.
static launch matrix_launch(const recorder *r, const struct push_linear *s) {
    uint32_t shape = r->v->matrix_shape, m = shape & 255, n = shape >> 8 & 255, k = shape >> 16;
    uint32_t lanes = 4 * r->v->device->info.subgroup_size;
    uint64_t loads = 2 * divide_up(MATRIX_STEP * TILE_SIDE, lanes);
    uint64_t products = (uint64_t)(32 / k) * (32 / m) * (1 + 32 / n);
    return (launch){.kernel =
                        r->v->has_bf16_matrix ? KERNEL_linear_matrix_bf16 : KERNEL_linear_matrix,
                    .special = {lanes, 0, 0, shape},
                    .x = divide_up(s->n, TILE_SIDE),
                    .y = divide_up(s->m, TILE_SIDE),
                    .iterations = divide_up(s->chunk, MATRIX_STEP) * (loads + products)};
}

static bool fits_large(const recorder *r, const product *p) {
    const struct push_linear *s = &p->push;
    return wide_rows(p) == 3 &&
           vulkan__matrix_is_large(&r->v->device->info, r->v->matrix_shape, s->m, s->n, p->splits);
}

// linear_matrix for large products.
static launch large_launch(const recorder *r, const struct push_linear *s) {
    uint32_t shape = r->v->matrix_shape, m = shape & 255, n = shape >> 8 & 255, k = shape >> 16;
    uint32_t lanes = 8 * r->v->device->info.subgroup_size;
    uint64_t loads = 4 * (LARGE_SIDE * MATRIX_STEP / 4 / lanes);
    uint64_t products = (uint64_t)(MATRIX_STEP / k) * (64 / m + 32 / n * (1 + 64 / m));
    return (launch){.kernel = r->v->has_bf16_matrix ? KERNEL_linear_matrix_large_bf16
                                                    : KERNEL_linear_matrix_large,
                    .special = {lanes, 0, 0, shape},
                    .x = divide_up(s->n, LARGE_SIDE),
                    .y = divide_up(s->m, LARGE_SIDE),
                    .iterations = divide_up(s->chunk, MATRIX_STEP) * (loads + products)};
}

// Sets push.chunk, the rows of a workgroup.
static launch panel_launch(const recorder *r, product *p) {
    static const kernel_id kernel[] = {KERNEL_linear_panel_fwd, KERNEL_linear_panel_dx,
                                       KERNEL_linear_panel_dw};
    struct push_linear *s = &p->push;
    uint32_t lanes = r->v->device->info.subgroup_size; // one subgroup a workgroup
    if (lanes < REGISTER_LANES) lanes = REGISTER_LANES;
    uint32_t x = divide_up(s->n, lanes * PANEL_COLUMNS), y = divide_up(PANEL_GROUPS, x);
    uint32_t most = divide_up(s->m, PANEL_ROWS_MIN), least = divide_up(s->m, PANEL_ROWS_MAX);
    if (y > most) y = most;
    if (y < least) y = least;
    uint32_t per_step = p->mode == MODE_DW ? 4 : 1;
    uint64_t panels = divide_up(s->k, PANEL_STEPS);
    s->chunk = (divide_up(s->m, y) + 3) / 4 * 4;
    while (s->chunk > 4 && panels * (1 + s->chunk / per_step) >= LOOP_LIMIT)
        s->chunk = (s->chunk / 2 + 3) / 4 * 4;
    return (launch){.kernel = kernel[p->mode],
                    .special = {lanes},
                    .x = x,
                    .y = divide_up(s->m, s->chunk),
                    .iterations = panels * (1 + s->chunk / per_step)};
}

static launch register_launch(const recorder *r, const struct push_linear *s, kernel_id kernel) {
    // one subgroup a workgroup: what does not depend on the lane is uniform
    uint32_t lanes = r->v->device->info.subgroup_size;
    if (lanes < REGISTER_LANES) lanes = REGISTER_LANES;
    return (launch){.kernel = kernel,
                    .special = {lanes},
                    .x = divide_up(s->n, lanes * 8),
                    .y = divide_up(s->m, REGISTER_ROWS),
                    .iterations = s->chunk};
}

static launch simple_launch(const recorder *r, const struct push_linear *s) {
    uint32_t size = r->v->group_size;
    size_t groups = ((size_t)s->m * s->n + size - 1) / size;
    uint32_t y = (uint32_t)((groups + 65534) / 65535);
    return (launch){.kernel = KERNEL_linear_simple,
                    .special = {size},
                    .x = y ? (uint32_t)((groups + y - 1) / y) : 0,
                    .y = y,
                    .iterations = s->chunk};
}

// Steps smaller than planned take smaller tiles, and their sums fewer splits.
static void make_ready(recorder *r, const product *p) {
    VkPipeline pipeline;
    for (uint32_t i = 0; i < 4 && !r->e; i++) {
        if (i % 2 && !(p->flags & IS_PARTIAL)) continue;
        launch l = tile_launch(p, i < 2 ? 64 : 128);
        l.special[1] = p->mode;
        l.special[2] = p->flags & ~(i % 2 ? (uint32_t)IS_PARTIAL : 0);
        vulkan__fail(r, vulkan__pipeline(&pipeline, r->v, l.kernel, l.special));
    }
}

// Binds nothing: the operands were bound.
static void dispatch(recorder *r, product *p) {
    launch l;
    if (r->v->rounds_factors) p->flags |= ROUNDS_FACTORS;
    if (r->v->matrix_shape && fits_large(r, p)) {
        l = large_launch(r, &p->push);
    } else if (r->v->matrix_shape) {
        l = matrix_launch(r, &p->push);
    } else if (r->v->family == FAMILY_TILE) {
        l = tile_launch(p, p->tile_side);
    } else if (p->is_panel) {
        l = panel_launch(r, p);
    } else if (p->is_register) {
        l = register_launch(r, &p->push,
                            p->mode == MODE_DW ? KERNEL_linear_register_tn
                                               : KERNEL_linear_register_nn);
    } else {
        l = simple_launch(r, &p->push);
    }
    l.special[1] = p->mode;
    l.special[2] = p->flags;
    l.z = p->splits;
    vulkan__dispatch(r, &l, &p->push);
    if (r->is_dry && l.kernel == KERNEL_linear_tile_128) make_ready(r, p);
}

// Rows of both row operands that one descriptor holds.
static uint32_t rows_at_once(recorder *r, uint32_t n, uint32_t k) {
    return vulkan__window_rows(r, n > k ? n : k);
}

// scratch = weight^T, so that neighbouring lanes read neighbouring numbers.
static void transpose(recorder *r, span weight, uint32_t n, uint32_t k) {
    struct push_linear push = {.n = n, .k = k};
    vulkan__write(r, r->scratch, 0, (size_t)n * k);
    vulkan__read(r, weight, 0, (size_t)n * k);
    vulkan__dispatch_elements(r, KERNEL_transpose, (size_t)n * k, 0, &push);
}

void vulkan__record_linear_fwd(recorder *r, const struct linear_fwd *a) {
    uint32_t rows = vulkan__size(r, a->rows), step = rows_at_once(r, a->n, a->k);
    size_t n = a->n, k = a->k;
    product p = {.push = {.m = rows,
                          .n = a->n,
                          .k = a->k,
                          .a_row = a->k,
                          .a_sum = 1,
                          .b_sum = 1,
                          .b_col = a->k,
                          .chunk = a->k},
                 .mode = MODE_FWD,
                 .flags = (span_given(a->pre) ? HAS_EXTRA : 0) |
                          (span_given(a->bias) ? HAS_OTHER : 0) | (uint32_t)a->act << ACT_SHIFT,
                 .splits = 1};
    choose(r, &p);
    if (p.is_register) transpose(r, a->weight, a->n, a->k);
    for (uint32_t first = 0; first < rows && !r->e; first += step) {
        uint32_t m = rows - first < step ? rows - first : step;
        p.push.m = m;
        vulkan__write(r, a->y, first * n, m * n);
        vulkan__read(r, a->x, first * k, m * k);
        vulkan__read(r, p.is_register ? r->scratch : a->weight, 0, n * k);
        vulkan__write(r, a->pre, first * n, m * n);
        vulkan__read(r, a->bias, 0, n);
        dispatch(r, &p);
    }
}

size_t vulkan__scratch_linear_fwd(const device *d, const struct linear_fwd *a) {
    return vulkan__of(d)->family == FAMILY_REGISTER ? (size_t)a->n * a->k : 0;
}

// Whether add is the result itself: the panel kernel, which stores partial sums there, adds to it.
static bool adds_to_itself(const struct linear_dx *a) {
    return span_given(a->add) && a->add.buffer == a->dx.buffer && a->add.offset == a->dx.offset;
}

NO_SCRATCH(linear_dx)
void vulkan__record_linear_dx(recorder *r, const struct linear_dx *a) {
    uint32_t rows = vulkan__size(r, a->rows), step = rows_at_once(r, a->n, a->k);
    size_t n = a->n, k = a->k;
    for (uint32_t first = 0; first < rows && !r->e; first += step) {
        uint32_t m = rows - first < step ? rows - first : step;
        product p = {.push = {.m = m,
                              .n = a->k,
                              .k = a->n,
                              .a_row = a->n,
                              .a_sum = 1,
                              .b_sum = a->k,
                              .b_col = 1,
                              .chunk = a->n},
                     .mode = MODE_DX,
                     .flags = (span_given(a->pre) ? HAS_EXTRA : 0) |
                              (span_given(a->add) ? HAS_OTHER : 0) |
                              (span_given(a->pre) ? (uint32_t)a->act << ACT_SHIFT : 0),
                     .splits = 1};
        choose(r, &p);
        if (adds_to_itself(a) && span_given(a->pre)) p.is_panel = false;
        if (p.is_panel && adds_to_itself(a)) p.flags = ADDS_TO;
        vulkan__write(r, a->dx, first * k, m * k);
        vulkan__read(r, a->dy, first * n, m * n);
        vulkan__read(r, a->weight, 0, n * k);
        vulkan__read(r, a->pre, first * k, m * k);
        span add = a->add;
        if (p.flags & ADDS_TO) add = (span){0};
        vulkan__read(r, add, first * k, m * k);
        dispatch(r, &p);
    }
}

/* Into how many parts the sum over `rows` is cut: enough workgroups to fill the device. More rows
 * give no fewer. *side: of the tiles. */
static uint32_t splits_of(const device *d, uint32_t rows, uint32_t n, uint32_t k, uint32_t *side) {
    const vulkan_device *v = vulkan__of(d);
    uint32_t most = divide_up(rows, SPLIT_STEPS), least = divide_up(rows, CHUNK_MAX);
    *side = vulkan__tile_side(&d->info, n, k, most);
    // panels add to the result: nothing to sum up, and no limit to the rows
    if (v->family == FAMILY_PANEL && fits_wide(n, k, rows, MODE_DW)) return 1;
    bool is_large = v->family == FAMILY_TILE && !v->matrix_shape && *side;
    uint32_t wanted = d->info.class == CLASS_SOFTWARE ? 8 : 256;
    if (is_large) wanted = vulkan__groups_wanted(&d->info) * (*side == 128 ? 1 : 2);
    uint32_t tiles = vulkan__tile_count(n, k, is_large ? *side : TILE_SIDE);
    uint32_t splits = tiles ? divide_up(wanted, tiles) : 1;
    if (splits > most) splits = most;
    if (splits < least) splits = least;
    return splits ? splits : 1;
}

// Scratch of a weight gradient: parts of dweight, then parts of dbias, so that both are made at
// once.
static size_t weight_parts(size_t splits, size_t n, size_t k) {
    return splits > 1 ? (splits * n * k + WINDOW_STEP - 1) / WINDOW_STEP * WINDOW_STEP : 0;
}

size_t vulkan__scratch_linear_dw(const device *d, const struct linear_dw *a) {
    uint32_t side, splits = splits_of(d, a->rows.max, a->n, a->k, &side);
    size_t columns = (size_t)vulkan__chunks(a->rows.max) * a->n;
    if (vulkan__of(d)->family == FAMILY_TILE) columns = 0;
    return weight_parts(splits, a->n, a->k) + columns;
}

// dbias on GPUs, or parts of it in scratch, from `scratch_first` on.
static void dbias(recorder *r, const struct linear_dw *a, uint32_t rows, size_t scratch_first) {
    size_t n = a->n;
    uint32_t step = vulkan__chunk_window(r, rows, n);
    for (uint32_t first = 0; first < rows; first += step) {
        uint32_t m = rows - first < step ? rows - first : step;
        if (r->v->family == FAMILY_TILE) {
            struct push_rows push = {.rows = m, .hidden = a->n};
            vulkan__write(r, a->dbias, 0, n);
            vulkan__read(r, a->dy, first * n, m * n);
            vulkan__dispatch_columns(r, KERNEL_column_sums_tile, m, a->n, &push);
            continue;
        }
        struct push_linear push = {.m = m, .n = a->n, .chunk = CHUNK_ROWS};
        size_t partial = (size_t)vulkan__chunks(m) * n;
        vulkan__write(r, r->scratch, scratch_first + (size_t)first / CHUNK_ROWS * n, partial);
        vulkan__read(r, a->dy, first * n, m * n);
        vulkan__dispatch_elements(r, KERNEL_column_sums, partial, CHUNK_ROWS, &push);
    }
}

void vulkan__record_linear_dw(recorder *r, const struct linear_dw *a) {
    uint32_t rows = vulkan__size(r, a->rows), step = rows_at_once(r, a->n, a->k), side;
    size_t n = a->n, k = a->k;
    size_t bias_first = weight_parts(splits_of(r->v->device, rows, a->n, a->k, &side), n, k);
    bool has_bias = span_given(a->dbias) && rows, begins = a->overwrites && !r->micro;
    if (has_bias) dbias(r, a, rows, bias_first);
    if (begins && !rows) vulkan__fill(r, a->dweight, n * k, 0);
    for (uint32_t first = 0; first < rows && !r->e; first += step) {
        uint32_t m = rows - first < step ? rows - first : step;
        uint32_t splits = splits_of(r->v->device, m, a->n, a->k, &side);
        product p = {.push = {.m = a->n,
                              .n = a->k,
                              .k = m,
                              .a_row = 1,
                              .a_sum = a->n,
                              .b_sum = a->k,
                              .b_col = 1,
                              .chunk = divide_up(m, splits),
                              .overwrites = begins && !first},
                     .mode = MODE_DW,
                     .flags = splits > 1 ? IS_PARTIAL : 0,
                     .splits = splits};
        choose(r, &p);
        p.tile_side = side;
        if (splits > 1)
            vulkan__write(r, r->scratch, 0, splits * n * k);
        else
            vulkan__write(r, a->dweight, 0, n * k);
        vulkan__read(r, a->dy, first * n, m * n);
        vulkan__read(r, a->x, first * k, m * k);
        if (!p.is_panel) {
            vulkan__read(r, (span){0}, 0, 0);
            vulkan__read(r, (span){0}, 0, 0);
        }
        dispatch(r, &p);
        const struct push_reduce sum = {.count = a->n * a->k,
                                        .chunks = splits,
                                        .stride = a->n * a->k,
                                        .overwrites = p.push.overwrites};
        if (splits > 1) vulkan__reduce(r, a->dweight, 0, &sum);
    }
    if (has_bias && r->v->family != FAMILY_TILE)
        vulkan__reduce(
            r, a->dbias, bias_first,
            &(struct push_reduce){.count = a->n, .chunks = vulkan__chunks(rows), .stride = a->n});
}
