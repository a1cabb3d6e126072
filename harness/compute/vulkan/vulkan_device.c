/* Opening and closing the Vulkan device. */
#include "base/memory.h"
#include "compute/vulkan/vulkan_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REGISTER_TILE = 8, SHARED_TILE = 32 };

static err logical_open(vulkan_device *v) {
    float priority = 1;
    VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                     .queueFamilyIndex = v->queue_family,
                                     .queueCount = 1,
                                     .pQueuePriorities = &priority};
    VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                               .queueCreateInfoCount = 1,
                               .pQueueCreateInfos = &queue};
    static const char portability[] = "VK_KHR_portability_subset"; // named in a beta header only
    const char *extensions[3];
    vulkan_matrix_features features;
    info.ppEnabledExtensionNames = extensions;
    if (v->matrix_shape) {
        vulkan__matrix_features(&features, v->has_bf16_matrix);
        info.pNext = &features.matrix;
        extensions[info.enabledExtensionCount++] = "VK_KHR_cooperative_matrix";
        if (v->has_bf16_matrix) extensions[info.enabledExtensionCount++] = "VK_KHR_shader_bfloat16";
    }
    // a device that has it must be opened with it; nothing that the kernels use is among what it lacks
    if (vulkan__has_extension(v->physical, portability))
        extensions[info.enabledExtensionCount++] = portability;
    err e = vulkan__check(VK.CreateDevice(v->physical, &info, NULL, &v->logical), "vkCreateDevice");
    if (e) return e;
    VK.GetDeviceQueue(v->logical, v->queue_family, 0, &v->queue);
    return ERR_OK;
}

static kernel_family usual_family(const device_info *info, bool has_texels) {
    if (info->class != CLASS_SOFTWARE) return FAMILY_TILE;
    // lavapipe; SwiftShader reads texel buffers 5 times slower than storage buffers
    return has_texels && info->vendor == (uint32_t)VK_VENDOR_ID_MESA ? FAMILY_PANEL
                                                                     : FAMILY_REGISTER;
}

static bool has_texel_room(const VkPhysicalDeviceLimits *limits) {
    return (uint64_t)limits->maxTexelBufferElements * TEXEL_BYTES >= limits->maxStorageBufferRange;
}

// HARNESS_VULKAN_KERNELS=register, tile or panel.
static err forced_family(kernel_family *family, const device_info *info, bool has_texels) {
    const char *name = getenv("HARNESS_VULKAN_KERNELS");
    if (!name || !*name) return ERR_OK;
    kernel_family f = 0;
    while (f <= FAMILY_PANEL && strcmp(name, vulkan__family_name(f))) f++;
    if (f > FAMILY_PANEL) {
        return err_set(ERR_USAGE,
                       "HARNESS_VULKAN_KERNELS is '%s', not 'register', 'tile' or 'panel'", name);
    }
    if (f == FAMILY_PANEL && !has_texels) {
        return err_set(ERR_UNSUPPORTED,
                       "%s: its texel buffers hold less than a kernel may bind: no panel kernels",
                       info->name);
    }
    *family = f;
    return ERR_OK;
}

err vulkan__check_device(kernel_family *family, const device_info *info,
                         const VkPhysicalDeviceProperties *p) {
    bool has_texels = has_texel_room(&p->limits);
    uint32_t buffers = p->limits.maxPerStageDescriptorStorageBuffers;
    *family = usual_family(info, has_texels);
    if (p->apiVersion < VK_API_VERSION_1_1)
        return err_set(ERR_UNSUPPORTED, "%s: Vulkan 1.1 is needed, its driver has %s", info->name,
                       info->version);
    if (buffers < STORAGE_MAX) {
        return err_set(ERR_UNSUPPORTED, "%s: kernels bind up to %d buffers, it allows %u",
                       info->name, STORAGE_MAX, buffers);
    }
    if (info->max_workgroup < 256 || info->max_shared_bytes < 16384) {
        return err_set(ERR_UNSUPPORTED,
                       "%s: workgroups of 256 and 16384 bytes of shared memory are needed, it has "
                       "%u and %u",
                       info->name, info->max_workgroup, info->max_shared_bytes);
    }
    return forced_family(family, info, has_texels);
}

static err choose_family(vulkan_device *v) {
    device_info *info = &v->device->info;
    VkPhysicalDeviceProperties2 p = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    VK.GetPhysicalDeviceProperties2(v->physical, &p);
    err e = vulkan__check_device(&v->family, info, &p.properties);
    if (e) return e;
    bool is_tile = v->family == FAMILY_TILE;
    uint32_t side = is_tile ? vulkan__largest_side(info) : 0;
    snprintf(info->kernels, sizeof info->kernels, "%s", vulkan__family_name(v->family));
    if (side) snprintf(info->kernels, sizeof info->kernels, "tile, products by %u", side);
    v->device->tile_rows = is_tile ? SHARED_TILE : REGISTER_TILE;
    v->group_size = is_tile ? 256 : 64;
    return ERR_OK;
}

// Invocations that run at once, where the driver tells by NVIDIA's, AMD's or Arm's extension; else 0.
static uint64_t resident(const vulkan_device *v) {
    VkPhysicalDeviceShaderSMBuiltinsPropertiesNV nv = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV};
    VkPhysicalDeviceShaderCorePropertiesAMD amd = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_CORE_PROPERTIES_AMD};
    VkPhysicalDeviceShaderCoreBuiltinsPropertiesARM arm = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_CORE_BUILTINS_PROPERTIES_ARM};
    VkPhysicalDeviceProperties2 p = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    bool is_nv = vulkan__has_extension(v->physical, VK_NV_SHADER_SM_BUILTINS_EXTENSION_NAME);
    bool is_amd = vulkan__has_extension(v->physical, VK_AMD_SHADER_CORE_PROPERTIES_EXTENSION_NAME);
    bool is_arm = vulkan__has_extension(v->physical, VK_ARM_SHADER_CORE_BUILTINS_EXTENSION_NAME);
    if (is_nv)
        p.pNext = &nv;
    else if (is_amd)
        p.pNext = &amd;
    else if (is_arm)
        p.pNext = &arm;
    else
        return 0;
    VK.GetPhysicalDeviceProperties2(v->physical, &p);
    uint64_t lanes = v->device->info.subgroup_size;
    if (is_nv) return lanes * nv.shaderSMCount * nv.shaderWarpsPerSM;
    if (is_arm) return lanes * arm.shaderCoreCount * arm.shaderWarpsPerCore;
    return (uint64_t)amd.wavefrontSize * amd.wavefrontsPerSimd * amd.simdPerComputeUnit *
           amd.computeUnitsPerShaderArray * amd.shaderArraysPerEngineCount * amd.shaderEngineCount;
}

static void close_device(device *d) {
    vulkan_device *v = vulkan__of(d);
    if (!v) return;
    if (v->logical) {
        VK.DeviceWaitIdle(v->logical);
        for (uint32_t i = 0; i < SLOT_COUNT; i++) vulkan__slot_close(v, &v->slots[i]);
        vulkan__copy_close(v);
        vulkan__kernels_close(v);
        vulkan__cache_close(v);
        VK.DestroyDevice(v->logical, NULL);
    }
    vulkan__messenger_close(v);
    vulkan__instance_release(v->instance);
    mem_free(v);
    d->impl = NULL;
    (void)vulkan__guard(NULL);
}

static const device_vtable vtable = {.close = close_device,
                                     .buffer_init = vulkan__buffer_init,
                                     .buffer_free = vulkan__buffer_free,
                                     .buffer_name = vulkan__buffer_name,
                                     .has_room = vulkan__has_room,
                                     .upload = vulkan__upload,
                                     .download = vulkan__download,
                                     .scratch_count = vulkan__scratch_count,
                                     .plan_ready = vulkan__plan_ready,
                                     .submit = vulkan__submit,
                                     .wait = vulkan__wait,
                                     .take = vulkan__take};

static err open_parts(vulkan_device *v) {
    device *d = v->device;
    const char *note;
    err e = vulkan__instance_take(&v->instance, d->options.validation, &note);
    if (e) return e;
    if (!v->instance) return err_set(ERR_DEVICE, "%s", note);
    vulkan__captions_open(v);
    if (d->options.validation && (e = vulkan__messenger_open(v))) return e;
    physical_list here;
    if ((e = vulkan__physical_list(&here, v->instance))) return e;
    if (d->info.vulkan_index >= here.count) {
        return err_set(ERR_DEVICE, "Vulkan device %u is gone: %u are here", d->info.vulkan_index,
                       here.count);
    }
    v->physical = here.list[d->info.vulkan_index];
    v->queue_family = vulkan__queue_family(v->physical);
    VK.GetPhysicalDeviceMemoryProperties(v->physical, &v->memory);
    v->has_budget = vulkan__has_extension(v->physical, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
    if ((e = choose_family(v))) return e;
    d->info.resident = resident(v);
    if (d->options.precision != PRECISION_FP32 && (e = vulkan__matrix_open(v))) return e;
    if ((e = logical_open(v))) return e;
    if ((e = vulkan__kernels_open(v))) return e;
    if ((e = vulkan__cache_open(v))) return e;
    if ((e = vulkan__copy_open(v))) return e;
    vulkan__buffer_name(&v->staging, "staging");
    for (uint32_t i = 0; i < SLOT_COUNT; i++)
        if ((e = vulkan__slot_open(v, &v->slots[i]))) return e;
    return ERR_OK;
}

err vulkan_open(device *d) {
    vulkan_device *v;
    err e = mem_new(&v, 1);
    if (e) return e;
    v->device = d;
    d->impl = v;
    d->real = ELEM_F32;
    (void)vulkan__guard_for_a_time("a Vulkan device was opened");
    if ((e = open_parts(v))) {
        close_device(d);
        return e;
    }
    (void)vulkan__guard(vulkan__at_work);
    d->vtable = &vtable;
    return ERR_OK;
}
