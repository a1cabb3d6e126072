/* Shader modules, layouts and pipelines. */
#include "compute/vulkan/vulkan_internal.h"

#include "base/memory.h"
#include "shaders.h"

#include <string.h>

static const struct kernel {
    const char *name;
    const uint32_t *words;
    size_t bytes;
    uint32_t bindings, push_bytes;
} kernels[KERNEL_COUNT] = {
#define KERNEL(name, bindings, push)                                                               \
    {#name, shader_##name, sizeof shader_##name, bindings, sizeof(struct push)},
#include "compute/vulkan/kernels.def"
#undef KERNEL
};

enum { PUSH_BYTES = 128 }; // what every device offers

uint32_t vulkan__kernel_bindings(kernel_id kernel) {
    return kernels[kernel].bindings;
}

uint32_t vulkan__kernel_push_bytes(kernel_id kernel) {
    return kernels[kernel].push_bytes;
}

const char *vulkan__kernel_name(kernel_id kernel) {
    return kernels[kernel].name;
}

err vulkan__kernels_open(vulkan_device *v) {
    VkDescriptorSetLayoutBinding bindings[BINDINGS_MAX];
    for (uint32_t i = 0; i < BINDINGS_MAX; i++) {
        bindings[i] =
            (VkDescriptorSetLayoutBinding){.binding = i,
                                           .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                           .descriptorCount = 1,
                                           .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
    }
    for (uint32_t n = 1; n <= BINDINGS_MAX; n++) {
        VkDescriptorSetLayoutCreateInfo sets = {
            .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
            .bindingCount = n,
            .pBindings = bindings};
        err e =
            vulkan__check(VK.CreateDescriptorSetLayout(v->logical, &sets, NULL, &v->set_layouts[n]),
                          "vkCreateDescriptorSetLayout");
        if (e) return e;
        VkPushConstantRange range = {VK_SHADER_STAGE_COMPUTE_BIT, 0, PUSH_BYTES};
        VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                             .setLayoutCount = 1,
                                             .pSetLayouts = &v->set_layouts[n],
                                             .pushConstantRangeCount = 1,
                                             .pPushConstantRanges = &range};
        if ((e = vulkan__check(
                 VK.CreatePipelineLayout(v->logical, &layout, NULL, &v->pipeline_layouts[n]),
                 "vkCreatePipelineLayout"))) {
            return e;
        }
    }
    return ERR_OK;
}

void vulkan__kernels_close(vulkan_device *v) {
    for (size_t k = 0; k < KERNEL_COUNT; k++) {
        for (vulkan_pipeline *p = v->pipelines[k]; p;) {
            vulkan_pipeline *next = p->next;
            VK.DestroyPipeline(v->logical, p->pipeline, NULL);
            mem_free(p);
            p = next;
        }
        if (v->modules[k]) VK.DestroyShaderModule(v->logical, v->modules[k], NULL);
    }
    for (uint32_t n = 1; n <= BINDINGS_MAX; n++) {
        if (v->pipeline_layouts[n]) {
            VK.DestroyPipelineLayout(v->logical, v->pipeline_layouts[n], NULL);
        }
        if (v->set_layouts[n]) {
            VK.DestroyDescriptorSetLayout(v->logical, v->set_layouts[n], NULL);
        }
    }
}

static err create(vulkan_device *v, vulkan_pipeline *p, kernel_id kernel) {
    const struct kernel *k = &kernels[kernel];
    err e;
    if (!v->modules[kernel]) {
        VkShaderModuleCreateInfo module = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                           .codeSize = k->bytes,
                                           .pCode = k->words};
        e = vulkan__check(VK.CreateShaderModule(v->logical, &module, NULL, &v->modules[kernel]),
                          "vkCreateShaderModule");
        if (e) return err_wrap(e, "kernel %s", k->name);
    }
    VkSpecializationMapEntry entries[SPECIAL_MAX];
    for (uint32_t i = 0; i < SPECIAL_MAX; i++) {
        entries[i] = (VkSpecializationMapEntry){i, i * 4, 4};
    }
    VkSpecializationInfo special = {SPECIAL_MAX, entries, sizeof p->special, p->special};
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = v->modules[kernel],
                  .pName = "main",
                  .pSpecializationInfo = &special},
        .layout = v->pipeline_layouts[k->bindings]};
    e = vulkan__check(
        VK.CreateComputePipelines(v->logical, VK_NULL_HANDLE, 1, &info, NULL, &p->pipeline),
        "vkCreateComputePipelines");
    return err_wrap(e, "kernel %s", k->name);
}

err vulkan__pipeline(VkPipeline *out, vulkan_device *v, kernel_id kernel,
                     const uint32_t special[SPECIAL_MAX]) {
    for (vulkan_pipeline *p = v->pipelines[kernel]; p; p = p->next) {
        if (!memcmp(p->special, special, sizeof p->special)) {
            *out = p->pipeline;
            return ERR_OK;
        }
    }
    vulkan_pipeline *p;
    err e = mem_new(&p, 1);
    if (e) return e;
    memcpy(p->special, special, sizeof p->special);
    if ((e = create(v, p, kernel))) {
        mem_free(p);
        return e;
    }
    p->next = v->pipelines[kernel];
    v->pipelines[kernel] = p;
    *out = p->pipeline;
    return ERR_OK;
}
