/* Buffers, one allocation each, and copies between the host and device-local memory. */
#include "base/memory.h"
#include "base/shown.h"
#include "compute/vulkan/vulkan_internal.h"
#include "platform/host_memory.h"

#include <string.h>

enum { STAGING_BYTES = 8 << 20 };

// The first memory type that the buffer allows and that has all the wanted properties.
static uint32_t memory_type(const vulkan_device *v, uint32_t allowed, VkMemoryPropertyFlags want) {
    for (uint32_t i = 0; i < v->memory.memoryTypeCount; i++)
        if ((allowed >> i & 1) && (v->memory.memoryTypes[i].propertyFlags & want) == want) return i;
    return UINT32_MAX;
}

static err too_large(const device *d, size_t bytes, uint64_t had, const char *what) {
    return err_set(ERR_DEVICE, "%s: %zu MiB asked for, %s is %s (%s in use)", d->info.name,
                   (bytes >> 20) + 1, what, SHOWN_MEMORY(had), SHOWN_MEMORY(d->allocated_bytes));
}

/* The type of device memory, or of memory that the host sees too; UINT32_MAX: there is none. */
static uint32_t choose_type(const vulkan_device *v, uint32_t allowed, bool host_visible) {
    VkMemoryPropertyFlags visible =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    // cached first: the host reads results from it
    uint32_t type = memory_type(v, allowed,
                                host_visible ? visible | VK_MEMORY_PROPERTY_HOST_CACHED_BIT
                                             : VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
    return type != UINT32_MAX ? type : memory_type(v, allowed, host_visible ? visible : 0);
}

/* Bytes that a heap has left, for this process as far as the driver tells. */
static uint64_t heap_left(const vulkan_device *v, uint32_t heap, uint64_t *size) {
    // a software driver's memory is the host's: lavapipe names a heap of 2 GiB and gives more
    bool is_host = v->device->info.class == CLASS_SOFTWARE;
    *size = is_host ? v->device->info.memory_bytes : v->memory.memoryHeaps[heap].size;
    uint64_t left = *size > v->heap_used[heap] ? *size - v->heap_used[heap] : 0;
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
    VkPhysicalDeviceMemoryProperties2 p = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, .pNext = &budget};
    uint64_t told = left;
    if (is_host) {
        told = host_memory_available();
        if (!told) told = left; // not known
    } else if (v->has_budget) {
        VK.GetPhysicalDeviceMemoryProperties2(v->physical, &p);
        uint64_t most = budget.heapBudget[heap], used = budget.heapUsage[heap];
        told = most > used ? most - used : 0;
    }
    return told < left ? told : left;
}

/* ERR_DEVICE unless the heap has `bytes` left; "what" takes them. */
static err heap_has(const device *d, uint32_t heap, uint64_t bytes, const char *what) {
    const vulkan_device *v = vulkan__of(d);
    uint64_t size, left = heap_left(v, heap, &size);
    bool is_local = v->memory.memoryHeaps[heap].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
    if (bytes <= left) return ERR_OK;
    return err_set(ERR_DEVICE, "%s lacks memory: %s takes %llu MiB, heap %u (%s) has %s left of %s",
                   d->info.name, what, (unsigned long long)(bytes >> 20) + 1, heap,
                   is_local ? "the device's own" : "the host's", SHOWN_MEMORY(left),
                   SHOWN_MEMORY(size));
}

err vulkan__has_room(device *d, uint64_t device_bytes, uint64_t host_bytes, const char *what) {
    const vulkan_device *v = vulkan__of(d);
    uint32_t own = choose_type(v, UINT32_MAX, false), visible = choose_type(v, UINT32_MAX, true);
    if (own == UINT32_MAX || visible == UINT32_MAX) return ERR_OK;
    own = v->memory.memoryTypes[own].heapIndex;
    visible = v->memory.memoryTypes[visible].heapIndex;
    if (own == visible) return heap_has(d, own, device_bytes + host_bytes, what);
    err e = heap_has(d, own, device_bytes, what);
    return e ? e : heap_has(d, visible, host_bytes, what);
}

static err allocate(device *d, vulkan_buffer *own, size_t bytes, bool host_visible) {
    vulkan_device *v = vulkan__of(d);
    VkMemoryRequirements need;
    VK.GetBufferMemoryRequirements(v->logical, own->buffer, &need);
    uint32_t type = choose_type(v, need.memoryTypeBits, host_visible);
    if (type == UINT32_MAX) return err_set(ERR_DEVICE, "%s: no fitting memory type", d->info.name);
    own->heap = v->memory.memoryTypes[type].heapIndex;
    err e = heap_has(d, own->heap, need.size, "one more block");
    if (e) return e;
    VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                 .allocationSize = need.size,
                                 .memoryTypeIndex = type};
    VkResult r = VK.AllocateMemory(v->logical, &info, NULL, &own->memory);
    if (r == VK_ERROR_OUT_OF_DEVICE_MEMORY || r == VK_ERROR_OUT_OF_HOST_MEMORY) {
        uint64_t size, left = heap_left(v, own->heap, &size);
        return err_set(ERR_DEVICE,
                       "%s lacks memory: %zu MiB asked for, heap %u has %s left of %s "
                       "by its own count (%s)",
                       d->info.name, (bytes >> 20) + 1, own->heap, SHOWN_MEMORY(left),
                       SHOWN_MEMORY(size), vulkan__result_name(r));
    }
    if ((e = vulkan__check(r, "vkAllocateMemory"))) return e;
    own->bytes = need.size;
    v->heap_used[own->heap] += need.size;
    return vulkan__check(VK.BindBufferMemory(v->logical, own->buffer, own->memory, 0),
                         "vkBindBufferMemory");
}

static err copy_begin(vulkan_device *v) {
    err e = vulkan__check(VK.ResetCommandPool(v->logical, v->copy_pool, 0), "vkResetCommandPool");
    if (e) return e;
    VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                     .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    if ((e = vulkan__check(VK.BeginCommandBuffer(v->copy_commands, &info), "vkBeginCommandBuffer")))
        return e;
    // after whatever earlier submissions did
    VkMemoryBarrier before = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT};
    VK.CmdPipelineBarrier(v->copy_commands,
                          VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                          VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &before, 0, NULL, 0, NULL);
    return ERR_OK;
}

static err copy_end(vulkan_device *v) {
    VkMemoryBarrier after = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                             .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                             .dstAccessMask = VK_ACCESS_HOST_READ_BIT};
    VK.CmdPipelineBarrier(v->copy_commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                          VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &after, 0, NULL, 0, NULL);
    err e = vulkan__check(VK.EndCommandBuffer(v->copy_commands), "vkEndCommandBuffer");
    if (e) return e;
    VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                           .commandBufferCount = 1,
                           .pCommandBuffers = &v->copy_commands};
    if ((e = vulkan__check(VK.QueueSubmit(v->queue, 1, &submit, v->copy_fence), "vkQueueSubmit")))
        return e;
    if ((e = vulkan__check(VK.WaitForFences(v->logical, 1, &v->copy_fence, VK_TRUE, UINT64_MAX),
                           "vkWaitForFences"))) {
        // what failed may still be at work, on buffers that are freed next
        VK.DeviceWaitIdle(v->logical);
        return e;
    }
    return vulkan__check(VK.ResetFences(v->logical, 1, &v->copy_fence), "vkResetFences");
}

static err zero(vulkan_device *v, const buffer *b) {
    const vulkan_buffer *own = b->handle;
    if (b->mapped) {
        memset(b->mapped, 0, b->bytes);
        return ERR_OK;
    }
    err e = copy_begin(v);
    if (e) return e;
    VK.CmdFillBuffer(v->copy_commands, own->buffer, 0, VK_WHOLE_SIZE, 0);
    return copy_end(v);
}

err vulkan__buffer_init(device *d, buffer *b, size_t bytes, bool host_visible) {
    vulkan_device *v = vulkan__of(d);
    vulkan_buffer *own;
    if (bytes > d->info.max_buffer_bytes)
        return too_large(d, bytes, d->info.max_buffer_bytes, "the largest allocation");
    err e = mem_new(&own, 1);
    if (e) return e;
    b->handle = own;
    VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = (bytes + 3) / 4 * 4,
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT |
                 VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    VkResult r = VK.CreateBuffer(v->logical, &info, NULL, &own->buffer);
    if (r == VK_ERROR_OUT_OF_DEVICE_MEMORY || r == VK_ERROR_OUT_OF_HOST_MEMORY) {
        e = too_large(d, bytes, d->info.max_buffer_bytes, "the largest buffer");
        goto fail;
    }
    if ((e = vulkan__check(r, "vkCreateBuffer"))) goto fail;
    if ((e = allocate(d, own, bytes, host_visible))) goto fail;
    if (host_visible) {
        r = VK.MapMemory(v->logical, own->memory, 0, VK_WHOLE_SIZE, 0, &b->mapped);
        if ((e = vulkan__check(r, "vkMapMemory"))) goto fail;
    }
    if ((e = zero(v, b))) goto fail;
    return ERR_OK;
fail:
    vulkan__buffer_free(b);
    return e;
}

void vulkan__buffer_free(buffer *b) {
    vulkan_buffer *own = b->handle;
    if (!own) return;
    vulkan_device *v = vulkan__of(b->device);
    if (own->buffer) VK.DestroyBuffer(v->logical, own->buffer, NULL);
    if (own->memory) VK.FreeMemory(v->logical, own->memory, NULL); // unmaps
    v->heap_used[own->heap] -= own->bytes;
    mem_free(own);
    b->handle = NULL;
    b->mapped = NULL;
}

static err copy(vulkan_device *v, VkBuffer to, size_t to_offset, VkBuffer from, size_t from_offset,
                size_t count) {
    err e = copy_begin(v);
    if (e) return e;
    VkBufferCopy region = {from_offset, to_offset, count};
    VK.CmdCopyBuffer(v->copy_commands, from, to, 1, &region);
    return copy_end(v);
}

err vulkan__upload(buffer *b, size_t offset, const void *bytes, size_t count) {
    vulkan_device *v = vulkan__of(b->device);
    const vulkan_buffer *own = b->handle, *staging = v->staging.handle;
    for (size_t done = 0; done < count;) {
        size_t n = count - done < STAGING_BYTES ? count - done : STAGING_BYTES;
        memcpy(v->staging.mapped, (const char *)bytes + done, n);
        err e = copy(v, own->buffer, offset + done, staging->buffer, 0, n);
        if (e) return e;
        done += n;
    }
    return ERR_OK;
}

err vulkan__download(void *bytes, buffer *b, size_t offset, size_t count) {
    vulkan_device *v = vulkan__of(b->device);
    const vulkan_buffer *own = b->handle, *staging = v->staging.handle;
    for (size_t done = 0; done < count;) {
        size_t n = count - done < STAGING_BYTES ? count - done : STAGING_BYTES;
        err e = copy(v, staging->buffer, 0, own->buffer, offset + done, n);
        if (e) return e;
        memcpy((char *)bytes + done, v->staging.mapped, n);
        done += n;
    }
    return ERR_OK;
}

err vulkan__copy_open(vulkan_device *v) {
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
                                    .queueFamilyIndex = v->queue_family};
    err e = vulkan__check(VK.CreateCommandPool(v->logical, &pool, NULL, &v->copy_pool),
                          "vkCreateCommandPool");
    if (e) return e;
    VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                        .commandPool = v->copy_pool,
                                        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                        .commandBufferCount = 1};
    if ((e = vulkan__check(VK.AllocateCommandBuffers(v->logical, &info, &v->copy_commands),
                           "vkAllocateCommandBuffers")))
        return e;
    VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    if ((e = vulkan__check(VK.CreateFence(v->logical, &fence, NULL, &v->copy_fence),
                           "vkCreateFence")))
        return e;
    v->staging = (buffer){.device = v->device, .bytes = STAGING_BYTES};
    return vulkan__buffer_init(v->device, &v->staging, STAGING_BYTES, true);
}

void vulkan__copy_close(vulkan_device *v) {
    if (v->staging.device) vulkan__buffer_free(&v->staging);
    if (v->copy_fence) VK.DestroyFence(v->logical, v->copy_fence, NULL);
    if (v->copy_pool) VK.DestroyCommandPool(v->logical, v->copy_pool, NULL);
}
