/* Recording of the row-wise operations. Tables of which a step touches few rows are bound in
 * windows. */
#include "compute/vulkan/vulkan_internal.h"

static uint32_t quads(uint32_t hidden) {
    return (hidden + 3) / 4;
}

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

// Calls `body` for each run of rows [first, first + count) that one descriptor can hold.
#define FOR_WINDOWS(r, rows, row_elements, first, count)                                           \
    for (uint32_t first = 0, step_##first = vulkan__window_rows((r), (row_elements)),              \
                  count = least((rows), step_##first);                                             \
         first < (rows); first += step_##first, count = least((rows)-first, step_##first))

NO_SCRATCH(fill)
void vulkan__record_fill(recorder *r, const struct fill *a) {
    vulkan__fill(r, a->x, (size_t)vulkan__size(r, a->rows) * a->cols, a->value);
}

NO_SCRATCH(embed_fwd)
void vulkan__record_embed_fwd(recorder *r, const struct embed_fwd *a) {
    uint32_t rows = vulkan__size(r, a->rows), h = a->hidden;
    FOR_WINDOWS(r, a->table_rows, h, first, count) {
        struct push_embed push = {rows, h, first, count};
        vulkan__write(r, a->y, 0, (size_t)rows * h);
        vulkan__read(r, a->token, (size_t)first * h, (size_t)count * h);
        vulkan__read(r, a->position, 0, a->position.count);
        vulkan__read(r, a->type, 0, a->type.count);
        vulkan__read(r, a->ids, 0, rows);
        vulkan__read(r, a->positions, 0, rows);
        vulkan__read(r, a->type_ids, 0, rows);
        vulkan__dispatch_elements(r, KERNEL_embed_fwd, (size_t)rows * quads(h), 4, &push);
    }
}

// Items of a chunk. Lists that average as many are summed in two levels: one invocation walks a
// list.
enum { ITEMS = 64 };

static bool is_long(uint32_t lists, uint32_t items) {
    return items / ITEMS > 0 && lists <= items / ITEMS;
}

static uint32_t item_chunks(uint32_t items) {
    return (items + ITEMS - 1) / ITEMS;
}

size_t vulkan__scratch_rows_sum(const device *d, const struct rows_sum *a) {
    (void)d;
    return (size_t)item_chunks(a->items_max.max) * a->hidden;
}

static void items_sum(recorder *r, const struct rows_sum *a, uint32_t items) {
    struct push_rows push = {.rows = items, .hidden = a->hidden};
    size_t partial = (size_t)item_chunks(items) * a->hidden;
    size_t groups = (size_t)item_chunks(items) * quads(a->hidden);
    vulkan__write(r, r->scratch, 0, partial);
    vulkan__read(r, a->x, 0, (size_t)items * a->hidden);
    vulkan__read(r, a->items, 0, items);
    launch l = vulkan__launch_elements(r, KERNEL_items_sum, groups, ITEMS);
    l.special[1] = a->hidden % 4 == 0;
    l.special[2] = ITEMS;
    vulkan__dispatch(r, &l, &push);
}

static void rows_sum(recorder *r, const struct rows_sum *a, uint32_t lists, uint32_t items,
                     uint32_t chunk) {
    uint32_t h = a->hidden;
    size_t table = a->out.count / h;
    uint32_t table_rows = table < UINT32_MAX ? (uint32_t)table : UINT32_MAX;
    if (chunk) items_sum(r, a, items);
    FOR_WINDOWS(r, table_rows, h, first, count) {
        struct push_embed push = {lists, h, first, count};
        vulkan__write(r, a->out, (size_t)first * h, (size_t)count * h);
        vulkan__read(r, a->x, 0, (size_t)items * h);
        vulkan__read(r, a->starts, 0, (size_t)lists + 1);
        vulkan__read(r, a->items, 0, items);
        vulkan__read(r, a->rows, 0, lists);
        vulkan__read(r, chunk ? r->scratch : (span){0}, 0, (size_t)item_chunks(items) * h);
        launch l = vulkan__launch_elements(r, KERNEL_rows_sum, (size_t)lists * quads(h),
                                           chunk ? 2 * chunk + items / chunk + 4 : items + 4);
        l.special[1] = h % 4 == 0;
        l.special[2] = chunk;
        vulkan__dispatch(r, &l, &push);
    }
}

void vulkan__record_rows_sum(recorder *r, const struct rows_sum *a) {
    uint32_t lists = vulkan__size(r, a->lists), items = vulkan__size(r, a->items_max);
    bool in_chunks = is_long(lists, items);
    rows_sum(r, a, lists, items, in_chunks ? ITEMS : 0);
    // a step may have fewer lists, or fewer items, than planned
    if (r->is_dry && items >= ITEMS) rows_sum(r, a, 1, ITEMS, in_chunks ? 0 : ITEMS);
}

NO_SCRATCH(gather_rows)
void vulkan__record_gather_rows(recorder *r, const struct gather_rows *a) {
    uint32_t rows = vulkan__size(r, a->rows);
    struct push_rows push = {.rows = rows, .hidden = a->hidden};
    vulkan__bind_operands(r);
    vulkan__dispatch_elements(r, KERNEL_gather_rows, (size_t)rows * a->hidden, 0, &push);
}

NO_SCRATCH(scatter_rows)
void vulkan__record_scatter_rows(recorder *r, const struct scatter_rows *a) {
    uint32_t rows = vulkan__size(r, a->rows);
    size_t count = (size_t)vulkan__size(r, a->tokens) * a->hidden;
    struct push_rows push = {.rows = rows, .hidden = a->hidden};
    vulkan__fill(r, a->dx, count, 0);
    vulkan__write(r, a->dx, 0, count);
    vulkan__read(r, a->dy, 0, (size_t)rows * a->hidden);
    vulkan__read(r, a->starts, 0, (size_t)rows + 1);
    vulkan__dispatch_elements(r, KERNEL_scatter_rows, (size_t)rows * a->hidden, 0, &push);
}

NO_SCRATCH(dropout)
void vulkan__record_dropout(recorder *r, const struct dropout *a) {
    uint32_t rows = vulkan__size(r, a->rows);
    struct push_rows push = {.rows = rows, .hidden = a->hidden, .drop = vulkan__drop(r, a->drop)};
    vulkan__bind_operands(r);
    vulkan__dispatch_elements(r, KERNEL_dropout, (size_t)rows * quads(a->hidden), 4, &push);
}

NO_SCRATCH(activation_bwd)
void vulkan__record_activation_bwd(recorder *r, const struct activation_bwd *a) {
    uint32_t rows = vulkan__size(r, a->rows);
    FOR_WINDOWS(r, rows, a->cols, first, count) {
        size_t from = (size_t)first * a->cols, n = (size_t)count * a->cols;
        struct push_activation push = {count, a->cols, (uint32_t)a->act};
        vulkan__write(r, a->dx, from, n);
        vulkan__read(r, a->dy, from, n);
        vulkan__read(r, a->pre, from, n);
        vulkan__dispatch_elements(r, KERNEL_activation_bwd, n, 0, &push);
    }
}

NO_SCRATCH(number_loss)
void vulkan__record_number_loss(recorder *r, const struct number_loss *a) {
    uint32_t rows = vulkan__size(r, a->rows);
    struct push_loss push = {.rows = rows,
                             .classes = a->cols,
                             .has_dlogits = span_given(a->doutputs),
                             .is_binary = a->binary,
                             .loss_scale = r->step->loss_scale};
    vulkan__bind_operands(r);
    vulkan__dispatch_elements(r, KERNEL_number_loss, rows, (uint64_t)a->cols, &push);
}

enum {
    ROW_LANES = 64,  /* of the workgroup that a row has on GPUs */
    ROW_KEPT_MAX = 4 /* quads of a row that a lane keeps in registers: layernorm_*_tile.comp */
};

// One invocation a row, or one workgroup a row.
static void dispatch_rows(recorder *r, kernel_id of_register, kernel_id of_tile, uint32_t rows,
                          uint32_t h, uint64_t passes, const void *push) {
    bool is_tile = r->v->family == FAMILY_TILE;
    uint32_t lanes = is_tile ? ROW_LANES : 1, turns = (quads(h) + lanes - 1) / lanes;
    launch l = vulkan__launch_elements(r, of_register, rows, passes * turns);
    if (is_tile) {
        uint32_t y = (rows + 65534) / 65535;
        l = (launch){.kernel = of_tile,
                     .special = {ROW_LANES, 0, turns <= ROW_KEPT_MAX ? turns : 0},
                     .x = y ? (rows + y - 1) / y : 0,
                     .y = y,
                     .z = 1,
                     .iterations = passes * (turns + 8)};
    }
    l.special[1] = h % 4 == 0;
    vulkan__dispatch(r, &l, push);
}

// A parameter (H) as texels: spans are padded beyond the last.
static void read_texels(recorder *r, span s, uint32_t h) {
    vulkan__read(r, s, 0, (size_t)quads(h) * 4);
}

NO_SCRATCH(layernorm_fwd)
void vulkan__record_layernorm_fwd(recorder *r, const struct layernorm_fwd *a) {
    uint32_t rows = vulkan__size(r, a->rows), h = a->hidden;
    FOR_WINDOWS(r, rows, h, first, count) {
        size_t from = (size_t)first * h, n = (size_t)count * h;
        struct push_layernorm push = {.rows = count,
                                      .hidden = h,
                                      .has_sum = span_given(a->sum),
                                      .has_residual = span_given(a->residual),
                                      .eps = a->eps,
                                      .before = vulkan__drop(r, a->before),
                                      .after = vulkan__drop(r, a->after)};
        vulkan__write(r, a->y, from, n);
        vulkan__write(r, a->sum, from, n);
        vulkan__write(r, a->mean, first, count);
        vulkan__write(r, a->rstd, first, count);
        vulkan__read(r, a->x, from, n);
        vulkan__read(r, a->residual, from, n);
        vulkan__read(r, a->positions, first, count);
        vulkan__read(r, a->token_sentence, first, count);
        read_texels(r, a->weight, h);
        read_texels(r, a->bias, h);
        dispatch_rows(r, KERNEL_layernorm_fwd_register, KERNEL_layernorm_fwd_tile, count, h, 3,
                      &push);
    }
}

size_t vulkan__scratch_layernorm_bwd(const device *d, const struct layernorm_bwd *a) {
    if (vulkan__of(d)->family == FAMILY_TILE) return 0;
    return (size_t)vulkan__chunks(a->rows.max) * 2 * a->hidden;
}

static void read_rows(recorder *r, const struct layernorm_bwd *a, uint32_t first, uint32_t count) {
    size_t from = (size_t)first * a->hidden, n = (size_t)count * a->hidden;
    vulkan__read(r, a->dy, from, n);
    vulkan__read(r, a->sum, from, n);
    vulkan__read(r, a->mean, first, count);
    vulkan__read(r, a->rstd, first, count);
    vulkan__read(r, a->positions, first, count);
    vulkan__read(r, a->token_sentence, first, count);
}

// dweight and dbias: GPUs sum in one dispatch, others by chunks of rows.
static void layernorm_columns(recorder *r, const struct layernorm_bwd *a, uint32_t rows) {
    uint32_t h = a->hidden, chunks = vulkan__chunks(rows);
    uint32_t step = vulkan__chunk_window(r, rows, h);
    bool is_tile = r->v->family == FAMILY_TILE;
    for (uint32_t first = 0; first < rows; first += step) {
        uint32_t count = least(rows - first, step);
        struct push_layernorm push = {.rows = count,
                                      .hidden = h,
                                      .chunk_rows = CHUNK_ROWS,
                                      .after = vulkan__drop(r, a->after)};
        if (is_tile) {
            vulkan__write(r, a->dweight, 0, h);
            vulkan__write(r, a->dbias, 0, h);
            read_rows(r, a, first, count);
            vulkan__dispatch_columns(r, KERNEL_layernorm_columns_tile, count, h, &push);
            continue;
        }
        vulkan__write(r, r->scratch, (size_t)first / CHUNK_ROWS * 2 * h,
                      (size_t)vulkan__chunks(count) * 2 * h);
        read_rows(r, a, first, count);
        vulkan__dispatch_elements(r, KERNEL_layernorm_columns,
                                  (size_t)vulkan__chunks(count) * quads(h), CHUNK_ROWS + 4, &push);
    }
    if (is_tile) return;
    struct push_reduce push = {.count = h, .chunks = chunks, .stride = 2 * h};
    vulkan__reduce(r, a->dweight, 0, &push);
    push.x_first = h;
    vulkan__reduce(r, a->dbias, 0, &push);
}

void vulkan__record_layernorm_bwd(recorder *r, const struct layernorm_bwd *a) {
    uint32_t rows = vulkan__size(r, a->rows), h = a->hidden;
    FOR_WINDOWS(r, rows, h, first, count) {
        size_t from = (size_t)first * h, n = (size_t)count * h;
        struct push_layernorm push = {.rows = count,
                                      .hidden = h,
                                      .has_dx = span_given(a->dx),
                                      .before = vulkan__drop(r, a->before),
                                      .after = vulkan__drop(r, a->after)};
        vulkan__write(r, a->dsum, from, n);
        vulkan__write(r, a->dx, from, n);
        read_rows(r, a, first, count);
        read_texels(r, a->weight, h);
        dispatch_rows(r, KERNEL_layernorm_bwd_register, KERNEL_layernorm_bwd_tile, count, h, 2,
                      &push);
    }
    if (rows) layernorm_columns(r, a, rows);
}
