/* Pipelines kept on the disk: made, used again, and made again when the file does not fit. */
#include <criterion/criterion.h>

#if HARNESS_VULKAN
#include "base/memory.h"
#include "compute/pipeline_file.h"
#include "compute/vulkan/vulkan_internal.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_BYTES = 80, DRIVER_VERSION_AT = 20 };

// Opens, makes one pipeline, closes.
static void use_device(char path[512], const char *folder) {
    device d;
    MUST(device_open_named(&d, test_device(), NULL));
    snprintf(path, 512, "%s/harness/pipelines-%s.bin", folder, d.info.uuid);
    VkPipeline pipeline;
    MUST(vulkan__pipeline(&pipeline, vulkan__of(&d), KERNEL_gather_rows,
                          (uint32_t[SPECIAL_MAX]){64}));
    device_close(&d);
}

/* Of another version of the program, whatever its layout: no damage, and of no use here. */
Test(vulkan_cache, another_version_is_no_damage) {
    const uint8_t content[] = {1, 2, 3};
    uint8_t file[sizeof(pipeline_head) + sizeof content];
    pipeline_head head = {.vendor = 1}, found;
    pipeline_head_seal(&head, content, sizeof content);
    head.version++;
    head.bytes = 77;
    memcpy(file, &head, sizeof head);
    memcpy(file + sizeof head, content, sizeof content);
    cr_expect_null(pipeline_file_fault(&found, file, sizeof file));
    head.version--;
    cr_expect_not(pipeline_head_same(&head, &found));
    memcpy(file, &head, sizeof head);
    cr_expect_str_eq(pipeline_file_fault(&found, file, sizeof file),
                     "its size is not the one it names");
}

/* What was compiled by another format, device or driver serves nobody. */
Test(vulkan_cache, heads_are_the_same_in_all_that_they_name) {
    const pipeline_head head = {.version = PIPELINE_FILE_VERSION,
                                .vendor = 1,
                                .device = 2,
                                .driver_version = 3,
                                .driver_uuid = {4, 5, 6}};
    pipeline_head other = head;
    other.bytes = 7; // what follows may be anything
    other.sha256[0] = 8;
    cr_expect(pipeline_head_same(&head, &other));
    uint32_t *const numbers[] = {&other.version, &other.vendor, &other.device,
                                 &other.driver_version};
    for (size_t i = 0; i < 4; i++) {
        ++*numbers[i];
        cr_expect_not(pipeline_head_same(&head, &other), "%zu", i);
        --*numbers[i];
    }
    for (size_t i = 0; i < sizeof other.driver_uuid; i++) {
        other.driver_uuid[i] ^= 1;
        cr_expect_not(pipeline_head_same(&head, &other), "byte %zu", i);
        other.driver_uuid[i] ^= 1;
    }
}

static ino_t inode_of(const char *path) {
    struct stat s;
    cr_assert_eq(stat(path, &s), 0, "%s is missing", path);
    return s.st_ino; // an atomic write gives another
}

static void damage(const char *path, size_t at, size_t keep) {
    void *bytes;
    size_t count;
    MUST(file_read(&bytes, &count, path, 0));
    cr_assert_gt(count, (size_t)HEAD_BYTES);
    if (at < count) ((uint8_t *)bytes)[at] ^= 0x40;
    MUST(file_write(path, bytes, keep && keep < count ? keep : count));
    mem_free(bytes);
}

CleanTest(vulkan_cache, is_made_used_again_and_made_again_when_damaged) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    char folder[] = "/tmp/harness-cache-XXXXXX", path[512];
    cr_assert_not_null(mkdtemp(folder));
    setenv("XDG_CACHE_HOME", folder, 1);
    use_device(path, folder);
    void *first, *now;
    size_t first_count, count;
    MUST(file_read(&first, &first_count, path, 0));
    ino_t inode = inode_of(path);
    use_device(path, folder);
    MUST(file_read(&now, &count, path, 0));
    // drivers may give other bytes for the same kernels; equal ones are not written again
    if (count == first_count && !memcmp(now, first, count))
        cr_expect_eq(inode_of(path), inode, "nothing new was written");
    else
        cr_expect_str_neq(test_device(), "llvmpipe", "llvmpipe gives equal bytes");
    mem_free(now);
    const struct {
        const char *what;
        size_t at, keep;
    } faults[] = {{"another magic", 0, 0},
                  {"another driver", DRIVER_VERSION_AT, 0},
                  {"cut inside the head", SIZE_MAX, 40},
                  {"empty of content", SIZE_MAX, HEAD_BYTES},
                  {"a changed byte", HEAD_BYTES + 1, 0}};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        damage(path, faults[i].at, faults[i].keep);
        use_device(path, folder);
        MUST(file_read(&now, &count, path, 0));
        cr_expect_eq(count, first_count, "%s", faults[i].what);
        cr_expect(count == first_count && !memcmp(now, first, HEAD_BYTES), "%s", faults[i].what);
        mem_free(now);
    }
    mem_free(first);
    MUST(folder_remove(folder));
}

CleanTest(vulkan_cache, a_folder_that_cannot_be_written_stops_nothing) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    char path[512];
    setenv("XDG_CACHE_HOME", "/dev/null/nowhere", 1);
    use_device(path, "/dev/null/nowhere");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    use_device(path, "");
}
#endif
