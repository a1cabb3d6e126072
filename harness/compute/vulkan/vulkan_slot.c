/* Slots: command buffers, descriptor sets and a fence, made on first use and used again each step.
 */
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

void vulkan__slot_close(vulkan_device *v, vulkan_slot *s) {
    for (size_t i = 0; i < s->pool_count; i++) {
        VK.DestroyDescriptorPool(v->logical, s->pools[i], NULL);
    }
    mem_free(s->pools);
    for (uint32_t n = 0; n <= BINDINGS_MAX; n++) mem_free(s->sets[n].sets);
    mem_free(s->commands);
    if (s->fence) VK.DestroyFence(v->logical, s->fence, NULL);
    if (s->pool) VK.DestroyCommandPool(v->logical, s->pool, NULL);
    *s = (vulkan_slot){0};
}

err vulkan__slot_reset(vulkan_device *v, vulkan_slot *s) {
    s->command_used = 0;
    for (uint32_t n = 0; n <= BINDINGS_MAX; n++) s->sets[n].used = 0;
    return vulkan__check(VK.ResetCommandPool(v->logical, s->pool, 0), "vkResetCommandPool");
}

err vulkan__slot_wait(vulkan_device *v, vulkan_slot *s) {
    if (!s->is_pending) return ERR_OK;
    s->is_pending = false; // also after a failure: a lost device answers no more
    err e = vulkan__check(VK.WaitForFences(v->logical, 1, &s->fence, VK_TRUE, UINT64_MAX),
                          "vkWaitForFences");
    // what failed may still be at work, on buffers that are freed next
    if (e) VK.DeviceWaitIdle(v->logical);
    return e ? e : vulkan__check(VK.ResetFences(v->logical, 1, &s->fence), "vkResetFences");
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

// Another pool, and all its sets, for kernels of this many bindings.
static err more_sets(vulkan_device *v, vulkan_slot *s, uint32_t bindings) {
    vulkan_sets *list = &s->sets[bindings];
    err e = mem_grow((void **)&s->pools, &s->pool_capacity, s->pool_count + 1, sizeof *s->pools);
    if (e) return e;
    e = mem_grow((void **)&list->sets, &list->capacity, list->count + SETS_PER_POOL,
                 sizeof *list->sets);
    if (e) return e;
    VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, SETS_PER_POOL * bindings};
    VkDescriptorPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                       .maxSets = SETS_PER_POOL,
                                       .poolSizeCount = 1,
                                       .pPoolSizes = &size};
    if ((e = vulkan__check(
             VK.CreateDescriptorPool(v->logical, &pool, NULL, &s->pools[s->pool_count]),
             "vkCreateDescriptorPool"))) {
        return e;
    }
    s->pool_count++;
    VkDescriptorSetLayout layouts[SETS_PER_POOL];
    for (size_t i = 0; i < SETS_PER_POOL; i++) layouts[i] = v->set_layouts[bindings];
    VkDescriptorSetAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                        .descriptorPool = s->pools[s->pool_count - 1],
                                        .descriptorSetCount = SETS_PER_POOL,
                                        .pSetLayouts = layouts};
    if ((e = vulkan__check(VK.AllocateDescriptorSets(v->logical, &info, list->sets + list->count),
                           "vkAllocateDescriptorSets"))) {
        return e;
    }
    list->count += SETS_PER_POOL;
    return ERR_OK;
}

err vulkan__slot_set(vulkan_device *v, vulkan_slot *s, uint32_t bindings, VkDescriptorSet *out) {
    vulkan_sets *list = &s->sets[bindings];
    if (list->used == list->count) {
        err e = more_sets(v, s, bindings);
        if (e) return e;
    }
    *out = list->sets[list->used++];
    return ERR_OK;
}
