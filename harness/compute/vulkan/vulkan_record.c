/* Recording: operands, hazards, dispatches, and the walk from an op to its record function. */
#include "base/shown.h"
#include "compute/operands.h"
#include "compute/vulkan/vulkan_internal.h"

#include <string.h>

void vulkan__fail(recorder *r, err e) {
    if (!r->e) r->e = e;
}

static void bind(recorder *r, span s, size_t first, size_t count, bool is_write) {
    if (r->e) return;
    if (r->bound_count == BINDINGS_MAX) {
        vulkan__fail(r, err_set(ERR_ARG, "a kernel binds more than %d buffers", BINDINGS_MAX));
        return;
    }
    uint32_t at = r->bound_count++;
    if (!span_given(s)) {
        r->bound[at] = r->bound[0];
        r->is_written[at] = false;
        return;
    }
    if (s.buffer == r->scratch.buffer && first + count > r->scratch.count) {
        vulkan__fail(r, err_set(ERR_ARG, "%zu reals of scratch from %zu on, %zu were asked for",
                                count, first, r->scratch.count));
        return;
    }
    size_t size = elem_bytes(s.type), offset = s.offset + first * size;
    size_t bytes = (count ? count : 1) * size;
    uint64_t most = r->v->device->info.max_binding_bytes;
    if (bytes > most) {
        vulkan__fail(r, err_set(ERR_DEVICE,
                                "%s: one operand takes %zu bytes, a kernel may bind %llu: use "
                                "smaller batches",
                                r->v->device->info.name, bytes, (unsigned long long)most));
        return;
    }
    if (offset % SPAN_ALIGN) {
        vulkan__fail(r, err_set(ERR_ARG, "an operand starts at byte %zu, not aligned", offset));
        return;
    }
    const vulkan_buffer *own = s.buffer->handle;
    r->bound[at] = (VkDescriptorBufferInfo){own->buffer, offset, bytes};
    r->is_written[at] = is_write;
}

void vulkan__read(recorder *r, span s, size_t first, size_t count) {
    bind(r, s, first, count, false);
}

void vulkan__write(recorder *r, span s, size_t first, size_t count) {
    bind(r, s, first, count, true);
}

void vulkan__bind_operands(recorder *r) {
    for (size_t i = 0; i < r->operand_count; i++) {
        const operand *o = &r->operands[i];
        bind(r, *o->at, 0, o->count, o->access != ACCESS_READ);
    }
}

static bool conflicts(const recorder *r, const vulkan_access *a) {
    for (size_t i = 0; i < r->pending_count; i++) {
        const vulkan_access *p = &r->pending[i];
        if (p->buffer == a->buffer && p->first < a->end && a->first < p->end &&
            (p->is_write || a->is_write)) {
            return true;
        }
    }
    return false;
}

void vulkan__barrier(recorder *r) {
    VkMemoryBarrier memory = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                         VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT};
    VkPipelineStageFlags stages =
        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    VK.CmdPipelineBarrier(r->commands, stages, stages, 0, 1, &memory, 0, NULL, 0, NULL);
    r->pending_count = 0;
}

// Orders the next command after what it depends on, then remembers what it does.
static void order(recorder *r, const vulkan_access *list, size_t count) {
    bool needed = r->pending_count + count > PENDING_MAX;
    for (size_t i = 0; i < count && !needed; i++) needed = conflicts(r, &list[i]);
    if (needed) {
        vulkan__barrier(r);
        r->barriers++;
    }
    for (size_t i = 0; i < count; i++) r->pending[r->pending_count++] = list[i];
}

// A descriptor set of the operands bound.
static err fill_set(recorder *r, kernel_id kernel, VkDescriptorSet *set) {
    uint32_t at = r->v->kernel_layout[kernel];
    const vulkan_layout *l = &r->v->layouts[at];
    err e = vulkan__slot_set(r->v, r->slot, at, set);
    if (e) return e;
    VkWriteDescriptorSet writes[BINDINGS_MAX];
    VkBufferView views[BINDINGS_MAX];
    for (uint32_t i = 0; i < l->bindings; i++) {
        bool is_texel = l->texels >> i & 1;
        writes[i] = (VkWriteDescriptorSet){.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                           .dstSet = *set,
                                           .dstBinding = i,
                                           .descriptorCount = 1,
                                           .descriptorType =
                                               is_texel ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER
                                                        : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                           .pBufferInfo = &r->bound[i],
                                           .pTexelBufferView = &views[i]};
        if (is_texel && (e = vulkan__slot_view(r->v, r->slot, &r->bound[i], &views[i]))) return e;
    }
    VK.UpdateDescriptorSets(r->v->logical, l->bindings, writes, 0, NULL);
    return ERR_OK;
}

void vulkan__dispatch(recorder *r, const launch *l, const void *push) {
    uint32_t count = r->bound_count;
    r->bound_count = 0;
    if (r->e) return;
    const char *name = vulkan__kernel_name(l->kernel);
    if (count != r->v->layouts[r->v->kernel_layout[l->kernel]].bindings) {
        vulkan__fail(r, err_set(ERR_ARG, "kernel %s: %u buffers bound", name, count));
        return;
    }
    if (l->iterations >= LOOP_LIMIT) {
        vulkan__fail(r, err_set(ERR_UNSUPPORTED,
                                "kernel %s would loop %llu times in one invocation (below %d): use "
                                "smaller batches, or shorter sentences",
                                name, (unsigned long long)l->iterations, LOOP_LIMIT));
        return;
    }
    VkPipeline pipeline;
    err e = vulkan__pipeline(&pipeline, r->v, l->kernel, l->special);
    if (e) {
        vulkan__fail(r, e);
        return;
    }
    if (r->is_dry || !l->x || !l->y || !l->z) return;
    vulkan_access accesses[BINDINGS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        const VkDescriptorBufferInfo *b = &r->bound[i];
        accesses[i] = (vulkan_access){b->buffer, b->offset, b->offset + b->range, r->is_written[i]};
    }
    order(r, accesses, count);
    VkDescriptorSet set;
    if ((e = fill_set(r, l->kernel, &set))) {
        vulkan__fail(r, e);
        return;
    }
    VkPipelineLayout layout = r->v->layouts[r->v->kernel_layout[l->kernel]].pipeline;
    VK.CmdBindPipeline(r->commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    VK.CmdBindDescriptorSets(r->commands, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 0,
                             NULL);
    VK.CmdPushConstants(r->commands, layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                        vulkan__kernel_push_bytes(l->kernel), push);
    VK.CmdDispatch(r->commands, l->x, l->y, l->z);
    r->dispatches++;
    uint64_t invocations = (uint64_t)l->x * l->y * l->z * l->special[0];
    if (invocations > r->widest) r->widest = invocations;
}

enum { GROUPS_MAX = 65535 }; // of one axis, on every device

launch vulkan__launch_elements(const recorder *r, kernel_id kernel, size_t count,
                               uint64_t iterations) {
    size_t groups = (count + r->v->group_size - 1) / r->v->group_size;
    size_t y = (groups + GROUPS_MAX - 1) / GROUPS_MAX;
    return (launch){.kernel = kernel,
                    .special = {r->v->group_size},
                    .x = (uint32_t)(y ? (groups + y - 1) / y : 0),
                    .y = (uint32_t)y,
                    .z = 1,
                    .iterations = iterations};
}

void vulkan__dispatch_elements(recorder *r, kernel_id kernel, size_t count, uint64_t iterations,
                               const void *push) {
    launch l = vulkan__launch_elements(r, kernel, count, iterations);
    vulkan__dispatch(r, &l, push);
}

void vulkan__fill(recorder *r, span s, size_t count, float value) {
    if (r->e || r->is_dry || !count) return;
    const vulkan_buffer *own = s.buffer->handle;
    vulkan_access access = {own->buffer, s.offset, s.offset + count * sizeof value, true};
    order(r, &access, 1);
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    VK.CmdFillBuffer(r->commands, own->buffer, s.offset, count * sizeof value, bits);
    r->dispatches++;
}

void vulkan__copy(recorder *r, span to, span from) {
    const vulkan_buffer *source = from.buffer->handle, *target = to.buffer->handle;
    size_t bytes = from.count * elem_bytes(from.type);
    const vulkan_access accesses[] = {{source->buffer, from.offset, from.offset + bytes, false},
                                      {target->buffer, to.offset, to.offset + bytes, true}};
    vulkan__barrier(r); // drivers that copy aside from kernels differ in what they wait for
    order(r, accesses, 2);
    VkBufferCopy region = {from.offset, to.offset, bytes};
    VK.CmdCopyBuffer(r->commands, source->buffer, target->buffer, 1, &region);
}

uint32_t vulkan__window_rows(recorder *r, size_t row_elements) {
    uint64_t rows = r->v->device->info.max_binding_bytes / (row_elements * sizeof(float));
    if (rows >= WINDOW_STEP) {
        rows -= rows % WINDOW_STEP;
        return rows < UINT32_MAX ? (uint32_t)rows : UINT32_MAX - UINT32_MAX % WINDOW_STEP;
    }
    vulkan__fail(r, err_set(ERR_DEVICE, "%s: %d rows of %zu numbers exceed the largest binding, %s",
                            r->v->device->info.name, WINDOW_STEP, row_elements,
                            SHOWN_MEMORY(r->v->device->info.max_binding_bytes)));
    return UINT32_MAX - UINT32_MAX % WINDOW_STEP;
}

uint32_t vulkan__chunk_window(recorder *r, uint32_t rows, size_t row_elements) {
    uint32_t step = vulkan__window_rows(r, row_elements);
    if (step >= rows) return rows ? rows : 1;
    step -= step % (CHUNK_ROWS * WINDOW_STEP);
    if (step) return step;
    vulkan__fail(r, err_set(ERR_DEVICE,
                            "%s: %u rows of %zu numbers exceed the largest binding, %s: "
                            "use smaller batches",
                            r->v->device->info.name, rows, row_elements,
                            SHOWN_MEMORY(r->v->device->info.max_binding_bytes)));
    return rows;
}

struct push_drop vulkan__drop(const recorder *r, dropout_spec d) {
    return (struct push_drop){.threshold = dropout_threshold(d.p),
                              .scale = d.p < 1 ? 1 / (1 - d.p) : 0,
                              .site = d.site,
                              .seed = r->step->seed,
                              .step = r->step->step};
}

void vulkan__reduce(recorder *r, span result, size_t scratch_first,
                    const struct push_reduce *push) {
    vulkan__write(r, result, 0, push->count);
    vulkan__read(r, r->scratch, scratch_first, (size_t)push->chunks * push->stride);
    vulkan__dispatch_elements(r, KERNEL_reduce_add, push->count, push->chunks, push);
}

enum { COLUMN_QUADS = 4, ROW_LANES = 64 }; // as shaders/include/column_tree.glsl

void vulkan__dispatch_columns(recorder *r, kernel_id kernel, uint32_t rows, uint32_t hidden,
                              const void *push) {
    uint32_t columns = 4 * COLUMN_QUADS;
    launch l = {.kernel = kernel,
                .special = {COLUMN_QUADS * ROW_LANES, hidden % 4 == 0},
                .x = (hidden + columns - 1) / columns,
                .y = 1,
                .z = 1,
                .iterations = rows / ROW_LANES + 8};
    vulkan__dispatch(r, &l, push);
}

void vulkan__record(recorder *r, const op *o) {
    op resolved = *o;
    r->operand_count = op_operands_at(&resolved, r->operands, r->is_dry ? NULL : r->step, r->micro);
    for (size_t i = 0; i < r->operand_count; i++) {
        span *at = r->operands[i].at;
        if (span_given(*at)) *at = span_at(*at, r->step->slot, r->micro);
    }
    vulkan__caption_begin(r, op_name(o->kind));
    switch (o->kind) {
#define OP(name)                                                                                   \
    case OP_##name:                                                                                \
        vulkan__record_##name(r, &resolved.as.name);                                               \
        break;
#include "compute/ops.def"
#undef OP
    case OP_COUNT: break;
    }
    vulkan__caption_end(r);
    if (r->e) r->e = err_wrap(r->e, "%s", op_name(o->kind));
}

size_t vulkan__scratch_count(const device *d, const op *o) {
    switch (o->kind) {
#define OP(name)                                                                                   \
    case OP_##name:                                                                                \
        return vulkan__scratch_##name(d, &o->as.name);
#include "compute/ops.def"
#undef OP
    case OP_COUNT: break;
    }
    return 0;
}
