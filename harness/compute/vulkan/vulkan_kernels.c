/* Shader modules, layouts and pipelines. */
#include "compute/vulkan/vulkan_internal.h"

#include "base/memory.h"
#include "shaders.h"

#include <string.h>

static const struct kernel {
    const char *name;
    const uint32_t *words;
    size_t bytes;
    uint32_t push_bytes;
} kernels[KERNEL_COUNT] = {
#define KERNEL(name, push) {#name, shader_##name, sizeof shader_##name, sizeof(struct push)},
#include "compute/vulkan/kernels.def"
#undef KERNEL
};

enum { PUSH_BYTES = 128 }; // what every device offers

uint32_t vulkan__kernel_push_bytes(kernel_id kernel) {
    return kernels[kernel].push_bytes;
}

const char *vulkan__kernel_name(kernel_id kernel) {
    return kernels[kernel].name;
}

// Words of SPIR-V that say what a module binds (Khronos, "SPIR-V Specification", 2.3, 3.52).
enum {
    SPIRV_HEADER_WORDS = 5,
    SPIRV_OP_VARIABLE = 59, // type, result, storage class
    SPIRV_OP_DECORATE = 71, // target, decoration, its operand
    SPIRV_BINDING = 33,
    SPIRV_UNIFORM_CONSTANT = 0 // storage class of texel buffers
};

/* Reads what a kernel binds. Errors: ERR_ARG when it is more than a device must offer, or not from
 * 0 on without gaps. */
static err read_bindings(vulkan_layout *l, const struct kernel *k) {
    uint32_t variables[BINDINGS_MAX] = {0}, found = 0; // by binding; decorations come first
    size_t count = k->bytes / sizeof *k->words;
    *l = (vulkan_layout){0};
    for (size_t i = SPIRV_HEADER_WORDS; i < count; i += k->words[i] >> 16) {
        const uint32_t *w = k->words + i, code = *w & 0xffff;
        if (code == SPIRV_OP_DECORATE && w[2] == SPIRV_BINDING) {
            if (w[3] >= BINDINGS_MAX)
                return err_set(ERR_ARG, "kernel %s has a binding %u, at most %d", k->name, w[3],
                               BINDINGS_MAX - 1);
            variables[w[3]] = w[1]; // several of one binding are of one kind
            found |= 1u << w[3];
            if (w[3] >= l->bindings) l->bindings = w[3] + 1;
        }
        for (uint32_t b = 0; code == SPIRV_OP_VARIABLE && b < l->bindings; b++)
            if (variables[b] == w[2] && w[3] == SPIRV_UNIFORM_CONSTANT) l->texels |= 1u << b;
    }
    uint32_t storage = l->bindings - (uint32_t)__builtin_popcount(l->texels);
    if (found != (1u << l->bindings) - 1 || storage > STORAGE_MAX)
        return err_set(ERR_ARG,
                       "kernel %s binds %u buffers (mask %x), %u of them storage (at most %d)",
                       k->name, l->bindings, found, storage, STORAGE_MAX);
    return ERR_OK;
}

static err layout_init(vulkan_device *v, vulkan_layout *l) {
    VkDescriptorSetLayoutBinding bindings[BINDINGS_MAX];
    for (uint32_t i = 0; i < l->bindings; i++) {
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = l->texels >> i & 1 ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER
                                                 : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
    }
    VkDescriptorSetLayoutCreateInfo sets = {.sType =
                                                VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                            .bindingCount = l->bindings,
                                            .pBindings = bindings};
    err e = vulkan__check(VK.CreateDescriptorSetLayout(v->logical, &sets, NULL, &l->set),
                          "vkCreateDescriptorSetLayout");
    if (e) return e;
    VkPushConstantRange range = {VK_SHADER_STAGE_COMPUTE_BIT, 0, PUSH_BYTES};
    VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                         .setLayoutCount = 1,
                                         .pSetLayouts = &l->set,
                                         .pushConstantRangeCount = 1,
                                         .pPushConstantRanges = &range};
    return vulkan__check(VK.CreatePipelineLayout(v->logical, &layout, NULL, &l->pipeline),
                         "vkCreatePipelineLayout");
}

err vulkan__kernels_open(vulkan_device *v) {
    for (size_t k = 0; k < KERNEL_COUNT; k++) {
        uint32_t at = 0;
        vulkan_layout l;
        err e = read_bindings(&l, &kernels[k]);
        if (e) return e;
        while (at < v->layout_count &&
               (v->layouts[at].bindings != l.bindings || v->layouts[at].texels != l.texels))
            at++;
        v->kernel_layout[k] = at;
        if (at < v->layout_count) continue;
        if (at == LAYOUTS_MAX)
            return err_set(ERR_ARG, "more than %d lists of bindings", LAYOUTS_MAX);
        v->layouts[v->layout_count++] = l;
        if ((e = layout_init(v, &v->layouts[at]))) return e;
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
    for (uint32_t i = 0; i < v->layout_count; i++) {
        vulkan_layout *l = &v->layouts[i];
        if (l->pipeline) VK.DestroyPipelineLayout(v->logical, l->pipeline, NULL);
        if (l->set) VK.DestroyDescriptorSetLayout(v->logical, l->set, NULL);
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
        vulkan__name(v, VK_OBJECT_TYPE_SHADER_MODULE, (uint64_t)v->modules[kernel], k->name);
    }
    VkSpecializationMapEntry entries[SPECIAL_MAX];
    for (uint32_t i = 0; i < SPECIAL_MAX; i++) entries[i] = (VkSpecializationMapEntry){i, i * 4, 4};
    VkSpecializationInfo special = {SPECIAL_MAX, entries, sizeof p->special, p->special};
    VkPipelineShaderStageRequiredSubgroupSizeCreateInfo subgroup = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
        .requiredSubgroupSize = v->device->info.subgroup_size};
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = v->modules[kernel],
                  .pName = "main",
                  .pSpecializationInfo = &special},
        .layout = v->layouts[v->kernel_layout[kernel]].pipeline};
    // these count on four and eight whole subgroups
    if (kernel >= KERNEL_linear_matrix && kernel <= KERNEL_linear_matrix_large_bf16) {
        info.stage.pNext = &subgroup;
        info.stage.flags = VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT;
    }
    const char *before = vulkan__guard("a kernel was compiled");
    e = vulkan__check(VK.CreateComputePipelines(v->logical, v->cache, 1, &info, NULL, &p->pipeline),
                      "vkCreateComputePipelines");
    (void)vulkan__guard(before);
    if (!e) vulkan__name_pipeline(v, p, kernel);
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
