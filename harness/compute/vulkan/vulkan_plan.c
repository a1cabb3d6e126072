/* Plans: a dry walk at the largest sizes makes every pipeline; a submission records the walk into
 * the slot's command buffers, cut into segments of about a second at most. */
#include "compute/vulkan/vulkan_internal.h"

/* Of copies, behind which a segment ends. */
enum { CUT_BYTES = 4 << 20 };

// Rough speeds, only to cut submissions: drivers reset a GPU that is busy with one for long.
static double segment_flops(device_class class) {
    switch (class) {
    case CLASS_DISCRETE: return 1e12;
    case CLASS_INTEGRATED:
    case CLASS_VIRTUAL: return 1e11;
    default: return 5e9;
    }
}

static err begin(recorder *r) {
    err e = vulkan__slot_command(r->v, r->slot, &r->commands);
    if (e) return e;
    VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                     .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    if ((e = vulkan__check(VK.BeginCommandBuffer(r->commands, &info), "vkBeginCommandBuffer")))
        return e;
    // after everything submitted before: the other slot, copies, the segment before this one
    vulkan__barrier(r);
    r->segment_flops = 0;
    return ERR_OK;
}

/* fence: what the host waits for, to read what was written until here; none: it does not. */
static err end(recorder *r, VkFence fence) {
    if (fence) {
        VkMemoryBarrier memory = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                  .srcAccessMask =
                                      VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
                                  .dstAccessMask = VK_ACCESS_HOST_READ_BIT};
        VK.CmdPipelineBarrier(r->commands,
                              VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                              VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &memory, 0, NULL, 0, NULL);
    }
    err e = vulkan__check(VK.EndCommandBuffer(r->commands), "vkEndCommandBuffer");
    if (e) return e;
    VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                           .commandBufferCount = 1,
                           .pCommandBuffers = &r->commands};
    return vulkan__check(VK.QueueSubmit(r->v->queue, 1, &submit, fence), "vkQueueSubmit");
}

/* Ends a part of the submission; where the device is watched with a fence, so that the host sees how
 * far it is. */
static err end_part(recorder *r) {
    VkFence fence = VK_NULL_HANDLE;
    err e = r->v->device->is_watched ? vulkan__slot_cut(r->v, r->slot, r->copies, &fence) : ERR_OK;
    return e ? e : end(r, fence);
}

/* What the plan's op has written last, for the host; so much of it that it is worth a wait ends a
 * segment. */
static err copy_out(recorder *r, const plan *p, size_t place) {
    VkFence fence = VK_NULL_HANDLE;
    for (; r->copies < p->copy_count && p->copies[r->copies].op <= place; r->copies++) {
        const plan_copy *c = &p->copies[r->copies];
        vulkan__copy(r, c->to, c->from);
        r->copied_bytes += span_bytes(c->from);
    }
    bool is_last = r->copies == p->copy_count;
    if (!r->copied_bytes || (r->copied_bytes < CUT_BYTES && !is_last)) return ERR_OK;
    r->copied_bytes = 0;
    err e = vulkan__slot_cut(r->v, r->slot, r->copies, &fence);
    if (!e) e = end(r, fence);
    return e ? e : begin(r);
}

static err walk_part(recorder *r, const plan *p, plan_part part, uint32_t micro) {
    const op_list *list = &p->parts[part];
    double most = segment_flops(r->v->device->info.class);
    r->micro = micro;
    for (size_t i = 0; i < list->count; i++) {
        if (!r->is_dry) {
            double flops = op_cost_of(&list->ops[i], r->step, micro).flops;
            if (r->segment_flops > 0 && r->segment_flops + flops > most) {
                err e = end_part(r);
                if (!e) e = begin(r);
                if (e) return e;
            }
            r->segment_flops += flops;
        }
        uint32_t dispatches = r->dispatches;
        r->widest = 0;
        vulkan__record(r, &list->ops[i]);
        if (r->e) return r->e;
        if (part == PART_MICRO && micro + 1 == r->step->micro_count && !r->is_dry) {
            err e = copy_out(r, p, i);
            if (e) return e;
        }
        if (!r->queries || !p->profile) continue;
        op_profile *profile = &p->profile[plan_first_op(p, part) + i];
        profile->dispatches += r->dispatches - dispatches;
        if (r->widest > profile->invocations) profile->invocations = r->widest;
        vulkan__profile_mark(r);
    }
    return ERR_OK;
}

static err walk(recorder *r, const plan *p) {
    err e = walk_part(r, p, PART_BEGIN, 0);
    if (!e && !r->step->micro_count) e = copy_out(r, p, SIZE_MAX);
    for (uint32_t micro = 0; !e && micro < r->step->micro_count; micro++)
        e = walk_part(r, p, PART_MICRO, micro);
    return e ? e : walk_part(r, p, PART_END, 0);
}

err vulkan__plan_ready(plan *p) {
    step_info step = {.step = 1, .micro_count = 1};
    recorder r = {.v = vulkan__of(p->device), .step = &step, .scratch = p->scratch, .is_dry = true};
    return walk(&r, p);
}

err vulkan__submit(plan *p, const step_info *step) {
    vulkan_device *v = vulkan__of(p->device);
    vulkan_slot *slot = &v->slots[step->slot];
    err e = vulkan__slot_wait(v, slot);
    if (e) return e;
    if ((e = vulkan__slot_reset(v, slot))) return e;
    recorder r = {.v = v, .slot = slot, .step = step, .scratch = p->scratch};
    if ((e = begin(&r))) return e;
    if (p->profile) e = vulkan__profile_begin(&r, p);
    if (!e) e = walk(&r, p);
    if (e || (e = end(&r, slot->fence))) {
        // segments already submitted may still run: nothing of theirs may be used again before
        VK.DeviceWaitIdle(v->logical);
        goto done;
    }
    slot->is_pending = true;
    v->last_barriers = r.barriers;
    if (!r.queries) goto done;
    if (!(e = vulkan__slot_wait(v, slot))) e = vulkan__profile_read(&r, p);
done:
    vulkan__profile_free(&r);
    return e;
}

err vulkan__wait(device *d, uint32_t slot) {
    vulkan_device *v = vulkan__of(d);
    return vulkan__slot_wait(v, &v->slots[slot]);
}

err vulkan__take(device *d, uint32_t slot, size_t count, bool *ended) {
    vulkan_device *v = vulkan__of(d);
    const vulkan_slot *s = &v->slots[slot];
    size_t i = 0;
    err e = ERR_OK;
    while (i < s->cut_used && s->cuts[i].copies < count) i++;
    if (!s->is_pending || i == s->cut_used)
        return err_set(ERR_ARG, "%zu copies were not asked for", count);
    *ended = VK.WaitForFences(v->logical, 1, &s->fence, VK_TRUE, 0) == VK_SUCCESS;
    for (size_t k = 0; !e && k <= i; k++) e = vulkan__slot_wait_cut(v, s, k);
    return e;
}
