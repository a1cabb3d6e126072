/* The Vulkan functions in use, opened from the loader at run time: the program starts, and says
 * what is missing, on a machine without one. */
#ifndef HARNESS_COMPUTE_VULKAN_VULKAN_API_H
#define HARNESS_COMPUTE_VULKAN_VULKAN_API_H

#include "base/err.h"

#include <stdbool.h>

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#define VULKAN_FUNCTIONS(X)                                                                        \
    X(EnumerateInstanceVersion)                                                                    \
    X(EnumerateInstanceLayerProperties)                                                            \
    X(EnumerateInstanceExtensionProperties)                                                        \
    X(CreateInstance)                                                                              \
    X(DestroyInstance)                                                                             \
    X(GetInstanceProcAddr)                                                                         \
    X(EnumeratePhysicalDevices)                                                                    \
    X(EnumerateDeviceExtensionProperties)                                                          \
    X(GetPhysicalDeviceProperties2)                                                                \
    X(GetPhysicalDeviceFeatures2)                                                                  \
    X(GetPhysicalDeviceMemoryProperties)                                                           \
    X(GetPhysicalDeviceMemoryProperties2)                                                          \
    X(GetPhysicalDeviceQueueFamilyProperties)                                                      \
    X(CreateDevice)                                                                                \
    X(DestroyDevice)                                                                               \
    X(DeviceWaitIdle)                                                                              \
    X(GetDeviceQueue)                                                                              \
    X(QueueSubmit)                                                                                 \
    X(AllocateMemory)                                                                              \
    X(FreeMemory)                                                                                  \
    X(MapMemory)                                                                                   \
    X(CreateBuffer)                                                                                \
    X(CreateBufferView)                                                                            \
    X(DestroyBufferView)                                                                           \
    X(DestroyBuffer)                                                                               \
    X(BindBufferMemory)                                                                            \
    X(GetBufferMemoryRequirements)                                                                 \
    X(CreateShaderModule)                                                                          \
    X(DestroyShaderModule)                                                                         \
    X(CreatePipelineCache)                                                                         \
    X(DestroyPipelineCache)                                                                        \
    X(GetPipelineCacheData)                                                                        \
    X(CreatePipelineLayout)                                                                        \
    X(DestroyPipelineLayout)                                                                       \
    X(CreateComputePipelines)                                                                      \
    X(DestroyPipeline)                                                                             \
    X(CreateDescriptorSetLayout)                                                                   \
    X(DestroyDescriptorSetLayout)                                                                  \
    X(CreateDescriptorPool)                                                                        \
    X(DestroyDescriptorPool)                                                                       \
    X(AllocateDescriptorSets)                                                                      \
    X(UpdateDescriptorSets)                                                                        \
    X(CreateCommandPool)                                                                           \
    X(DestroyCommandPool)                                                                          \
    X(ResetCommandPool)                                                                            \
    X(AllocateCommandBuffers)                                                                      \
    X(BeginCommandBuffer)                                                                          \
    X(EndCommandBuffer)                                                                            \
    X(CmdBindPipeline)                                                                             \
    X(CmdBindDescriptorSets)                                                                       \
    X(CmdPushConstants)                                                                            \
    X(CmdDispatch)                                                                                 \
    X(CmdFillBuffer)                                                                               \
    X(CmdCopyBuffer)                                                                               \
    X(CmdPipelineBarrier)                                                                          \
    X(CmdResetQueryPool)                                                                           \
    X(CmdWriteTimestamp)                                                                           \
    X(CreateQueryPool)                                                                             \
    X(DestroyQueryPool)                                                                            \
    X(GetQueryPoolResults)                                                                         \
    X(CreateFence)                                                                                 \
    X(DestroyFence)                                                                                \
    X(ResetFences)                                                                                 \
    X(WaitForFences)

struct vulkan_functions {
#define X(name) PFN_vk##name name;
    VULKAN_FUNCTIONS(X)
#undef X
};

extern struct vulkan_functions vulkan__functions;
#define VK vulkan__functions

/* Opens the loader once. false: there is none, or it is older than Vulkan 1.1; *note says what to
 * do. */
bool vulkan__load(const char **note);
/* Whether that name or path is the loader's own. pre: it is loaded. */
bool vulkan__is_loader(const char *library);

/* "VK_ERROR_DEVICE_LOST" */
const char *vulkan__result_name(VkResult r);

/* ERR_OK, or ERR_DEVICE naming the call and the result. */
err vulkan__check(VkResult r, const char *call) MUST_CHECK;

#endif
