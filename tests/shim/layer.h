/* What both Vulkan layers of the tests share: their places in the loader's chain. */
#ifndef TESTS_SHIM_LAYER_H
#define TESTS_SHIM_LAYER_H

#include <string.h>
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

/* The next layer's functions; the chain is moved on to it. Each pointer is NULL where the loader
 * gave no link. */
typedef struct layer_next {
    PFN_vkGetInstanceProcAddr instance_proc;
    PFN_vkGetDeviceProcAddr device_proc; /* of devices alone */
} layer_next;

static inline layer_next layer_of_instance(const VkInstanceCreateInfo *info) {
    VkLayerInstanceCreateInfo *link = (VkLayerInstanceCreateInfo *)(uintptr_t)info->pNext;
    while (link && !(link->sType == VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO &&
                     link->function == VK_LAYER_LINK_INFO))
        link = (VkLayerInstanceCreateInfo *)(uintptr_t)link->pNext;
    layer_next next = {0};
    if (!link) return next;
    next.instance_proc = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    return next;
}

static inline layer_next layer_of_device(const VkDeviceCreateInfo *info) {
    VkLayerDeviceCreateInfo *link = (VkLayerDeviceCreateInfo *)(uintptr_t)info->pNext;
    while (link && !(link->sType == VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO &&
                     link->function == VK_LAYER_LINK_INFO))
        link = (VkLayerDeviceCreateInfo *)(uintptr_t)link->pNext;
    layer_next next = {0};
    if (!link) return next;
    next.instance_proc = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    next.device_proc = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    return next;
}

#define OWN(name)                                                                                  \
    if (!strcmp(wanted, "vk" #name)) return (PFN_vkVoidFunction)layer_##name;

/* Of functions that the loader does not know. */
#ifndef LAYER_PHYSICAL_PROC
#define LAYER_PHYSICAL_PROC NULL
#endif

/* A layer's entry point, behind its instance_proc and device_proc. */
#define NEGOTIATE                                                                                  \
    __attribute__((visibility("default"))) VKAPI_ATTR VkResult VKAPI_CALL                          \
    vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *interface);                  \
    VkResult vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *interface) {        \
        if (interface->loaderLayerInterfaceVersion < 2) return VK_ERROR_INITIALIZATION_FAILED;     \
        interface->loaderLayerInterfaceVersion = 2;                                                \
        interface->pfnGetInstanceProcAddr = instance_proc;                                         \
        interface->pfnGetDeviceProcAddr = device_proc;                                             \
        interface->pfnGetPhysicalDeviceProcAddr = LAYER_PHYSICAL_PROC;                             \
        return VK_SUCCESS;                                                                         \
    }

#endif
