/* A Vulkan layer for tests: lowers what a device reports, and makes calls fail.
 *
 * Found through VK_ADD_LAYER_PATH (the build's shim folder) and switched on by
 * VK_INSTANCE_LAYERS=VK_LAYER_HARNESS_faults. HARNESS_FAULTS says what to do, words with blanks:
 *     invocations=N shared=N range=N buffers=N subgroup=N allocation=N texels=N   limits reported
 *     groups=N blocks=N align=N   watched alone: workgroups of an axis, allocations at a time, the
 *                          least alignment of what is bound
 *     version=N            apiVersion reported, 10 for Vulkan 1.0
 *     portability          the device is listed only to who asks for such, and must be opened so
 *     no-timestamps        its queues have none
 *     multiprocessors=N    NVIDIA's extension tells of as many, of 48 warps each
 *     matrix               the device has cooperative matrices of f16, as far as to be opened with them
 *     twins                every device is there twice
 *     memory=KIND          memory as devices have it: "apart" (the device's own, and the host's),
 *                          "window" (a window on the device's besides), "whole" (all of the device's
 *                          seen by the host), "one" (a single kind)
 *     own=N window=N there=N   MiB of the device's heap, of the window (256), and of what the heap
 *                          truly has
 *     class=N              VkPhysicalDeviceType reported
 *     driver=N             N is what the driver says of its version
 *     bad-name             the device's name is no file name and no UTF-8
 *     no-device no-compute device lists and queues that are empty of use
 *     no-dispatch          kernels do nothing: wrong numbers, no error
 *     short-copy=N         the nth vkCmdCopyBuffer of 64 KiB or more leaves out its last 4 bytes
 *     CALL@N=RESULT        the nth vkCALL of the process gives VkResult RESULT (a number); every
 *                          later call too when it is VK_ERROR_DEVICE_LOST. SubmitPart is a
 *                          vkQueueSubmit without a fence, of a step's several; SubmitLast is
 *                          the one behind them
 *     CALL@N=hang          the nth does not come back
 *     loads=N              how often a process may load what an instance takes: later there is no
 *                          driver
 *     say-cache            tells how many bytes vkCreatePipelineCache is given
 *     say-barriers         tells at the end what was kept watch over
 * A lowered limit is also kept watch over, and so is, always, the order that software drivers give
 * unasked: each command buffer begins with a barrier behind all earlier writes, a copy has no write
 * between itself and the barrier before it, what is waited for by a fence ends with a barrier that
 * shows it to the host, and nothing is freed or recorded again while it runs. A program that breaks
 * one is ended with a message and abort(). One device at a time, of the newest instance, as the
 * program has them: one that stays, and before it one with validation while a device is open. */
#define LAYER_PHYSICAL_PROC physical_proc
#define _POSIX_C_SOURCE 200809L
#include "layer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct links {
    PFN_vkGetInstanceProcAddr instance_proc;
    PFN_vkGetDeviceProcAddr device_proc;
    VkInstance instance;
    // asked for once, when the instance is made: asked later, the loader gives its own entry
    // points, and those lead back here
    PFN_vkEnumeratePhysicalDevices EnumeratePhysicalDevices;
    PFN_vkGetPhysicalDeviceProperties GetPhysicalDeviceProperties;
    PFN_vkGetPhysicalDeviceProperties2 GetPhysicalDeviceProperties2;
    PFN_vkGetPhysicalDeviceFeatures2 GetPhysicalDeviceFeatures2;
    PFN_vkGetPhysicalDeviceQueueFamilyProperties GetPhysicalDeviceQueueFamilyProperties;
    PFN_vkGetPhysicalDeviceMemoryProperties GetPhysicalDeviceMemoryProperties;
    PFN_vkEnumerateDeviceExtensionProperties EnumerateDeviceExtensionProperties;
    VkPhysicalDevice physical;
    VkDevice device;
    int is_portable; /* the instance asked for devices that are not Vulkan in full */
} links;

static links next, before; /* of the newest instance, and of the one that it stands before */

/* The number after "name=" in HARNESS_FAULTS, or 0. */
static uint64_t asked(const char *name) {
    const char *at = getenv("HARNESS_FAULTS");
    size_t n = strlen(name);
    while (at && *at) {
        if (!strncmp(at, name, n) && at[n] == '=') return strtoull(at + n + 1, NULL, 10);
        if (!strncmp(at, name, n) && (at[n] == ' ' || !at[n])) return 1;
        at = strchr(at, ' ');
        if (at) at++;
    }
    return 0;
}

static void lower(uint32_t *limit, const char *name) {
    uint64_t n = asked(name);
    if (n && n < *limit) *limit = (uint32_t)n;
}

/* Ends a program that passes a lowered limit. */
static void watch(uint64_t used, const char *name) {
    uint64_t n = asked(name);
    if (!n || used <= n) return;
    fprintf(stderr, "fault layer: %s is %llu, the device allows %llu\n", name,
            (unsigned long long)used, (unsigned long long)n);
    abort();
}

static VkResult lost;

/* VK_SUCCESS, or what the nth call of this name is to give. */
static VkResult fault(const char *call, unsigned *count) {
    const char *at = getenv("HARNESS_FAULTS");
    size_t n = strlen(call);
    ++*count;
    while (at && *at) {
        if (!strncmp(at, call, n) && at[n] == '@') {
            char *end;
            unsigned long when = strtoul(at + n + 1, &end, 10);
            if (*end == '=' && when == *count) {
                while (!strncmp(end, "=hang", 5)) pause();
                VkResult r = (VkResult)strtol(end + 1, NULL, 10);
                if (r == VK_ERROR_DEVICE_LOST) lost = r;
                return r;
            }
        }
        at = strchr(at, ' ');
        if (at) at++;
    }
    return lost;
}

enum {
    COMMANDS_MAX = 1024,
    FENCES_MAX = 64,
    WORK_STAGES = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
    WORK_WRITES = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT
};

typedef struct commands {
    VkCommandBuffer buffer;
    unsigned recorded;                      /* commands since it began */
    VkPipelineStageFlags first;             /* what the barrier that it began with holds back */
    VkPipelineStageFlags writes, unordered; /* stages that wrote: at all, since the last barrier */
    int shows_host;                         /* its last command is a barrier to the host's reads */
    unsigned long submission;               /* the last; 0: none */
} commands;

static struct {
    commands list[COMMANDS_MAX];
    size_t count;
    struct {
        VkFence fence;
        unsigned long submission;
    } fences[FENCES_MAX];
    size_t fence_count;
    unsigned long submitted, finished;
    unsigned long begins, ends, copies;
    int is_behind_part; /* the last submission had no fence */
} order;                // of the device

static void broken(const char *what) {
    fprintf(stderr, "fault layer: %s\n", what);
    abort();
}

static commands *commands_of(VkCommandBuffer b) {
    for (size_t i = 0; i < order.count; i++)
        if (order.list[i].buffer == b) return &order.list[i];
    if (order.count == COMMANDS_MAX) broken("more command buffers than it can watch");
    order.list[order.count] = (commands){.buffer = b};
    return &order.list[order.count++];
}

static void order_begin(VkCommandBuffer b) {
    commands *c = commands_of(b);
    if (c->submission > order.finished) broken("a command buffer is recorded again while it runs");
    *c = (commands){.buffer = b};
}

static void order_work(VkCommandBuffer b, VkPipelineStageFlags stage, int is_copy) {
    commands *c = commands_of(b);
    if (!(c->first & stage))
        broken("a command buffer does not begin with a barrier before its work");
    if (is_copy && c->unordered) broken("no barrier between a write and the copy behind it");
    order.copies += is_copy != 0;
    c->recorded++;
    c->writes |= stage;
    c->unordered |= stage;
    c->shows_host = 0;
}

static void order_barrier(VkCommandBuffer b, VkPipelineStageFlags from, VkPipelineStageFlags to,
                          uint32_t count, const VkMemoryBarrier *m) {
    commands *c = commands_of(b);
    VkAccessFlags written = count ? m->srcAccessMask : 0, seen = count ? m->dstAccessMask : 0;
    VkAccessFlags transfer = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
    VkAccessFlags shader = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
    int is_full = (from & WORK_STAGES) == WORK_STAGES && (written & WORK_WRITES) == WORK_WRITES;
    if (!c->recorded && is_full) {
        if ((seen & shader) == shader) c->first |= to & VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
        if ((seen & transfer) == transfer) c->first |= to & VK_PIPELINE_STAGE_TRANSFER_BIT;
        order.begins++;
    }
    VkAccessFlags needed = 0;
    if (c->writes & VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT) needed |= VK_ACCESS_SHADER_WRITE_BIT;
    if (c->writes & VK_PIPELINE_STAGE_TRANSFER_BIT) needed |= VK_ACCESS_TRANSFER_WRITE_BIT;
    int is_behind = (from & c->writes) == c->writes && (written & needed) == needed;
    c->shows_host =
        is_behind && (to & VK_PIPELINE_STAGE_HOST_BIT) && (seen & VK_ACCESS_HOST_READ_BIT);
    if (is_behind) c->unordered = 0;
    c->recorded++;
}

static void order_submit(uint32_t count, const VkSubmitInfo *infos, VkFence fence) {
    size_t at = 0;
    order.submitted++;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < infos[i].commandBufferCount; k++) {
            commands *c = commands_of(infos[i].pCommandBuffers[k]);
            if (fence && !c->shows_host) broken("what a fence waits for is not shown to the host");
            order.ends += fence != VK_NULL_HANDLE;
            c->submission = order.submitted;
        }
    }
    if (!fence) return;
    while (at < order.fence_count && order.fences[at].fence != fence) at++;
    if (at == FENCES_MAX) broken("more fences than it can watch");
    if (at == order.fence_count) order.fence_count++;
    order.fences[at].fence = fence;
    order.fences[at].submission = order.submitted;
}

static void order_wait(uint32_t count, const VkFence *fences) {
    for (uint32_t i = 0; i < count; i++)
        for (size_t k = 0; k < order.fence_count; k++)
            if (order.fences[k].fence == fences[i] && order.fences[k].submission > order.finished)
                order.finished = order.fences[k].submission;
}

static void order_idle(void) {
    order.finished = order.submitted;
}

static void order_free(void) {
    if (order.finished < order.submitted) broken("memory is freed while submissions run");
}

static void say_cache(size_t bytes) {
    if (asked("say-cache")) fprintf(stderr, "fault layer: pipeline cache of %zu bytes\n", bytes);
}

enum { BLOCKS_MAX = 4096, KINDS_MAX = 4 };

/* What the kinds of a play are: the device's own, the host's, the host's and cached, both. */
typedef struct memory_play {
    const char *name;
    uint32_t count;
    struct {
        VkMemoryPropertyFlags flags;
        uint32_t heap; /* 0: the device's, 1: the host's, 2: the window */
    } kinds[KINDS_MAX];
} memory_play;

#define OWN_MEMORY VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT
#define SEEN (VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT)
#define CACHED (SEEN | VK_MEMORY_PROPERTY_HOST_CACHED_BIT)

static const memory_play memory_plays[] = {
    {"apart", 3, {{OWN_MEMORY, 0}, {SEEN, 1}, {CACHED, 1}}},
    {"window", 4, {{OWN_MEMORY, 0}, {SEEN, 1}, {CACHED, 1}, {OWN_MEMORY | SEEN, 2}}},
    {"whole", 4, {{OWN_MEMORY, 0}, {SEEN, 1}, {CACHED, 1}, {OWN_MEMORY | SEEN, 0}}},
    {"one", 1, {{OWN_MEMORY | SEEN, 0}}},
};

static struct {
    struct {
        VkDeviceMemory memory;
        VkDeviceSize bytes;
        uint32_t kind;
    } blocks[BLOCKS_MAX];
    size_t count;
    VkDeviceSize used[3];
    uint32_t allowed; /* kinds of the driver's own */
} held = {.allowed = UINT32_MAX};

static const memory_play *played(void) {
    const char *at = getenv("HARNESS_FAULTS");
    at = at ? strstr(at, "memory=") : NULL;
    for (size_t i = 0; at && i < sizeof memory_plays / sizeof *memory_plays; i++) {
        size_t n = strlen(memory_plays[i].name);
        if (!strncmp(at + 7, memory_plays[i].name, n) && (at[7 + n] == ' ' || !at[7 + n]))
            return &memory_plays[i];
    }
    if (at) broken("no such kind of memory");
    return NULL;
}

static VkDeviceSize heap_size(uint32_t heap, int truly) {
    uint64_t mib = asked(heap == 2 ? "window" : "own");
    if (truly && !heap && asked("there")) mib = asked("there");
    if (heap == 1) return (VkDeviceSize)8 << 30;
    return (VkDeviceSize)(mib ? mib : heap ? 256 : 4096) << 20;
}

static VkResult memory_take(const VkMemoryAllocateInfo *info) {
    const memory_play *p = played();
    if (!p) return VK_SUCCESS;
    if (info->memoryTypeIndex >= p->count) broken("memory of a kind that is not there");
    uint32_t heap = p->kinds[info->memoryTypeIndex].heap;
    if (held.used[heap] + info->allocationSize > heap_size(heap, 1))
        return heap == 1 ? VK_ERROR_OUT_OF_HOST_MEMORY : VK_ERROR_OUT_OF_DEVICE_MEMORY;
    held.used[heap] += info->allocationSize;
    return VK_SUCCESS;
}

/* A kind of the driver's own that can be all that are played: the host sees it, and every buffer so
 * far may lie in it. */
static uint32_t true_kind(void) {
    VkPhysicalDeviceMemoryProperties m;
    uint32_t i = 0;
    next.GetPhysicalDeviceMemoryProperties(next.physical, &m);
    while (i < m.memoryTypeCount &&
           (!(held.allowed >> i & 1) || (m.memoryTypes[i].propertyFlags & SEEN) != SEEN))
        i++;
    if (i == m.memoryTypeCount) broken("no memory that the host sees can be played with");
    return i;
}

static void memory_keep(VkDeviceMemory m, const VkMemoryAllocateInfo *info) {
    if (held.count == BLOCKS_MAX) broken("more allocations than it can watch");
    held.blocks[held.count].memory = m;
    held.blocks[held.count].bytes = info->allocationSize;
    held.blocks[held.count++].kind = info->memoryTypeIndex;
    watch(held.count, "blocks");
}

static size_t memory_find(VkDeviceMemory m) {
    size_t i = 0;
    while (i < held.count && held.blocks[i].memory != m) i++;
    return i;
}

static void memory_map(VkDeviceMemory m) {
    const memory_play *p = played();
    size_t i = memory_find(m);
    if (p && i < held.count &&
        !(p->kinds[held.blocks[i].kind].flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT))
        broken("memory that the host does not see is mapped");
}

static void memory_free(VkDeviceMemory m) {
    const memory_play *p = played();
    size_t i = memory_find(m);
    if (i == held.count) return;
    if (p) held.used[p->kinds[held.blocks[i].kind].heap] -= held.blocks[i].bytes;
    held.blocks[i] = held.blocks[--held.count];
}

#define DEVICE_CALLS(X)                                                                            \
    X(MapMemory,                                                                                   \
      (VkDevice d, VkDeviceMemory m, VkDeviceSize f, VkDeviceSize n, VkMemoryMapFlags g,           \
       void **o),                                                                                  \
      (d, m, f, n, g, o), memory_map(m))                                                           \
    X(CreateBuffer,                                                                                \
      (VkDevice d, const VkBufferCreateInfo *i, const VkAllocationCallbacks *c, VkBuffer *o),      \
      (d, i, c, o), (void)0)                                                                       \
    X(BindBufferMemory, (VkDevice d, VkBuffer b, VkDeviceMemory m, VkDeviceSize o), (d, b, m, o),  \
      (void)0)                                                                                     \
    X(CreateShaderModule,                                                                          \
      (VkDevice d, const VkShaderModuleCreateInfo *i, const VkAllocationCallbacks *c,              \
       VkShaderModule *o),                                                                         \
      (d, i, c, o), (void)0)                                                                       \
    X(CreateComputePipelines,                                                                      \
      (VkDevice d, VkPipelineCache p, uint32_t n, const VkComputePipelineCreateInfo *i,            \
       const VkAllocationCallbacks *c, VkPipeline *o),                                             \
      (d, p, n, i, c, o), watch_pipelines(n, i))                                                   \
    X(CreatePipelineLayout,                                                                        \
      (VkDevice d, const VkPipelineLayoutCreateInfo *i, const VkAllocationCallbacks *c,            \
       VkPipelineLayout *o),                                                                       \
      (d, i, c, o), (void)0)                                                                       \
    X(CreateDescriptorSetLayout,                                                                   \
      (VkDevice d, const VkDescriptorSetLayoutCreateInfo *i, const VkAllocationCallbacks *c,       \
       VkDescriptorSetLayout *o),                                                                  \
      (d, i, c, o), watch(i->bindingCount, "buffers"))                                             \
    X(CreateDescriptorPool,                                                                        \
      (VkDevice d, const VkDescriptorPoolCreateInfo *i, const VkAllocationCallbacks *c,            \
       VkDescriptorPool *o),                                                                       \
      (d, i, c, o), (void)0)                                                                       \
    X(AllocateDescriptorSets,                                                                      \
      (VkDevice d, const VkDescriptorSetAllocateInfo *i, VkDescriptorSet *o), (d, i, o), (void)0)  \
    X(CreateCommandPool,                                                                           \
      (VkDevice d, const VkCommandPoolCreateInfo *i, const VkAllocationCallbacks *c,               \
       VkCommandPool *o),                                                                          \
      (d, i, c, o), (void)0)                                                                       \
    X(CreateFence,                                                                                 \
      (VkDevice d, const VkFenceCreateInfo *i, const VkAllocationCallbacks *c, VkFence *o),        \
      (d, i, c, o), (void)0)                                                                       \
    X(AllocateCommandBuffers,                                                                      \
      (VkDevice d, const VkCommandBufferAllocateInfo *i, VkCommandBuffer *o), (d, i, o), (void)0)  \
    X(ResetCommandPool, (VkDevice d, VkCommandPool p, VkCommandPoolResetFlags f), (d, p, f),       \
      (void)0)                                                                                     \
    X(BeginCommandBuffer, (VkCommandBuffer b, const VkCommandBufferBeginInfo *i), (b, i),          \
      order_begin(b))                                                                              \
    X(CreatePipelineCache,                                                                         \
      (VkDevice d, const VkPipelineCacheCreateInfo *i, const VkAllocationCallbacks *c,             \
       VkPipelineCache *o),                                                                        \
      (d, i, c, o), say_cache(i->initialDataSize))                                                 \
    X(EndCommandBuffer, (VkCommandBuffer b), (b), (void)0)                                         \
    X(WaitForFences, (VkDevice d, uint32_t n, const VkFence *f, VkBool32 a, uint64_t t),           \
      (d, n, f, a, t), order_wait(n, f))                                                           \
    X(ResetFences, (VkDevice d, uint32_t n, const VkFence *f), (d, n, f), (void)0)                 \
    X(DeviceWaitIdle, (VkDevice d), (d), order_idle())

/* Specialization constant 0 is the number of invocations of a workgroup. */
static void watch_pipelines(uint32_t count, const VkComputePipelineCreateInfo *infos) {
    for (uint32_t i = 0; i < count; i++) {
        const VkSpecializationInfo *s = infos[i].stage.pSpecializationInfo;
        for (uint32_t k = 0; s && k < s->mapEntryCount; k++) {
            uint32_t value;
            if (s->pMapEntries[k].constantID != 0) continue;
            memcpy(&value, (const char *)s->pData + s->pMapEntries[k].offset, sizeof value);
            watch(value, "invocations");
        }
    }
}

/* A lost device is at rest: calls that wait do so before they say that it is lost. */
static int waits(const char *name) {
    int is_one = lost && (!strcmp(name, "WaitForFences") || !strcmp(name, "DeviceWaitIdle"));
    if (is_one) order_idle();
    return is_one;
}

#define X(name, parameters, arguments, check)                                                      \
    static VKAPI_ATTR VkResult VKAPI_CALL layer_##name parameters {                                \
        static unsigned count;                                                                     \
        VkResult r = fault(#name, &count);                                                         \
        if (waits(#name)) ((PFN_vk##name)next.device_proc(next.device, "vk" #name)) arguments;     \
        if (r != VK_SUCCESS) return r;                                                             \
        check;                                                                                     \
        return ((PFN_vk##name)next.device_proc(next.device, "vk" #name))arguments;                 \
    }
DEVICE_CALLS(X)
#undef X

static VKAPI_ATTR VkResult VKAPI_CALL layer_AllocateMemory(VkDevice d,
                                                           const VkMemoryAllocateInfo *info,
                                                           const VkAllocationCallbacks *a,
                                                           VkDeviceMemory *out) {
    static unsigned count;
    VkMemoryAllocateInfo real = *info;
    VkResult r = fault("AllocateMemory", &count);
    if (r != VK_SUCCESS) return r;
    watch(info->allocationSize, "allocation");
    if ((r = memory_take(info)) != VK_SUCCESS) return r;
    if (played()) real.memoryTypeIndex = true_kind();
    r = ((PFN_vkAllocateMemory)next.device_proc(next.device, "vkAllocateMemory"))(d, &real, a, out);
    if (r == VK_SUCCESS) memory_keep(*out, info);
    return r;
}

static VKAPI_ATTR void VKAPI_CALL layer_GetBufferMemoryRequirements(VkDevice d, VkBuffer b,
                                                                    VkMemoryRequirements *need) {
    const memory_play *p = played();
    ((PFN_vkGetBufferMemoryRequirements)next.device_proc(
        next.device, "vkGetBufferMemoryRequirements"))(d, b, need);
    held.allowed &= need->memoryTypeBits;
    if (p) need->memoryTypeBits = (1u << p->count) - 1;
}

static VKAPI_ATTR VkResult VKAPI_CALL layer_QueueSubmit(VkQueue q, uint32_t count,
                                                        const VkSubmitInfo *infos, VkFence fence) {
    static unsigned all, parts, lasts;
    VkResult r = fault("QueueSubmit", &all);
    if (r == VK_SUCCESS && !fence) r = fault("SubmitPart", &parts);
    if (r == VK_SUCCESS && fence && order.is_behind_part) r = fault("SubmitLast", &lasts);
    order.is_behind_part = !fence;
    if (r != VK_SUCCESS) return r;
    order_submit(count, infos, fence);
    return ((PFN_vkQueueSubmit)next.device_proc(next.device, "vkQueueSubmit"))(q, count, infos,
                                                                               fence);
}

static VKAPI_ATTR void VKAPI_CALL layer_FreeMemory(VkDevice d, VkDeviceMemory m,
                                                   const VkAllocationCallbacks *a) {
    order_free();
    memory_free(m);
    ((PFN_vkFreeMemory)next.device_proc(next.device, "vkFreeMemory"))(d, m, a);
}

static VKAPI_ATTR void VKAPI_CALL layer_DestroyBuffer(VkDevice d, VkBuffer b,
                                                      const VkAllocationCallbacks *a) {
    order_free();
    ((PFN_vkDestroyBuffer)next.device_proc(next.device, "vkDestroyBuffer"))(d, b, a);
}

static VKAPI_ATTR void VKAPI_CALL layer_DestroyDevice(VkDevice d, const VkAllocationCallbacks *a) {
    if (asked("say-barriers"))
        fprintf(stderr, "fault layer: %lu begins, %lu ends, %lu copies in order\n", order.begins,
                order.ends, order.copies);
    memset(&order, 0, sizeof order);
    lost = VK_SUCCESS;
    ((PFN_vkDestroyDevice)next.device_proc(d, "vkDestroyDevice"))(d, a);
}

static VKAPI_ATTR void VKAPI_CALL
layer_CmdPipelineBarrier(VkCommandBuffer b, VkPipelineStageFlags from, VkPipelineStageFlags to,
                         VkDependencyFlags flags, uint32_t count, const VkMemoryBarrier *memory,
                         uint32_t buffer_count, const VkBufferMemoryBarrier *buffers,
                         uint32_t image_count, const VkImageMemoryBarrier *images) {
    order_barrier(b, from, to, count, memory);
    ((PFN_vkCmdPipelineBarrier)next.device_proc(next.device, "vkCmdPipelineBarrier"))(
        b, from, to, flags, count, memory, buffer_count, buffers, image_count, images);
}

static VKAPI_ATTR void VKAPI_CALL layer_CmdFillBuffer(VkCommandBuffer b, VkBuffer to,
                                                      VkDeviceSize offset, VkDeviceSize size,
                                                      uint32_t data) {
    order_work(b, VK_PIPELINE_STAGE_TRANSFER_BIT, 0);
    ((PFN_vkCmdFillBuffer)next.device_proc(next.device, "vkCmdFillBuffer"))(b, to, offset, size,
                                                                            data);
}

static VKAPI_ATTR void VKAPI_CALL layer_UpdateDescriptorSets(VkDevice d, uint32_t count,
                                                             const VkWriteDescriptorSet *writes,
                                                             uint32_t copy_count,
                                                             const VkCopyDescriptorSet *copies) {
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < writes[i].descriptorCount; k++) {
            if (writes[i].pBufferInfo[k].range != VK_WHOLE_SIZE)
                watch(writes[i].pBufferInfo[k].range, "range");
            if (asked("align") && writes[i].pBufferInfo[k].offset % asked("align"))
                broken("what is bound lies at no multiple of the least alignment");
        }
    }
    ((PFN_vkUpdateDescriptorSets)next.device_proc(next.device, "vkUpdateDescriptorSets"))(
        d, count, writes, copy_count, copies);
}

static VKAPI_ATTR void VKAPI_CALL layer_CmdDispatch(VkCommandBuffer b, uint32_t x, uint32_t y,
                                                    uint32_t z) {
    order_work(b, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0);
    watch(x > y ? (x > z ? x : z) : (y > z ? y : z), "groups");
    if (asked("no-dispatch")) return;
    ((PFN_vkCmdDispatch)next.device_proc(next.device, "vkCmdDispatch"))(b, x, y, z);
}

static VKAPI_ATTR void VKAPI_CALL layer_CmdCopyBuffer(VkCommandBuffer b, VkBuffer from, VkBuffer to,
                                                      uint32_t count, const VkBufferCopy *regions) {
    static unsigned copies;
    VkBufferCopy first = regions[0];
    order_work(b, VK_PIPELINE_STAGE_TRANSFER_BIT, 1);
    if (first.size >= 65536 && ++copies == asked("short-copy")) {
        first.size -= 4;
        count = 1;
        regions = &first;
    }
    ((PFN_vkCmdCopyBuffer)next.device_proc(next.device, "vkCmdCopyBuffer"))(b, from, to, count,
                                                                            regions);
}

static void lower_limits(VkPhysicalDeviceProperties *p) {
    VkPhysicalDeviceLimits *l = &p->limits;
    lower(&l->maxComputeWorkGroupInvocations, "invocations");
    for (int i = 0; i < 3; i++) lower(&l->maxComputeWorkGroupSize[i], "invocations");
    lower(&l->maxComputeSharedMemorySize, "shared");
    lower(&l->maxStorageBufferRange, "range");
    lower(&l->maxPerStageDescriptorStorageBuffers, "buffers");
    lower(&l->maxDescriptorSetStorageBuffers, "buffers");
    lower(&l->maxTexelBufferElements, "texels");
    if (asked("version"))
        p->apiVersion = VK_MAKE_API_VERSION(0, asked("version") / 10, asked("version") % 10, 0);
    if (asked("class")) p->deviceType = (VkPhysicalDeviceType)asked("class");
    if (asked("bad-name"))
        snprintf(p->deviceName, sizeof p->deviceName, "%s", "../../llvmpipe \"\xff\n\x1b[2J\\");
}

static VKAPI_ATTR void VKAPI_CALL layer_GetPhysicalDeviceProperties(VkPhysicalDevice d,
                                                                    VkPhysicalDeviceProperties *p) {
    next.GetPhysicalDeviceProperties(d, p);
    lower_limits(p);
}

static VKAPI_ATTR void VKAPI_CALL
layer_GetPhysicalDeviceProperties2(VkPhysicalDevice d, VkPhysicalDeviceProperties2 *p) {
    next.GetPhysicalDeviceProperties2(d, p);
    lower_limits(&p->properties);
    for (VkBaseOutStructure *s = p->pNext; s; s = s->pNext) {
        if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES && asked("subgroup"))
            ((VkPhysicalDeviceSubgroupProperties *)s)->subgroupSize = (uint32_t)asked("subgroup");
        if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES &&
            asked("allocation"))
            ((VkPhysicalDeviceMaintenance3Properties *)s)->maxMemoryAllocationSize =
                asked("allocation");
        if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV) {
            VkPhysicalDeviceShaderSMBuiltinsPropertiesNV *nv = (void *)s;
            nv->shaderSMCount = (uint32_t)asked("multiprocessors");
            nv->shaderWarpsPerSM = 48;
        }
        if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES && asked("driver"))
            snprintf(((VkPhysicalDeviceDriverProperties *)s)->driverInfo, VK_MAX_DRIVER_INFO_SIZE,
                     "%llu", (unsigned long long)asked("driver"));
    }
}

static VKAPI_ATTR void VKAPI_CALL layer_GetPhysicalDeviceQueueFamilyProperties(
    VkPhysicalDevice d, uint32_t *count, VkQueueFamilyProperties *families) {
    next.GetPhysicalDeviceQueueFamilyProperties(d, count, families);
    for (uint32_t i = 0; families && i < *count; i++) {
        if (asked("no-compute")) families[i].queueFlags &= ~(VkQueueFlags)VK_QUEUE_COMPUTE_BIT;
        if (asked("no-timestamps")) families[i].timestampValidBits = 0;
    }
}

static VKAPI_ATTR void VKAPI_CALL
layer_GetPhysicalDeviceMemoryProperties(VkPhysicalDevice d, VkPhysicalDeviceMemoryProperties *m) {
    const memory_play *p = played();
    next.GetPhysicalDeviceMemoryProperties(d, m);
    if (!p) return;
    *m = (VkPhysicalDeviceMemoryProperties){.memoryTypeCount = p->count};
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t heap = p->kinds[i].heap;
        m->memoryTypes[i] = (VkMemoryType){p->kinds[i].flags, heap};
        m->memoryHeaps[heap] =
            (VkMemoryHeap){heap_size(heap, 0), heap == 1 ? 0 : VK_MEMORY_HEAP_DEVICE_LOCAL_BIT};
        if (heap >= m->memoryHeapCount) m->memoryHeapCount = heap + 1;
    }
}

/* VK_KHR_cooperative_matrix, which headers before 1.3.255 lack. */
static const char matrix[] = "VK_KHR_cooperative_matrix";
enum { MATRIX_FEATURES = 1000506000, SCOPE_SUBGROUP = 3 };

typedef struct matrix_shape {
    VkStructureType type;
    void *next;
    uint32_t m, n, k;
    int a, b, c, result; /* 0: f16, 1: f32 */
    VkBool32 saturates;
    int scope;
} matrix_shape;

static VKAPI_ATTR void VKAPI_CALL layer_GetPhysicalDeviceFeatures2(VkPhysicalDevice d,
                                                                   VkPhysicalDeviceFeatures2 *f) {
    next.GetPhysicalDeviceFeatures2(d, f);
    for (VkBaseOutStructure *s = f->pNext; s && asked("matrix"); s = s->pNext) {
        if ((int)s->sType == MATRIX_FEATURES) *(VkBool32 *)(s + 1) = VK_TRUE;
        if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES) {
            VkPhysicalDeviceVulkan12Features *v12 = (void *)s;
            v12->shaderFloat16 = v12->vulkanMemoryModel = VK_TRUE;
        }
        if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES) {
            VkPhysicalDeviceVulkan13Features *v13 = (void *)s;
            v13->subgroupSizeControl = v13->computeFullSubgroups = v13->maintenance4 = VK_TRUE;
        }
    }
}

static VKAPI_ATTR VkResult VKAPI_CALL list_matrices(VkPhysicalDevice d, uint32_t *count,
                                                    matrix_shape *shapes) {
    (void)d;
    if (shapes && *count)
        *shapes = (matrix_shape){.type = shapes->type,
                                 .m = 16,
                                 .n = 16,
                                 .k = 16,
                                 .c = 1,
                                 .result = 1,
                                 .scope = SCOPE_SUBGROUP};
    *count = 1;
    return VK_SUCCESS;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL physical_proc(VkInstance instance,
                                                              const char *wanted) {
    (void)instance;
    int is_played =
        asked("matrix") && !strcmp(wanted, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
    return is_played ? (PFN_vkVoidFunction)list_matrices : NULL;
}

static const char subset[] = "VK_KHR_portability_subset";

static void add_extension(VkExtensionProperties *to, const char *name) {
    memset(to, 0, sizeof *to);
    snprintf(to->extensionName, sizeof to->extensionName, "%s", name);
}

/* Two calls, as the loader's manual has them: the count, then the list. */
static VKAPI_ATTR VkResult VKAPI_CALL layer_EnumerateDeviceExtensionProperties(
    VkPhysicalDevice d, const char *layer, uint32_t *count, VkExtensionProperties *list) {
    VkExtensionProperties all[512];
    uint32_t found = 509, kept = 0;
    if (layer) return next.EnumerateDeviceExtensionProperties(d, layer, count, list);
    VkResult r = next.EnumerateDeviceExtensionProperties(d, NULL, &found, all);
    if (r != VK_SUCCESS) return r;
    for (uint32_t i = 0; i < found; i++) // what the driver tells of its own memory is not played
        if (!played() || strcmp(all[i].extensionName, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME))
            all[kept++] = all[i];
    if (asked("portability")) add_extension(&all[kept++], subset);
    if (asked("matrix")) add_extension(&all[kept++], matrix);
    if (asked("multiprocessors"))
        add_extension(&all[kept++], VK_NV_SHADER_SM_BUILTINS_EXTENSION_NAME);
    if (list) memcpy(list, all, (*count < kept ? *count : kept) * sizeof *all);
    r = list && *count < kept ? VK_INCOMPLETE : VK_SUCCESS;
    if (!list || *count > kept) *count = kept;
    return r;
}

static VKAPI_ATTR VkResult VKAPI_CALL layer_EnumeratePhysicalDevices(VkInstance instance,
                                                                     uint32_t *count,
                                                                     VkPhysicalDevice *devices) {
    static unsigned calls;
    VkResult r = fault("EnumeratePhysicalDevices", &calls);
    if (r != VK_SUCCESS) return r;
    if (asked("no-device") || (asked("portability") && !next.is_portable)) {
        *count = 0;
        return VK_SUCCESS;
    }
    uint32_t half = *count / 2;
    if (!asked("twins")) return next.EnumeratePhysicalDevices(instance, count, devices);
    r = next.EnumeratePhysicalDevices(instance, &half, devices);
    for (uint32_t i = 0; devices && i < half; i++) devices[half + i] = devices[i];
    *count = 2 * half;
    return r;
}

/* How often the loader loaded this library, as it does drivers'; the process's environment stays
 * when it is unloaded. */
static const char loads[] = "HARNESS_FAULTS_LOADS";

__attribute__((constructor)) static void count_load(void) {
    const char *others = getenv(loads);
    char now[24];
    snprintf(now, sizeof now, "%lu", (others ? strtoul(others, NULL, 10) : 0) + 1);
    setenv(loads, now, 1);
}

static VKAPI_ATTR VkResult VKAPI_CALL layer_CreateInstance(const VkInstanceCreateInfo *info,
                                                           const VkAllocationCallbacks *allocator,
                                                           VkInstance *instance) {
    static unsigned calls;
    layer_next link = layer_of_instance(info);
    VkResult r = fault("CreateInstance", &calls);
    if (asked("loads") && strtoul(getenv(loads), NULL, 10) > asked("loads"))
        r = VK_ERROR_INCOMPATIBLE_DRIVER;
    if (r != VK_SUCCESS || !link.instance_proc) return r ? r : VK_ERROR_INITIALIZATION_FAILED;
    before = next;
    next.is_portable = (info->flags & VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR) != 0;
    next.instance_proc = link.instance_proc;
    r = ((PFN_vkCreateInstance)next.instance_proc(VK_NULL_HANDLE, "vkCreateInstance"))(
        info, allocator, instance);
    next.instance = r == VK_SUCCESS ? *instance : VK_NULL_HANDLE;
#define FIND(name) next.name = (PFN_vk##name)next.instance_proc(next.instance, "vk" #name)
    if (next.instance) {
        FIND(EnumeratePhysicalDevices);
        FIND(GetPhysicalDeviceProperties);
        FIND(GetPhysicalDeviceProperties2);
        FIND(GetPhysicalDeviceFeatures2);
        FIND(GetPhysicalDeviceQueueFamilyProperties);
        FIND(GetPhysicalDeviceMemoryProperties);
        FIND(EnumerateDeviceExtensionProperties);
    }
    return r;
}

static VKAPI_ATTR void VKAPI_CALL layer_DestroyInstance(VkInstance instance,
                                                        const VkAllocationCallbacks *a) {
    ((PFN_vkDestroyInstance)next.instance_proc(instance, "vkDestroyInstance"))(instance, a);
    next = before;
}

static VKAPI_ATTR VkResult VKAPI_CALL layer_CreateDevice(VkPhysicalDevice physical,
                                                         const VkDeviceCreateInfo *info,
                                                         const VkAllocationCallbacks *allocator,
                                                         VkDevice *device) {
    static unsigned calls;
    layer_next link = layer_of_device(info);
    VkResult r = fault("CreateDevice", &calls);
    if (r != VK_SUCCESS || !link.instance_proc) return r ? r : VK_ERROR_INITIALIZATION_FAILED;
    next.device_proc = link.device_proc;
    VkDeviceCreateInfo real = *info;
    const char *names[64];
    real.ppEnabledExtensionNames = names;
    real.enabledExtensionCount = 0;
    for (uint32_t i = 0; i < info->enabledExtensionCount && i < 64; i++)
        if (strcmp(info->ppEnabledExtensionNames[i], subset) &&
            strcmp(info->ppEnabledExtensionNames[i], matrix))
            names[real.enabledExtensionCount++] = info->ppEnabledExtensionNames[i];
    // what the driver has not is not asked of it: those features are the last of the list
    for (VkBaseOutStructure *s = (void *)&real; s; s = s->pNext)
        if (s->pNext && (int)s->pNext->sType == MATRIX_FEATURES && asked("matrix")) s->pNext = NULL;
    if (asked("portability") && real.enabledExtensionCount == info->enabledExtensionCount)
        broken("the device is opened without VK_KHR_portability_subset");
    r = ((PFN_vkCreateDevice)link.instance_proc(next.instance, "vkCreateDevice"))(
        physical, &real, allocator, device);
    next.device = r == VK_SUCCESS ? *device : VK_NULL_HANDLE;
    next.physical = physical;
    return r;
}

static PFN_vkVoidFunction own_device(const char *wanted) {
#define X(name, parameters, arguments, check) OWN(name)
    DEVICE_CALLS(X)
#undef X
    OWN(UpdateDescriptorSets)
    OWN(CmdDispatch)
    OWN(CmdCopyBuffer)
    OWN(CmdFillBuffer)
    OWN(CmdPipelineBarrier)
    OWN(QueueSubmit)
    OWN(AllocateMemory)
    OWN(GetBufferMemoryRequirements)
    OWN(FreeMemory)
    OWN(DestroyBuffer)
    OWN(DestroyDevice)
    return NULL;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_proc(VkDevice device, const char *wanted) {
    PFN_vkVoidFunction own = own_device(wanted);
    if (own) return own;
    if (!strcmp(wanted, "vkGetDeviceProcAddr")) return (PFN_vkVoidFunction)device_proc;
    return next.device_proc(device, wanted);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_proc(VkInstance instance,
                                                              const char *wanted) {
    OWN(CreateInstance)
    OWN(DestroyInstance)
    OWN(CreateDevice)
    OWN(EnumeratePhysicalDevices)
    OWN(GetPhysicalDeviceProperties)
    OWN(GetPhysicalDeviceProperties2)
    OWN(GetPhysicalDeviceFeatures2)
    OWN(GetPhysicalDeviceQueueFamilyProperties)
    OWN(GetPhysicalDeviceMemoryProperties)
    OWN(EnumerateDeviceExtensionProperties)
    if (!strcmp(wanted, "vkGetInstanceProcAddr")) return (PFN_vkVoidFunction)instance_proc;
    if (!strcmp(wanted, "vkGetDeviceProcAddr")) return (PFN_vkVoidFunction)device_proc;
    PFN_vkVoidFunction own = own_device(wanted);
    if (own) return own;
    return next.instance_proc ? next.instance_proc(instance, wanted) : NULL;
}

NEGOTIATE
