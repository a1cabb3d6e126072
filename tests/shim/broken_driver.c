/* A Vulkan driver for tests that ends the process it is loaded into, the way and at the moment that
 * HARNESS_BROKEN_DRIVER says: abort, exit or hang when it is loaded, crash when the loader asks for its
 * functions; anything else: it has none, and the loader leaves it out. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vulkan/vulkan.h>

#define EXPORT __attribute__((visibility("default")))

static int is_asked(const char *how) {
    const char *asked = getenv("HARNESS_BROKEN_DRIVER");
    return asked && !strcmp(asked, how);
}

__attribute__((constructor)) static void loaded(void) {
    if (is_asked("abort")) abort();
    if (is_asked("exit")) exit(0);
    while (is_asked("hang")) sleep(1);
}

EXPORT PFN_vkVoidFunction vk_icdGetInstanceProcAddr(VkInstance instance, const char *name);
EXPORT VkResult vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version);

EXPORT PFN_vkVoidFunction vk_icdGetInstanceProcAddr(VkInstance instance, const char *name) {
    (void)instance, (void)name;
    volatile int *nowhere = NULL;
    if (is_asked("crash")) *nowhere = 1;
    return NULL;
}

EXPORT VkResult vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
    *version = *version < 5 ? *version : 5;
    return VK_SUCCESS;
}
