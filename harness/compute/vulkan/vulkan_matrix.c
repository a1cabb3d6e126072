/* Cooperative matrices: whether a device has what linear_matrix needs, and turning it on. */
#include "base/memory.h"
#include "compute/vulkan/vulkan_internal.h"

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
static err find_shape(uint32_t *out, VkInstance instance, VkPhysicalDevice physical) {
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
        if (s->a != COMPONENT_F16 || s->b != COMPONENT_F16 || s->c != COMPONENT_F32 ||
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
static void link_features(vulkan_matrix_features *f) {
    *f = (vulkan_matrix_features){
        .v13 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES},
        .v12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES, .pNext = &f->v13},
        .matrix = {.type = (VkStructureType)TYPE_FEATURES, .next = &f->v12}};
}

static const char *missing_feature(const device_info *info, VkPhysicalDevice physical) {
    vulkan_matrix_features f;
    VkPhysicalDeviceProperties2 p = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    VK.GetPhysicalDeviceProperties2(physical, &p);
    if (!info->has_matrix) return "VK_KHR_cooperative_matrix";
    if (p.properties.apiVersion < VK_API_VERSION_1_3) return "Vulkan 1.3";
    link_features(&f);
    VkPhysicalDeviceFeatures2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                     .pNext = &f.matrix};
    VK.GetPhysicalDeviceFeatures2(physical, &all);
    if (!f.matrix.matrix) return "the feature cooperativeMatrix";
    if (!f.v12.shaderFloat16) return "the feature shaderFloat16";
    if (!f.v12.vulkanMemoryModel) return "the feature vulkanMemoryModel";
    if (!f.v13.subgroupSizeControl || !f.v13.computeFullSubgroups)
        return "the features subgroupSizeControl and computeFullSubgroups";
    if (!f.v13.maintenance4) return "the feature maintenance4"; // sizes of workgroups by constants
    if (info->max_shared_bytes < SHARED_BYTES) return "28672 bytes of shared memory";
    if (info->max_workgroup < SUBGROUPS * info->subgroup_size) return "workgroups of 4 subgroups";
    return NULL;
}

err vulkan__matrix_open(vulkan_device *v) {
    const device_info *info = &v->device->info;
    const char *missing = missing_feature(info, v->physical);
    if (!missing) {
        err e = find_shape(&v->matrix_shape, v->instance, v->physical);
        if (e) return e;
        if (!v->matrix_shape) missing = "matrices of f16 x f16 with f32 sums at subgroup scope";
    }
    if (!missing) return ERR_OK;
    return err_set(ERR_UNSUPPORTED, "%s: precision fp16 needs cooperative matrices; missing: %s",
                   info->name, missing);
}

void vulkan__matrix_features(vulkan_matrix_features *f) {
    link_features(f);
    f->matrix.matrix = VK_TRUE;
    f->v12.shaderFloat16 = VK_TRUE;
    f->v12.vulkanMemoryModel = VK_TRUE;
    f->v13.subgroupSizeControl = VK_TRUE;
    f->v13.computeFullSubgroups = VK_TRUE;
    f->v13.maintenance4 = VK_TRUE;
}
