/* Pipelines kept on the disk: drivers that compile for seconds do so once a machine. One file a
 * device, harness/pipelines-<uuid>.bin in the user's cache. A file that does not fit is made
 * again. */
#include "base/log.h"
#include "base/memory.h"
#include "compute/pipeline_file.h"
#include "compute/vulkan/vulkan_internal.h"
#include "platform/file.h"
#include "platform/places.h"

#include <string.h>

static pipeline_head head_of(const vulkan_device *v) {
    VkPhysicalDeviceProperties2 p = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    VK.GetPhysicalDeviceProperties2(v->physical, &p);
    pipeline_head head = {.version = PIPELINE_FILE_VERSION,
                          .vendor = p.properties.vendorID,
                          .device = p.properties.deviceID,
                          .driver_version = p.properties.driverVersion};
    memcpy(head.driver_uuid, p.properties.pipelineCacheUUID, sizeof head.driver_uuid);
    return head;
}

// *path is owned; NULL where there is no cache folder.
static err cache_path(char **path, const vulkan_device *v) {
    char *folder;
    *path = NULL;
    err e = place_cache(&folder, "harness");
    if (e) return err_forgive(e, ERR_IO);
    e = mem_printf(path, "%s/pipelines-%s.bin", folder, v->device->info.uuid);
    mem_free(folder);
    return e;
}

// *bytes (owned) of the driver's part, or none: no file, a damaged one, another driver's.
static err load(uint8_t **bytes, size_t *count, vulkan_device *v) {
    *bytes = NULL;
    *count = 0;
    if (!v->cache_path || !file_exists(v->cache_path)) return ERR_OK;
    void *file;
    size_t size;
    if (file_read(&file, &size, v->cache_path, PIPELINE_FILE_BYTES_MAX)) {
        log_warn_here("%s is left aside: it cannot be read or is too large", v->cache_path);
        err_clear();
        return ERR_OK;
    }
    pipeline_head expected = head_of(v), head;
    const char *fault = pipeline_file_fault(&head, file, size);
    if (fault) log_warn_here("%s is left aside and will be made again: %s", v->cache_path, fault);
    // of an updated driver: no fault of the file
    if (fault || !pipeline_head_same(&head, &expected)) {
        mem_free(file);
        return ERR_OK;
    }
    memcpy(v->cache_sha256, head.sha256, sizeof head.sha256);
    *count = size - sizeof head;
    memmove(file, (uint8_t *)file + sizeof head, *count);
    *bytes = file;
    return ERR_OK;
}

err vulkan__cache_open(vulkan_device *v) {
    // runs under the validation layer test something: nothing that was left on the disk
    if (v->device->options.validation) return ERR_OK;
    err e = cache_path(&v->cache_path, v);
    if (e || !v->cache_path) return e;
    uint8_t *bytes;
    size_t count;
    if ((e = load(&bytes, &count, v))) return e;
    VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
                                      .initialDataSize = count,
                                      .pInitialData = bytes};
    e = vulkan__check(VK.CreatePipelineCache(v->logical, &info, NULL, &v->cache),
                      "vkCreatePipelineCache");
    mem_free(bytes);
    return e;
}

// The driver's part behind the head, to the disk.
static err save(vulkan_device *v, uint8_t *file, size_t count) {
    pipeline_head head = head_of(v);
    VkResult r = VK.GetPipelineCacheData(v->logical, v->cache, &count, file + sizeof head);
    err e = vulkan__check(r, "vkGetPipelineCacheData");
    if (e) return e;
    pipeline_head_seal(&head, file + sizeof head, count);
    if (!memcmp(head.sha256, v->cache_sha256, sizeof head.sha256)) return ERR_OK; // nothing new
    memcpy(file, &head, sizeof head);
    char *slash = strrchr(v->cache_path, '/');
    *slash = 0;
    e = folder_make(v->cache_path);
    *slash = '/';
    return e ? e : file_write_quick(v->cache_path, file, sizeof head + count);
}

void vulkan__cache_close(vulkan_device *v) {
    size_t count = 0;
    uint8_t *file = NULL;
    if (v->cache) {
        err e = vulkan__check(VK.GetPipelineCacheData(v->logical, v->cache, &count, NULL),
                              "vkGetPipelineCacheData");
        bool fits = count <= PIPELINE_FILE_BYTES_MAX - sizeof(pipeline_head);
        if (!e && fits && !(e = mem_new(&file, sizeof(pipeline_head) + count)))
            e = save(v, file, count);
        if (e) {
            // the run is done; only the next start is slower
            log_warn_here("compiled kernels were not kept: %s", err_message(e));
            err_clear();
        }
    }
    mem_free(file);
    if (v->cache) VK.DestroyPipelineCache(v->logical, v->cache, NULL);
    mem_free(v->cache_path);
    v->cache = VK_NULL_HANDLE;
    v->cache_path = NULL;
}
