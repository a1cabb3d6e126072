/* Pipelines kept on the disk: drivers that compile for seconds do so once a machine.
 *
 * One file a device, $XDG_CACHE_HOME/harness/pipelines-<uuid>.bin (or ~/.cache): a head of ours,
 * then what the driver gave. The head names device and driver and holds a hash, since drivers trust
 * what they are given. A file that does not fit is made again. */
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "compute/vulkan/vulkan_internal.h"
#include "platform/file.h"

#include <stdlib.h>
#include <string.h>

enum { CACHE_BYTES_MAX = 64 << 20, CACHE_VERSION = 1 };

typedef struct cache_head {
    char magic[8]; /* "HVKCACH" and a 0 */
    uint32_t version, vendor, device, driver_version;
    uint8_t driver_uuid[16]; /* pipelineCacheUUID: changes with driver and device */
    uint64_t bytes;          /* behind the head */
    uint8_t sha256[32];      /* of them */
} cache_head;
_Static_assert(sizeof(cache_head) == 80, "the head has no padding");

static void digest(uint8_t out[32], const void *bytes, size_t count) {
    sha256 h;
    sha256_begin(&h);
    sha256_add(&h, bytes, count);
    sha256_end(&h, out);
}

static cache_head head_of(const vulkan_device *v) {
    VkPhysicalDeviceProperties2 p = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    VK.GetPhysicalDeviceProperties2(v->physical, &p);
    cache_head head = {.magic = "HVKCACH",
                       .version = CACHE_VERSION,
                       .vendor = p.properties.vendorID,
                       .device = p.properties.deviceID,
                       .driver_version = p.properties.driverVersion};
    memcpy(head.driver_uuid, p.properties.pipelineCacheUUID, sizeof head.driver_uuid);
    return head;
}

// *path is owned; NULL where there is no cache folder.
static err cache_path(char **path, const vulkan_device *v) {
    *path = NULL;
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    strbuf s = {0};
    err e = ERR_OK;
    if (cache && *cache) {
        e = strbuf_printf(&s, "%s/harness", cache);
    } else if (home && *home) {
        e = strbuf_printf(&s, "%s/.cache/harness", home);
    } else {
        return ERR_OK;
    }
    if (!e) e = strbuf_printf(&s, "/pipelines-%s.bin", v->device->info.uuid);
    if (e) {
        strbuf_free(&s);
        return e;
    }
    *path = s.text;
    return ERR_OK;
}

// What is wrong with the file, or NULL.
static const char *fault_of(const cache_head *expected, const uint8_t *bytes, size_t count) {
    cache_head head;
    if (count < sizeof head) return "it is cut short";
    memcpy(&head, bytes, sizeof head);
    if (memcmp(head.magic, expected->magic, sizeof head.magic)) return "it is no pipeline cache";
    if (head.bytes != count - sizeof head) return "its size is not the one it names";
    uint8_t hash[32];
    digest(hash, bytes + sizeof head, count - sizeof head);
    if (memcmp(hash, head.sha256, sizeof hash)) return "its content does not match its hash";
    return NULL;
}

// *bytes (owned) of the driver's part, or none: no file, a damaged one, another driver's.
static err load(uint8_t **bytes, size_t *count, vulkan_device *v) {
    *bytes = NULL;
    *count = 0;
    if (!v->cache_path || !file_exists(v->cache_path)) return ERR_OK;
    void *file;
    size_t size;
    if (file_read(&file, &size, v->cache_path, CACHE_BYTES_MAX)) {
        log_warn("%s is left aside: it cannot be read or is too large", v->cache_path);
        err_clear();
        return ERR_OK;
    }
    cache_head expected = head_of(v), head;
    const char *fault = fault_of(&expected, file, size);
    if (fault) {
        log_warn("%s is left aside and will be made again: %s", v->cache_path, fault);
        mem_free(file);
        return ERR_OK;
    }
    memcpy(&head, file, sizeof head);
    bool is_same = head.version == expected.version && head.vendor == expected.vendor &&
                   head.device == expected.device &&
                   head.driver_version == expected.driver_version &&
                   !memcmp(head.driver_uuid, expected.driver_uuid, sizeof head.driver_uuid);
    if (!is_same) { // an updated driver: no fault of the file
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
    cache_head head = head_of(v);
    VkResult r = VK.GetPipelineCacheData(v->logical, v->cache, &count, file + sizeof head);
    err e = vulkan__check(r, "vkGetPipelineCacheData");
    if (e) return e;
    head.bytes = count;
    digest(head.sha256, file + sizeof head, count);
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
        bool fits = count <= CACHE_BYTES_MAX - sizeof(cache_head);
        if (!e && fits && !(e = mem_new(&file, sizeof(cache_head) + count))) {
            e = save(v, file, count);
        }
        if (e) {
            // the run is done; only the next start is slower
            log_warn("compiled kernels were not kept: %s", err_message(e));
            err_clear();
        }
    }
    mem_free(file);
    if (v->cache) VK.DestroyPipelineCache(v->logical, v->cache, NULL);
    mem_free(v->cache_path);
    v->cache = VK_NULL_HANDLE;
    v->cache_path = NULL;
}
