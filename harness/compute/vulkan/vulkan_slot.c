/* Slots: command buffers, descriptor sets and fences, made on first use and used again each
 * step. */
#include "base/memory.h"
#include "compute/vulkan/vulkan_internal.h"

err vulkan__slot_open(vulkan_device *v, vulkan_slot *s) {
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .queueFamilyIndex = v->queue_family};
    err e = vulkan__check(VK.CreateCommandPool(v->logical, &pool, NULL, &s->pool),
                          "vkCreateCommandPool");
    if (e) return e;
    VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    return vulkan__check(VK.CreateFence(v->logical, &fence, NULL, &s->fence), "vkCreateFence");
}

static void free_views(vulkan_device *v, vulkan_slot *s) {
    for (size_t i = 0; i < s->view_count; i++) VK.DestroyBufferView(v->logical, s->views[i], NULL);
    s->view_count = 0;
}

void vulkan__slot_close(vulkan_device *v, vulkan_slot *s) {
    for (size_t i = 0; i < s->pool_count; i++)
        VK.DestroyDescriptorPool(v->logical, s->pools[i], NULL);
    mem_free(s->pools);
    for (uint32_t n = 0; n < LAYOUTS_MAX; n++) mem_free(s->sets[n].sets);
    free_views(v, s);
    mem_free(s->views);
    mem_free(s->commands);
    for (size_t i = 0; i < s->cut_count; i++) VK.DestroyFence(v->logical, s->cuts[i].fence, NULL);
    mem_free(s->cuts);
    if (s->fence) VK.DestroyFence(v->logical, s->fence, NULL);
    if (s->pool) VK.DestroyCommandPool(v->logical, s->pool, NULL);
    *s = (vulkan_slot){0};
}

err vulkan__slot_reset(vulkan_device *v, vulkan_slot *s) {
    err e = ERR_OK;
    for (size_t i = 0; !e && i < s->cut_used; i++)
        e = vulkan__check(VK.ResetFences(v->logical, 1, &s->cuts[i].fence), "vkResetFences");
    if (e) return e;
    s->cut_used = s->command_used = 0;
    for (uint32_t n = 0; n < LAYOUTS_MAX; n++) s->sets[n].used = 0;
    free_views(v, s);
    return vulkan__check(VK.ResetCommandPool(v->logical, s->pool, 0), "vkResetCommandPool");
}

static err wait_for(vulkan_device *v, VkFence fence) {
    return vulkan__check(VK.WaitForFences(v->logical, 1, &fence, VK_TRUE, UINT64_MAX),
                         "vkWaitForFences");
}

err vulkan__slot_wait_cut(vulkan_device *v, const vulkan_slot *s, size_t i) {
    err e = wait_for(v, s->cuts[i].fence);
    v->device->work++;
    return e;
}

err vulkan__slot_wait(vulkan_device *v, vulkan_slot *s) {
    if (!s->is_pending) return ERR_OK;
    s->is_pending = false; // also after a failure: a lost device answers no more
    err e = ERR_OK;
    for (size_t i = 0; !e && i < s->cut_used; i++) e = vulkan__slot_wait_cut(v, s, i);
    if (!e) e = wait_for(v, s->fence);
    // what failed may still be at work, on buffers that are freed next
    if (e) VK.DeviceWaitIdle(v->logical);
    return e ? e : vulkan__check(VK.ResetFences(v->logical, 1, &s->fence), "vkResetFences");
}

err vulkan__slot_cut(vulkan_device *v, vulkan_slot *s, size_t copies, VkFence *out) {
    VkFenceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    if (s->cut_used == s->cut_count) {
        err e = mem_grow((void **)&s->cuts, &s->cut_capacity, s->cut_count + 1, sizeof *s->cuts);
        if (!e)
            e = vulkan__check(VK.CreateFence(v->logical, &info, NULL, &s->cuts[s->cut_count].fence),
                              "vkCreateFence");
        if (e) return e;
        s->cut_count++;
    }
    s->cuts[s->cut_used].copies = copies;
    *out = s->cuts[s->cut_used++].fence;
    return ERR_OK;
}

err vulkan__slot_command(vulkan_device *v, vulkan_slot *s, VkCommandBuffer *out) {
    if (s->command_used == s->command_count) {
        err e = mem_grow((void **)&s->commands, &s->command_capacity, s->command_count + 1,
                         sizeof *s->commands);
        if (e) return e;
        VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                            .commandPool = s->pool,
                                            .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                            .commandBufferCount = 1};
        e = vulkan__check(
            VK.AllocateCommandBuffers(v->logical, &info, &s->commands[s->command_count]),
            "vkAllocateCommandBuffers");
        if (e) return e;
        s->command_count++;
    }
    *out = s->commands[s->command_used++];
    return ERR_OK;
}

// Another pool, and all its sets, for kernels of this layout.
static err more_sets(vulkan_device *v, vulkan_slot *s, uint32_t layout) {
    vulkan_sets *list = &s->sets[layout];
    const vulkan_layout *l = &v->layouts[layout];
    err e = mem_grow((void **)&s->pools, &s->pool_capacity, s->pool_count + 1, sizeof *s->pools);
    if (e) return e;
    e = mem_grow((void **)&list->sets, &list->capacity, list->count + SETS_PER_POOL,
                 sizeof *list->sets);
    if (e) return e;
    uint32_t texels = 0;
    for (uint32_t i = 0; i < l->bindings; i++) texels += l->texels >> i & 1;
    VkDescriptorPoolSize sizes[2] = {
        {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, SETS_PER_POOL * (l->bindings - texels)},
        {VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, SETS_PER_POOL * texels}};
    VkDescriptorPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                       .maxSets = SETS_PER_POOL,
                                       .poolSizeCount = texels ? 2 : 1,
                                       .pPoolSizes = sizes};
    if ((e = vulkan__check(
             VK.CreateDescriptorPool(v->logical, &pool, NULL, &s->pools[s->pool_count]),
             "vkCreateDescriptorPool")))
        return e;
    s->pool_count++;
    VkDescriptorSetLayout layouts[SETS_PER_POOL];
    for (size_t i = 0; i < SETS_PER_POOL; i++) layouts[i] = l->set;
    VkDescriptorSetAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                        .descriptorPool = s->pools[s->pool_count - 1],
                                        .descriptorSetCount = SETS_PER_POOL,
                                        .pSetLayouts = layouts};
    if ((e = vulkan__check(VK.AllocateDescriptorSets(v->logical, &info, list->sets + list->count),
                           "vkAllocateDescriptorSets")))
        return e;
    list->count += SETS_PER_POOL;
    return ERR_OK;
}

err vulkan__slot_set(vulkan_device *v, vulkan_slot *s, uint32_t layout, VkDescriptorSet *out) {
    vulkan_sets *list = &s->sets[layout];
    if (list->used == list->count) {
        err e = more_sets(v, s, layout);
        if (e) return e;
    }
    *out = list->sets[list->used++];
    return ERR_OK;
}

err vulkan__slot_view(vulkan_device *v, vulkan_slot *s, const VkDescriptorBufferInfo *range,
                      VkBufferView *out) {
    err e = mem_grow((void **)&s->views, &s->view_capacity, s->view_count + 1, sizeof *s->views);
    if (e) return e;
    VkBufferViewCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
                                   .buffer = range->buffer,
                                   .format = VK_FORMAT_R32G32B32A32_SFLOAT,
                                   .offset = range->offset,
                                   .range = range->range};
    e = vulkan__check(VK.CreateBufferView(v->logical, &info, NULL, out), "vkCreateBufferView");
    if (!e) s->views[s->view_count++] = *out;
    return e;
}
