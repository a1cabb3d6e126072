/* A Vulkan layer for tests/gpu/compile: writes down what a driver's compiler made of each pipeline.
 *
 * Switched on by VK_INSTANCE_LAYERS=VK_LAYER_HARNESS_statistics, which also has the program name its
 * pipelines. HARNESS_STATISTICS names the file that gets a line for each executable of a pipeline,
 * fields between tabs: the pipeline's name, "subgroup=N", and NAME=NUMBER for each whole number that
 * VK_KHR_pipeline_executable_properties tells. One instance and one device at a time, as the program
 * has them. */
#include "layer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXECUTABLES_MAX = 8, STATISTICS_MAX = 64, PIPELINES_MAX = 64, EXTENSIONS_MAX = 64 };

static struct {
    PFN_vkGetInstanceProcAddr instance_proc;
    PFN_vkGetDeviceProcAddr device_proc;
    VkInstance instance;
    VkDevice device;
} next;

#define NEXT(name) ((PFN_vk##name)next.device_proc(next.device, "vk" #name))

static void tell_statistics(FILE *to, VkPipeline pipeline, uint32_t executable) {
    VkPipelineExecutableInfoKHR which = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR,
                                         .pipeline = pipeline,
                                         .executableIndex = executable};
    VkPipelineExecutableStatisticKHR found[STATISTICS_MAX];
    uint32_t count = STATISTICS_MAX;
    for (uint32_t i = 0; i < count; i++)
        found[i] = (VkPipelineExecutableStatisticKHR){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR};
    if (NEXT(GetPipelineExecutableStatisticsKHR)(next.device, &which, &count, found) < 0) return;
    for (uint32_t i = 0; i < count; i++)
        if (found[i].format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR)
            fprintf(to, "\t%s=%" PRIu64, found[i].name, found[i].value.u64);
}

static void tell(VkPipeline pipeline, const char *name) {
    const char *path = getenv("HARNESS_STATISTICS");
    FILE *to = path ? fopen(path, "a") : NULL;
    if (!to) {
        fprintf(stderr, "statistics layer: HARNESS_STATISTICS names no file to write\n");
        abort();
    }
    VkPipelineInfoKHR which = {.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = pipeline};
    VkPipelineExecutablePropertiesKHR found[EXECUTABLES_MAX];
    uint32_t count = EXECUTABLES_MAX;
    for (uint32_t i = 0; i < count; i++)
        found[i] = (VkPipelineExecutablePropertiesKHR){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR};
    if (NEXT(GetPipelineExecutablePropertiesKHR)(next.device, &which, &count, found) < 0) count = 0;
    for (uint32_t i = 0; i < count; i++) {
        fprintf(to, "%s\tsubgroup=%u", name, found[i].subgroupSize);
        tell_statistics(to, pipeline, i);
        fputc('\n', to);
    }
    fclose(to);
}

/* The program names a pipeline when it is made. */
static VKAPI_ATTR VkResult VKAPI_CALL
layer_SetDebugUtilsObjectNameEXT(VkDevice d, const VkDebugUtilsObjectNameInfoEXT *info) {
    (void)d;
    if (info->objectType == VK_OBJECT_TYPE_PIPELINE)
        tell((VkPipeline)info->objectHandle, info->pObjectName);
    return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL layer_CreateComputePipelines(
    VkDevice d, VkPipelineCache cache, uint32_t count, const VkComputePipelineCreateInfo *infos,
    const VkAllocationCallbacks *allocator, VkPipeline *pipelines) {
    VkComputePipelineCreateInfo told[PIPELINES_MAX];
    if (count > PIPELINES_MAX) return VK_ERROR_OUT_OF_HOST_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        told[i] = infos[i];
        told[i].flags |= VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR;
    }
    return NEXT(CreateComputePipelines)(d, cache, count, told, allocator, pipelines);
}

static VKAPI_ATTR VkResult VKAPI_CALL layer_CreateInstance(const VkInstanceCreateInfo *info,
                                                           const VkAllocationCallbacks *allocator,
                                                           VkInstance *instance) {
    layer_next link = layer_of_instance(info);
    if (!link.instance_proc) return VK_ERROR_INITIALIZATION_FAILED;
    next.instance_proc = link.instance_proc;
    VkResult r = ((PFN_vkCreateInstance)next.instance_proc(VK_NULL_HANDLE, "vkCreateInstance"))(
        info, allocator, instance);
    next.instance = r == VK_SUCCESS ? *instance : VK_NULL_HANDLE;
    return r;
}

/* Opens the device with the extension, which every driver here has. */
static VKAPI_ATTR VkResult VKAPI_CALL layer_CreateDevice(VkPhysicalDevice physical,
                                                         const VkDeviceCreateInfo *info,
                                                         const VkAllocationCallbacks *allocator,
                                                         VkDevice *device) {
    layer_next link = layer_of_device(info);
    if (!link.instance_proc || info->enabledExtensionCount >= EXTENSIONS_MAX)
        return VK_ERROR_INITIALIZATION_FAILED;
    next.device_proc = link.device_proc;
    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR feature = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
        .pNext = (void *)(uintptr_t)info->pNext,
        .pipelineExecutableInfo = VK_TRUE};
    const char *names[EXTENSIONS_MAX];
    uint32_t count = info->enabledExtensionCount;
    for (uint32_t i = 0; i < count; i++) names[i] = info->ppEnabledExtensionNames[i];
    names[count] = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
    VkDeviceCreateInfo told = *info;
    told.pNext = &feature;
    told.enabledExtensionCount = count + 1;
    told.ppEnabledExtensionNames = names;
    VkResult r = ((PFN_vkCreateDevice)link.instance_proc(next.instance, "vkCreateDevice"))(
        physical, &told, allocator, device);
    next.device = r == VK_SUCCESS ? *device : VK_NULL_HANDLE;
    return r;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_proc(VkDevice device, const char *wanted) {
    OWN(CreateComputePipelines)
    OWN(SetDebugUtilsObjectNameEXT)
    if (!strcmp(wanted, "vkGetDeviceProcAddr")) return (PFN_vkVoidFunction)device_proc;
    return next.device_proc(device, wanted);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_proc(VkInstance instance,
                                                              const char *wanted) {
    OWN(CreateInstance)
    OWN(CreateDevice)
    OWN(CreateComputePipelines)
    OWN(SetDebugUtilsObjectNameEXT)
    if (!strcmp(wanted, "vkGetInstanceProcAddr")) return (PFN_vkVoidFunction)instance_proc;
    if (!strcmp(wanted, "vkGetDeviceProcAddr")) return (PFN_vkVoidFunction)device_proc;
    return next.instance_proc ? next.instance_proc(instance, wanted) : NULL;
}

NEGOTIATE
