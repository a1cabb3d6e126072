/* What a capture tool or a profiler sees of a training: names of buffers and kernels, and every
 * dispatch within the label of its operation. */
#define _POSIX_C_SOURCE 200809L
#include <criterion/criterion.h>

#if HARNESS_VULKAN
#include "compute/vulkan/vulkan_internal.h"
#include "support/must.h"
#include "support/program.h"
#include "support/toy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static vulkan_captions own;
static PFN_vkCmdDispatch dispatch;
static char names[1 << 14]; // " kind:name" of all
static size_t depth, dispatches, outside, captions;

static VKAPI_ATTR VkResult VKAPI_CALL note_name(VkDevice logical,
                                                const VkDebugUtilsObjectNameInfoEXT *info) {
    char name[128];
    snprintf(name, sizeof name, " %d:%s", (int)info->objectType, info->pObjectName);
    if (!strstr(names, name) && strlen(names) + strlen(name) < sizeof names) strcat(names, name);
    return own.name(logical, info);
}

static VKAPI_ATTR void VKAPI_CALL note_begin(VkCommandBuffer c, const VkDebugUtilsLabelEXT *label) {
    depth++;
    captions += *label->pLabelName != '\0';
    own.begin(c, label);
}

static VKAPI_ATTR void VKAPI_CALL note_end(VkCommandBuffer c) {
    depth--;
    own.end(c);
}

static VKAPI_ATTR void VKAPI_CALL note_dispatch(VkCommandBuffer c, uint32_t x, uint32_t y,
                                                uint32_t z) {
    dispatches++;
    outside += depth != 1;
    dispatch(c, x, y, z);
}

static void expect_name(VkObjectType type, const char *name) {
    char wanted[64];
    snprintf(wanted, sizeof wanted, " %d:%s", (int)type, name);
    cr_expect(strstr(names, wanted), "nothing of kind %d is called %s: %s", (int)type, name, names);
}

Test(vulkan_captions, a_capture_names_what_it_shows) {
    // RenderDoc sets this for its layer, before anything is opened
    unsetenv("VK_INSTANCE_LAYERS");
    setenv("ENABLE_VULKAN_RENDERDOC_CAPTURE", "1", 1);
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    toy t;
    char digest[2][65];
    toy_open(&t, test_device(), 8);
    t.recipe.max_steps = 2;
    vulkan_device *v = vulkan__of(&t.device);
    cr_assert(v->captions.name && v->captions.begin && v->captions.end);
    own = v->captions;
    v->captions = (vulkan_captions){note_name, note_begin, note_end};
    dispatch = VK.CmdDispatch;
    VK.CmdDispatch = note_dispatch;
    toy_train(&t, 1, digest[0], NULL);
    VK.CmdDispatch = dispatch;
    v->captions = own;
    toy_close(&t);
    cr_expect_gt(dispatches, 50);
    cr_expect_gt(captions, 50);
    cr_expect_eq(outside, 0, "%zu of %zu dispatches have no label, or two", outside, dispatches);
    cr_expect_eq(depth, 0);
    static const char *const buffers[] = {"parameters", "activations", "batch", "scratch",
                                          "schedule"};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        expect_name(VK_OBJECT_TYPE_BUFFER, buffers[i]);
    expect_name(VK_OBJECT_TYPE_PIPELINE, "adamw(");
    expect_name(VK_OBJECT_TYPE_SHADER_MODULE, "adamw");
    // without a tool nothing is named
    unsetenv("ENABLE_VULKAN_RENDERDOC_CAPTURE");
    toy_open(&t, test_device(), 8);
    cr_assert_null(vulkan__of(&t.device)->captions.name);
    t.recipe.max_steps = 2;
    toy_train(&t, 1, digest[1], NULL);
    toy_close(&t);
    cr_expect_str_eq(digest[0], digest[1]);
}
#endif
