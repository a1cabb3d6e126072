/* Instance, physical devices, and the validation layer's messages. */
#include "base/log.h"
#include "base/memory.h"
#include "compute/vulkan/vulkan_internal.h"
#include "platform/host_memory.h"
#include "platform/places.h"
#include "platform/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGES_SHOWN = 5 };

static const char layer_name[] = "VK_LAYER_KHRONOS_validation";

static err layer_present(bool *present) {
    VkLayerProperties layers[64];
    uint32_t count = 64;
    *present = false;
    VkResult r = VK.EnumerateInstanceLayerProperties(&count, layers);
    if (r != VK_SUCCESS && r != VK_INCOMPLETE)
        return vulkan__check(r, "vkEnumerateInstanceLayerProperties");
    for (uint32_t i = 0; i < count; i++)
        if (!strcmp(layers[i].layerName, layer_name)) *present = true;
    return ERR_OK;
}

bool vulkan__instance_has(const char *extension) {
    VkExtensionProperties list[64];
    uint32_t count = 64;
    VkResult r = VK.EnumerateInstanceExtensionProperties(NULL, &count, list);
    for (uint32_t i = 0; (r == VK_SUCCESS || r == VK_INCOMPLETE) && i < count; i++)
        if (!strcmp(list[i].extensionName, extension)) return true;
    return false;
}

/* *out stays none, and *note says why, where there is no driver. */
static err instance_new(VkInstance *out, bool validation, const char **note) {
    uint32_t version = 0;
    const char *endless = vulkan__driver_fault(FAULTS_ENDLESS);
    if (*endless) {
        *note = vulkan__no_driver(endless);
        return ERR_OK;
    }
    err e = vulkan__check(VK.EnumerateInstanceVersion(&version), "vkEnumerateInstanceVersion");
    if (e) return e;
    VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pApplicationName = "harness",
        .apiVersion = version < VK_API_VERSION_1_3 ? VK_API_VERSION_1_1 : VK_API_VERSION_1_3};
    VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                 .pApplicationInfo = &application};
    static const VkValidationFeatureEnableEXT enables[] = {
        VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
    const VkValidationFeaturesEXT features = {.sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
                                              .enabledValidationFeatureCount = 1,
                                              .pEnabledValidationFeatures = enables};
    const char *extensions[2];
    static const char *const layers[] = {layer_name};
    if (validation) {
        bool present;
        if ((e = layer_present(&present))) return e;
        if (!present) {
            return err_set(ERR_DEVICE,
                           "validation was asked for, but the layer %s is absent: install "
                           "vulkan-validationlayers",
                           layer_name);
        }
        info.pNext = &features;
        info.enabledLayerCount = 1;
        info.ppEnabledLayerNames = layers;
    }
    info.ppEnabledExtensionNames = extensions;
    if (vulkan__captions_wanted(validation))
        extensions[info.enabledExtensionCount++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    // drivers that are not Vulkan in full (MoltenVK) are listed only to who asks
    if (vulkan__instance_has(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME)) {
        extensions[info.enabledExtensionCount++] = VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME;
        info.flags = VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
    }
    VkResult r = VK.CreateInstance(&info, NULL, out);
    if (r == VK_ERROR_INCOMPATIBLE_DRIVER) {
        *out = VK_NULL_HANDLE;
        *note = vulkan__no_driver(vulkan__driver_fault(FAULTS_ALL));
        return ERR_OK;
    }
    const char *fault = vulkan__driver_fault(FAULTS_NAMED);
    char tried[600] = "";
    if (r != VK_SUCCESS)
        vulkan__drivers(tried, sizeof tried); // a torn manifest in one of the folders
    e = vulkan__check(r, "vkCreateInstance");
    if (e && *fault) return err_set(e, "%s; %s", err_message(e), fault);
    return e ? err_set(e, "%s (drivers: %s)", err_message(e), tried) : e;
}

uint32_t vulkan__queue_family(VkPhysicalDevice physical) {
    VkQueueFamilyProperties families[16];
    uint32_t count = 16;
    VK.GetPhysicalDeviceQueueFamilyProperties(physical, &count, families);
    for (uint32_t i = 0; i < count; i++)
        if (families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) return i;
    return UINT32_MAX;
}

static mutex lock = MUTEX_FREE; // ranks of a group open devices at a time
static VkInstance kept;
static physical_list kept_devices;

err vulkan__instance_take(VkInstance *out, bool validation, const char **note) {
    *out = VK_NULL_HANDLE;
    *note = "";
    mutex_take(&lock);
    err e = !vulkan__load(note) || kept ? ERR_OK : instance_new(&kept, false, note);
    if (!e && kept && validation) e = instance_new(out, true, note);
    if (!e && !validation) *out = kept;
    mutex_give(&lock);
    return e;
}

void vulkan__instance_release(VkInstance instance) {
    if (instance && instance != kept) VK.DestroyInstance(instance, NULL);
}

static err list_physical(physical_list *out, VkInstance instance) {
    VkPhysicalDevice all[PHYSICAL_MAX];
    uint32_t found = PHYSICAL_MAX;
    VkResult r = VK.EnumeratePhysicalDevices(instance, &found, all);
    out->result = r;
    if (r == VK_ERROR_INITIALIZATION_FAILED) return ERR_OK; // a driver that found no hardware
    if (r != VK_SUCCESS && r != VK_INCOMPLETE)
        return vulkan__check(r, "vkEnumeratePhysicalDevices");
    for (uint32_t i = 0; i < found; i++)
        if (vulkan__queue_family(all[i]) != UINT32_MAX) out->list[out->count++] = all[i];
    return ERR_OK;
}

err vulkan__physical_list(physical_list *out, VkInstance instance) {
    err e = ERR_OK;
    *out = (physical_list){0};
    if (instance != kept) return list_physical(out, instance);
    mutex_take(&lock);
    if (!kept_devices.count) e = list_physical(&kept_devices, instance);
    *out = kept_devices;
    mutex_give(&lock);
    return e;
}

static device_class class_of(const VkPhysicalDeviceProperties *p) {
    switch (p->deviceType) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return CLASS_DISCRETE;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return CLASS_INTEGRATED;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: return CLASS_VIRTUAL;
    default: return CLASS_SOFTWARE;
    }
}

bool vulkan__has_extension(VkPhysicalDevice physical, const char *name) {
    uint32_t count = 0;
    if (VK.EnumerateDeviceExtensionProperties(physical, NULL, &count, NULL)) return false;
    VkExtensionProperties *list;
    if (mem_new(&list, count ? count : 1)) {
        err_clear();
        return false;
    }
    bool found = false;
    VkResult r = VK.EnumerateDeviceExtensionProperties(physical, NULL, &count, list);
    for (uint32_t i = 0; r == VK_SUCCESS && i < count; i++)
        if (!strcmp(list[i].extensionName, name)) found = true;
    mem_free(list);
    return found;
}

static void format_uuid(char out[37], const uint8_t uuid[VK_UUID_SIZE]) {
    size_t at = 0;
    for (uint32_t i = 0; i < VK_UUID_SIZE; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) out[at++] = '-';
        at += (size_t)snprintf(out + at, 37 - at, "%02x", uuid[i]);
    }
}

static void add_feature(device_info *info, const char *name) {
    size_t used = strlen(info->isa);
    snprintf(info->isa + used, sizeof info->isa - used, "%s%s", used ? " " : "", name);
}

static void fill_capabilities(device_info *info, VkPhysicalDevice physical, uint32_t version) {
    VkPhysicalDeviceShaderFloat16Int8Features half = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES};
    VkPhysicalDevice16BitStorageFeatures storage = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                          .pNext = &storage};
    if (version >= VK_API_VERSION_1_2 ||
        vulkan__has_extension(physical, VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME))
        storage.pNext = &half;
    VK.GetPhysicalDeviceFeatures2(physical, &features);
    info->has_f16 = half.shaderFloat16 && storage.storageBuffer16BitAccess;
    info->has_bf16 = vulkan__has_extension(physical, "VK_KHR_shader_bfloat16");
    info->has_matrix = vulkan__has_extension(physical, "VK_KHR_cooperative_matrix");
    snprintf(info->bf16_lacks, sizeof info->bf16_lacks, "%s",
             !info->has_matrix ? "VK_KHR_cooperative_matrix"
             : !info->has_bf16 ? "VK_KHR_shader_bfloat16"
                               : "");
    add_feature(info, "fp32");
}

const char *vulkan__family_name(kernel_family family) {
    static const char *const names[] = {
        [FAMILY_REGISTER] = "register", [FAMILY_TILE] = "tile", [FAMILY_PANEL] = "panel"};
    return names[family];
}

/* A driver's words go to terminals, paths and JSON: what is not printable ASCII becomes '?'. */
static void make_printable(char *text) {
    for (; *text; text++)
        if (*text < ' ' || *text > '~') *text = '?';
}

static void fill_info(device_info *info, VkPhysicalDevice physical) {
    VkPhysicalDeviceDriverProperties driver = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
    VkPhysicalDeviceSubgroupProperties subgroup = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES};
    VkPhysicalDeviceMaintenance3Properties memory3 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES, .pNext = &subgroup};
    VkPhysicalDeviceIDProperties id = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
                                       .pNext = &memory3};
    VkPhysicalDeviceProperties2 p2 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                      .pNext = &id};
    VK.GetPhysicalDeviceProperties2(physical, &p2);
    const VkPhysicalDeviceProperties *p = &p2.properties;
    if (p->apiVersion >= VK_API_VERSION_1_2 ||
        vulkan__has_extension(physical, VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME)) {
        VkPhysicalDeviceProperties2 again = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &driver};
        VK.GetPhysicalDeviceProperties2(physical, &again);
    }
    info->kind = DEVICE_VULKAN;
    info->class = class_of(p);
    snprintf(info->name, sizeof info->name, "%s", p->deviceName);
    snprintf(info->driver, sizeof info->driver, "%s%s%s",
             driver.driverName[0] ? driver.driverName : "driver", driver.driverInfo[0] ? " " : "",
             driver.driverInfo);
    if (!driver.driverInfo[0]) {
        size_t used = strlen(info->driver);
        snprintf(info->driver + used, sizeof info->driver - used, " %u.%u.%u",
                 VK_API_VERSION_MAJOR(p->driverVersion), VK_API_VERSION_MINOR(p->driverVersion),
                 VK_API_VERSION_PATCH(p->driverVersion));
    }
    make_printable(info->name);
    make_printable(info->driver);
    snprintf(info->version, sizeof info->version, "Vulkan %u.%u.%u",
             VK_API_VERSION_MAJOR(p->apiVersion), VK_API_VERSION_MINOR(p->apiVersion),
             VK_API_VERSION_PATCH(p->apiVersion));
    format_uuid(info->uuid, id.deviceUUID);
    info->threads = 1;
    info->vendor = p->vendorID;
    info->subgroup_size = subgroup.subgroupSize;
    info->max_workgroup = p->limits.maxComputeWorkGroupInvocations;
    info->max_shared_bytes = p->limits.maxComputeSharedMemorySize;
    info->max_buffer_bytes = memory3.maxMemoryAllocationSize;
    info->max_binding_bytes = p->limits.maxStorageBufferRange;
    VkPhysicalDeviceMemoryProperties memory;
    VK.GetPhysicalDeviceMemoryProperties(physical, &memory);
    for (uint32_t i = 0; i < memory.memoryHeapCount; i++) {
        bool is_local = memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
        if (is_local && memory.memoryHeaps[i].size > info->memory_bytes)
            info->memory_bytes = memory.memoryHeaps[i].size;
    }
    if (info->class == CLASS_SOFTWARE)
        info->memory_bytes = host_memory_total(); // heaps there are nominal
    fill_capabilities(info, physical, p->apiVersion);
    kernel_family family;
    err e = vulkan__check_device(&family, info, p);
    if (e) { // vulkan_open reports it
        const char *text = err_message(e), *behind = strstr(text, info->name);
        size_t used = behind == text ? strlen(info->name) + strlen(": ") : 0;
        snprintf(info->fault, sizeof info->fault, "%s", text + used);
        info->is_unfit = e == ERR_UNSUPPORTED && !environment("HARNESS_VULKAN_KERNELS");
        err_clear();
    }
    snprintf(info->kernels, sizeof info->kernels, "%s", vulkan__family_name(family));
}

err vulkan_list(device_info **list, size_t *count, size_t *capacity, const char **note) {
    VkInstance instance;
    physical_list found = {0};
    err e = vulkan__guard_settle();
    if (e) return e;
    const char *before = vulkan__guard_for_a_time("Vulkan drivers were loaded");
    e = vulkan__instance_take(&instance, false, note);
    if (e || !instance) goto done;
    if ((e = vulkan__physical_list(&found, instance))) goto done;
    *note = vulkan__driver_fault(found.count ? FAULTS_NAMED : FAULTS_ALL);
    if (!found.count && found.result < 0 && !**note)
        *note = vulkan__no_driver(vulkan__result_name(found.result));
    else if (!found.count)
        *note = vulkan__no_driver(*note);
    if ((e = mem_grow((void **)list, capacity, *count + found.count, sizeof **list))) goto done;
    for (uint32_t i = 0; i < found.count; i++) {
        device_info *info = &(*list)[*count];
        memset(info, 0, sizeof *info);
        fill_info(info, found.list[i]);
        info->vulkan_index = i;
        ++*count;
    }
done:
    (void)vulkan__guard(before);
    return e;
}

static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                 VkDebugUtilsMessageTypeFlagsEXT type,
                                                 const VkDebugUtilsMessengerCallbackDataEXT *data,
                                                 void *user) {
    device *d = user;
    (void)severity;
    (void)type;
    if (d->validation_errors++ < MESSAGES_SHOWN)
        log_warn_here("Vulkan validation: %s", data->pMessage);
    return VK_FALSE;
}

err vulkan__messenger_open(vulkan_device *v) {
    PFN_vkCreateDebugUtilsMessengerEXT create =
        (PFN_vkCreateDebugUtilsMessengerEXT)VK.GetInstanceProcAddr(
            v->instance, "vkCreateDebugUtilsMessengerEXT");
    if (!create) return err_set(ERR_DEVICE, "the loader lacks VK_EXT_debug_utils");
    VkDebugUtilsMessengerCreateInfoEXT info = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = on_message,
        .pUserData = v->device};
    return vulkan__check(create(v->instance, &info, NULL, &v->messenger),
                         "vkCreateDebugUtilsMessengerEXT");
}

void vulkan__messenger_close(vulkan_device *v) {
    if (!v->messenger) return;
    PFN_vkDestroyDebugUtilsMessengerEXT destroy =
        (PFN_vkDestroyDebugUtilsMessengerEXT)VK.GetInstanceProcAddr(
            v->instance, "vkDestroyDebugUtilsMessengerEXT");
    if (destroy) destroy(v->instance, v->messenger, NULL);
}
