#include "compute/vulkan/vulkan_api.h"

#include "compute/vulkan/vulkan_internal.h"
#include "platform/library.h"

#include <string.h>

struct vulkan_functions vulkan__functions;

static const char no_loader[] =
    "no Vulkan loader: install libvulkan1, and a driver (mesa-vulkan-drivers, or the GPU vendor's)";
static const char old_loader[] = "the Vulkan loader is older than 1.1: update libvulkan1";

static void *library; // stays open: drivers keep threads and exit handlers of their own

bool vulkan__load(const char **note) {
    static bool is_loaded;
    if (is_loaded) return true;
    if (!library) vulkan__drivers_settle();
    if (!library) library = library_open("libvulkan.so.1", false);
    if (!library) {
        *note = no_loader;
        return false;
    }
#define X(name)                                                                                    \
    {                                                                                              \
        void *f = library_find(library, "vk" #name);                                               \
        if (!f) {                                                                                  \
            *note = old_loader;                                                                    \
            return false;                                                                          \
        }                                                                                          \
        memcpy(&vulkan__functions.name, &f, sizeof f);                                             \
    }
    VULKAN_FUNCTIONS(X)
#undef X
    return is_loaded = true;
}

bool vulkan__is_loader(const char *name) {
    return library_is(library, name);
}

#define RESULTS(X)                                                                                 \
    X(VK_SUCCESS)                                                                                  \
    X(VK_NOT_READY)                                                                                \
    X(VK_TIMEOUT)                                                                                  \
    X(VK_INCOMPLETE)                                                                               \
    X(VK_ERROR_OUT_OF_HOST_MEMORY)                                                                 \
    X(VK_ERROR_OUT_OF_DEVICE_MEMORY)                                                               \
    X(VK_ERROR_INITIALIZATION_FAILED)                                                              \
    X(VK_ERROR_DEVICE_LOST)                                                                        \
    X(VK_ERROR_MEMORY_MAP_FAILED)                                                                  \
    X(VK_ERROR_LAYER_NOT_PRESENT)                                                                  \
    X(VK_ERROR_EXTENSION_NOT_PRESENT)                                                              \
    X(VK_ERROR_FEATURE_NOT_PRESENT)                                                                \
    X(VK_ERROR_INCOMPATIBLE_DRIVER)                                                                \
    X(VK_ERROR_TOO_MANY_OBJECTS)                                                                   \
    X(VK_ERROR_FRAGMENTED_POOL)                                                                    \
    X(VK_ERROR_OUT_OF_POOL_MEMORY)                                                                 \
    X(VK_ERROR_FRAGMENTATION)

const char *vulkan__result_name(VkResult r) {
    switch (r) {
#define X(name)                                                                                    \
    case name: return #name;
        RESULTS(X)
#undef X
    default: return "an unknown Vulkan result";
    }
}

err vulkan__check(VkResult r, const char *call) {
    if (r == VK_SUCCESS) return ERR_OK;
    bool is_lost = r == VK_ERROR_DEVICE_LOST;
    return err_set(ERR_DEVICE, "%s: %s (%d)%s%s", call, vulkan__result_name(r), (int)r,
                   is_lost ? "; the kernel's log may say why (dmesg)" : "",
                   is_lost ? err_advice("resume", "; --resume goes on from what was saved") : "");
}
