/* Times of single ops by timestamp queries. */
#include "base/memory.h"
#include "compute/vulkan/vulkan_internal.h"

static size_t ops_walked(const plan *p, const step_info *step) {
    return p->parts[PART_BEGIN].count + p->parts[PART_MICRO].count * step->micro_count +
           p->parts[PART_END].count;
}

/* Bits of a timestamp that count; 0: the queue has none. */
static uint32_t valid_bits(const vulkan_device *v) {
    VkQueueFamilyProperties families[32];
    uint32_t count = 32;
    VK.GetPhysicalDeviceQueueFamilyProperties(v->physical, &count, families);
    return v->queue_family < count ? families[v->queue_family].timestampValidBits : 0;
}

err vulkan__profile_begin(recorder *r, const plan *p) {
    if (!valid_bits(r->v)) return ERR_OK;
    uint32_t count = (uint32_t)ops_walked(p, r->step) + 1;
    VkQueryPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                  .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                  .queryCount = count};
    err e = vulkan__check(VK.CreateQueryPool(r->v->logical, &info, NULL, &r->queries),
                          "vkCreateQueryPool");
    if (e) {
        r->queries = VK_NULL_HANDLE;
        return e;
    }
    VK.CmdResetQueryPool(r->commands, r->queries, 0, count);
    vulkan__profile_mark(r);
    return ERR_OK;
}

void vulkan__profile_mark(recorder *r) {
    vulkan__barrier(r);
    VK.CmdWriteTimestamp(r->commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, r->queries, r->marks++);
}

err vulkan__profile_read(recorder *r, const plan *p) {
    vulkan_device *v = r->v;
    uint64_t *ticks = NULL;
    VkPhysicalDeviceProperties2 properties = {.sType =
                                                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    VK.GetPhysicalDeviceProperties2(v->physical, &properties);
    double seconds = (double)properties.properties.limits.timestampPeriod * 1e-9;
    uint32_t bits = valid_bits(v);
    uint64_t mask = bits >= 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
    err e = mem_new(&ticks, r->marks);
    if (e) return e;
    e = vulkan__check(VK.GetQueryPoolResults(v->logical, r->queries, 0, r->marks,
                                             r->marks * sizeof *ticks, ticks, sizeof *ticks,
                                             VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
                      "vkGetQueryPoolResults");
    uint32_t mark = 0;
    for (plan_part part = PART_BEGIN; !e && part < PART_COUNT; part++) {
        uint32_t walks = part == PART_MICRO ? r->step->micro_count : 1;
        op_profile *profile = p->profile + plan_first_op(p, part);
        for (uint32_t walk = 0; walk < walks; walk++) {
            for (size_t i = 0; i < p->parts[part].count; i++, mark++) {
                // the counter may wrap between two marks
                profile[i].seconds += (double)((ticks[mark + 1] - ticks[mark]) & mask) * seconds;
            }
        }
    }
    mem_free(ticks);
    return e;
}

void vulkan__profile_free(recorder *r) {
    if (r->queries) VK.DestroyQueryPool(r->v->logical, r->queries, NULL);
    r->queries = VK_NULL_HANDLE;
}
