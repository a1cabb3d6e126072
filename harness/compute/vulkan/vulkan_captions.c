/* Names of objects and captions around ops, for tools that show Vulkan's calls: captures, profilers,
 * the validation layer. Without such a tool nothing is named. */
#include "compute/vulkan/vulkan_internal.h"
#include "platform/places.h"

#include <stdio.h>
#include <string.h>

bool vulkan__captions_wanted(bool validation) {
    // a layer that the user asked for, by the loader's variables or RenderDoc's own
    static const char *const variables[] = {"VK_INSTANCE_LAYERS", "VK_LOADER_LAYERS_ENABLE",
                                            "ENABLE_VULKAN_RENDERDOC_CAPTURE"};
    bool asked = validation;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        asked = asked || environment(variables[i]);
    // the validation layer brings it
    return asked && (validation || vulkan__instance_has(VK_EXT_DEBUG_UTILS_EXTENSION_NAME));
}

void vulkan__captions_open(vulkan_device *v) {
    if (!vulkan__captions_wanted(v->device->options.validation)) return;
    PFN_vkVoidFunction name = VK.GetInstanceProcAddr(v->instance, "vkSetDebugUtilsObjectNameEXT"),
                       begin = VK.GetInstanceProcAddr(v->instance, "vkCmdBeginDebugUtilsLabelEXT"),
                       end = VK.GetInstanceProcAddr(v->instance, "vkCmdEndDebugUtilsLabelEXT");
    if (!name || !begin || !end) return;
    v->captions = (vulkan_captions){.name = (PFN_vkSetDebugUtilsObjectNameEXT)name,
                                    .begin = (PFN_vkCmdBeginDebugUtilsLabelEXT)begin,
                                    .end = (PFN_vkCmdEndDebugUtilsLabelEXT)end};
}

void vulkan__name(vulkan_device *v, VkObjectType type, uint64_t handle, const char *name) {
    VkDebugUtilsObjectNameInfoEXT info = {.sType =
                                              VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
                                          .objectType = type,
                                          .objectHandle = handle,
                                          .pObjectName = name};
    // a name that could not be kept is no fault of the run
    if (v->captions.name && handle) (void)v->captions.name(v->logical, &info);
}

void vulkan__name_pipeline(vulkan_device *v, const vulkan_pipeline *p, kernel_id kernel) {
    char name[96];
    const uint32_t *s = p->special;
    _Static_assert(SPECIAL_MAX == 4, "the name shows every constant");
    snprintf(name, sizeof name, "%s(%u, %u, %u, %u)", vulkan__kernel_name(kernel), s[0], s[1], s[2],
             s[3]);
    vulkan__name(v, VK_OBJECT_TYPE_PIPELINE, (uint64_t)p->pipeline, name);
}

void vulkan__buffer_name(buffer *b, const char *name) {
    const vulkan_buffer *own = b->handle;
    vulkan_device *v = vulkan__of(b->device);
    vulkan__name(v, VK_OBJECT_TYPE_BUFFER, (uint64_t)own->buffer, name);
    vulkan__name(v, VK_OBJECT_TYPE_DEVICE_MEMORY, (uint64_t)own->memory, name);
}

void vulkan__caption_begin(const recorder *r, const char *name) {
    VkDebugUtilsLabelEXT caption = {.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT,
                                    .pLabelName = name};
    if (r->v->captions.begin && !r->is_dry) r->v->captions.begin(r->commands, &caption);
}

void vulkan__caption_end(const recorder *r) {
    if (r->v->captions.end && !r->is_dry) r->v->captions.end(r->commands);
}
