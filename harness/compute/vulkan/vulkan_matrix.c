/* Cooperative matrices: whether a device has what linear_matrix and its like need, and turning it
 * on. */
#include "base/log.h"
#include "base/memory.h"
#include "compute/vulkan/vulkan_internal.h"

#include <stdio.h>
#include <string.h>

enum { SIDE_MAX = 32, SHARED_BYTES = 28672, SUBGROUPS = 4, SHAPES_MAX = 256 };

// Headers before 1.3.255 lack these; numbers and layouts are the registry's.
#ifndef VK_KHR_cooperative_matrix
enum {
    TYPE_FEATURES = 1000506000,
    TYPE_PROPERTIES = 1000506001,
    COMPONENT_F16 = 0,
    COMPONENT_F32 = 1,
    SCOPE_SUBGROUP = 3
};
#else
enum {
    TYPE_FEATURES = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR,
    TYPE_PROPERTIES = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR,
    COMPONENT_F16 = VK_COMPONENT_TYPE_FLOAT16_KHR,
    COMPONENT_F32 = VK_COMPONENT_TYPE_FLOAT32_KHR,
    SCOPE_SUBGROUP = VK_SCOPE_SUBGROUP_KHR
};
#endif

// VK_KHR_shader_bfloat16, which headers before 1.4.311 lack
enum { TYPE_BF16_FEATURES = 1000141000, COMPONENT_BF16 = 1000141000 };

typedef struct matrix_shape {
    VkStructureType type;
    void *next;
    uint32_t m, n, k;
    int a, b, c, result;
    VkBool32 saturates;
    int scope;
} matrix_shape;

typedef VkResult(VKAPI_PTR *list_shapes)(VkPhysicalDevice, uint32_t *, matrix_shape *);

// The widest shape that tiles of 32 x 32 x 32 hold; 0: there is none.
static err find_shape(uint32_t *out, VkInstance instance, VkPhysicalDevice physical, int factor) {
    PFN_vkVoidFunction found =
        VK.GetInstanceProcAddr(instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
    list_shapes list = (list_shapes)found;
    matrix_shape *shapes = NULL;
    uint32_t count = SHAPES_MAX, best = 0;
    *out = 0;
    if (!list) return ERR_OK;
    err e = mem_new(&shapes, SHAPES_MAX);
    if (e) return e;
    for (uint32_t i = 0; i < SHAPES_MAX; i++) shapes[i].type = (VkStructureType)TYPE_PROPERTIES;
    VkResult r = list(physical, &count, shapes);
    if (r != VK_SUCCESS && r != VK_INCOMPLETE)
        e = vulkan__check(r, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
    for (uint32_t i = 0; !e && i < count; i++) {
        const matrix_shape *s = &shapes[i];
        if (s->a != factor || s->b != factor || s->c != COMPONENT_F32 ||
            s->result != COMPONENT_F32 || s->scope != SCOPE_SUBGROUP || s->saturates)
            continue;
        if (!s->m || !s->n || !s->k || SIDE_MAX % s->m || SIDE_MAX % s->n || SIDE_MAX % s->k)
            continue;
        if (s->m * s->n * s->k <= best) continue;
        best = s->m * s->n * s->k;
        *out = s->m | s->n << 8 | s->k << 16;
    }
    mem_free(shapes);
    return e;
}

/* The features, linked; what a device has, or what is turned on. */
static void link_features(vulkan_matrix_features *f, bool bf16) {
    *f = (vulkan_matrix_features){
        .bf16 = {.type = (VkStructureType)TYPE_BF16_FEATURES},
        .v13 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
                .pNext = bf16 ? &f->bf16 : NULL},
        .v12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES, .pNext = &f->v13},
        .matrix = {.type = (VkStructureType)TYPE_FEATURES, .next = &f->v12}};
}

static const char *missing_feature(const device_info *info, VkPhysicalDevice physical, bool bf16) {
    vulkan_matrix_features f;
    VkPhysicalDeviceProperties2 p = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    VK.GetPhysicalDeviceProperties2(physical, &p);
    if (!info->has_matrix) return "VK_KHR_cooperative_matrix";
    if (bf16 && !info->has_bf16) return "VK_KHR_shader_bfloat16";
    if (p.properties.apiVersion < VK_API_VERSION_1_3) return "Vulkan 1.3";
    link_features(&f, bf16);
    VkPhysicalDeviceFeatures2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                     .pNext = &f.matrix};
    VK.GetPhysicalDeviceFeatures2(physical, &all);
    if (!f.matrix.matrix) return "the feature cooperativeMatrix";
    if (bf16 && (!f.bf16.type_bf16 || !f.bf16.matrix))
        return "the features shaderBFloat16Type and shaderBFloat16CooperativeMatrix";
    if (!bf16 && !f.v12.shaderFloat16) return "the feature shaderFloat16";
    if (!f.v12.vulkanMemoryModel) return "the feature vulkanMemoryModel";
    if (!f.v13.subgroupSizeControl || !f.v13.computeFullSubgroups)
        return "the features subgroupSizeControl and computeFullSubgroups";
    if (!f.v13.maintenance4) return "the feature maintenance4"; // sizes of workgroups by constants
    if (info->max_shared_bytes < SHARED_BYTES) return "28672 bytes of shared memory";
    if (info->max_workgroup < SUBGROUPS * info->subgroup_size) return "workgroups of 4 subgroups";
    return NULL;
}

// What products are computed by, in the device's info and so in records.
static void tell_kernels(vulkan_device *v) {
    device_info *info = &v->device->info;
    const char *precision = device_precision_name(v->device->options.precision);
    uint32_t shape = v->matrix_shape;
    size_t used = strlen(info->kernels);
    if (shape)
        snprintf(info->kernels, sizeof info->kernels, "%s, matrices %s %ux%ux%u",
                 vulkan__family_name(v->family), precision, shape & 255, shape >> 8 & 255,
                 shape >> 16);
    else
        snprintf(info->kernels + used, sizeof info->kernels - used, ", bf16 rounded in f32");
}

err vulkan__matrix_open(vulkan_device *v) {
    device_info *info = &v->device->info;
    bool bf16 = v->device->options.precision == PRECISION_BF16;
    const char *missing = missing_feature(info, v->physical, bf16);
    if (!missing) {
        err e = find_shape(&v->matrix_shape, v->instance, v->physical,
                           bf16 ? COMPONENT_BF16 : COMPONENT_F16);
        if (e) return e;
        if (!v->matrix_shape)
            missing = bf16 ? "matrices of bf16 x bf16 with f32 sums at subgroup scope"
                           : "matrices of f16 x f16 with f32 sums at subgroup scope";
    }
    if (missing && !bf16)
        return err_set(ERR_UNSUPPORTED,
                       "%s: precision fp16 needs cooperative matrices; missing: %s", info->name,
                       missing);
    v->has_bf16_matrix = bf16 && !missing;
    v->rounds_factors = missing != NULL;
    // hundreds of loads in a panel kernel: a rounding in each takes compilers time, in fp32 too
    if (missing && v->family == FAMILY_PANEL) {
        v->family = FAMILY_REGISTER;
        snprintf(info->kernels, sizeof info->kernels, "%s", vulkan__family_name(v->family));
    }
    snprintf(info->bf16_lacks, sizeof info->bf16_lacks, "%s", bf16 && missing ? missing : "");
    if (missing)
        log_note("%s: precision bf16 is slower than fp32 here; missing: %s", info->name, missing);
    tell_kernels(v);
    return ERR_OK;
}

void vulkan__matrix_features(vulkan_matrix_features *f, bool bf16) {
    link_features(f, bf16);
    f->matrix.matrix = VK_TRUE;
    f->bf16.type_bf16 = f->bf16.matrix = VK_TRUE;
    f->v12.shaderFloat16 = !bf16;
    f->v12.vulkanMemoryModel = VK_TRUE;
    f->v13.subgroupSizeControl = VK_TRUE;
    f->v13.computeFullSubgroups = VK_TRUE;
    f->v13.maintenance4 = VK_TRUE;
}
