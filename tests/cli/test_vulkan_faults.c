/* `harness run` on Vulkan devices with lowered limits and failing calls (tests/shim/fault_layer.c):
 * the same weights as undisturbed, or one clear error; a checkpoint saved before the fault is gone
 * on from. */
#define _GNU_SOURCE
#include "support/child.h"

#include <criterion/criterion.h>

#if HARNESS_VULKAN
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECONDS = 120, STEPS = 3 };

/* The fault layer does as `faults` says in what is started from now on; NULL: no layer. */
static void set_faults(const char *faults) {
    setenv("VK_ADD_LAYER_PATH", HARNESS_SHIM_FOLDER, 1);
    setenv("NODEVICE_SELECT", "1", 1); // Mesa's own layer fails when there is no device at all
    setenv("HARNESS_FAULTS", faults ? faults : "", 1);
    if (faults)
        setenv("VK_INSTANCE_LAYERS", "VK_LAYER_HARNESS_faults", 1);
    else
        unsetenv("VK_INSTANCE_LAYERS");
}

/* A run of 8 rows and STEPS steps, a checkpoint after each. */
static program_result run_with(const char *faults, const char *device, const char *output,
                               const char *extra) {
    const char *const list[] = {"run",       "--sample",
                                "--task",    "kor_hate",
                                "--model",   "tiny",
                                "--device",  device,
                                "--threads", "1",
                                "--limit",   "8",
                                "--json",    "--max-steps",
                                "3",         "--save-steps",
                                "1",         "--check-device",
                                "never",     "--logging-steps",
                                "1",         "-o",
                                output,      extra,
                                NULL};
    set_faults(faults);
    return child_run(NULL, SECONDS, list);
}

static void digest_of(char digest[65], const program_result *r, const char *what) {
    cJSON *root = NULL;
    const char *text = NULL;
    cr_assert_eq(r->exit_code, 0, "%s: exit code %d: %s", what, r->exit_code, r->err);
    json_setup();
    cr_assert_not(json_parse(&root, r->out, strlen(r->out), "output"), "%s", r->out);
    cr_assert_not(json_string(&text, root, "final_weights_sha256", "output"));
    snprintf(digest, 65, "%s", text);
    cJSON_Delete(root);
}

/* Digest of a run that nothing disturbs. */
static const char *undisturbed(void) {
    static char digest[65];
    if (!digest[0]) {
        program_result r = run_with(NULL, test_device(), "undisturbed", NULL);
        digest_of(digest, &r, "undisturbed");
        program_free(&r);
    }
    return digest;
}

/* One line that begins with "harness: " and says `text`; nothing crashed, nothing was printed. */
static void expect_error(const program_result *r, const char *faults, int code, const char *text) {
    const char *line = strstr(r->err, "harness: ");
    cr_assert_eq(r->exit_code, code, "%s: exit code %d: %s", faults, r->exit_code, r->err);
    cr_assert(line && strstr(line, text), "%s: expected '%s' in: %s", faults, text, r->err);
    cr_assert(!strstr(line + 1, "harness: "), "%s: more than one error: %s", faults, r->err);
    cr_assert_str_empty(r->out, "%s", faults);
}

static double last_loss(const program_result *r) {
    const char *at = strstr(r->out, "\"last_loss\":");
    cr_assert_not_null(at, "%s", r->out);
    return strtod(at + strlen("\"last_loss\":"), NULL);
}

Test(vulkan_faults, lowered_limits_give_the_same_results) {
    static const struct {
        const char *faults;
        bool same_bits; // else the loss: how products are split may follow the subgroup's size
    } cases[] = {
        {"shared=16384 range=134217728", true}, // the least that a device may offer
        {"range=1048576", true},                // windows of rows
        {"allocation=16777216", true},          // arenas of several blocks
        {"subgroup=4", false},
        {"subgroup=32", false},
        {"subgroup=128", false},
    };
    size_t live = mem_live_count();
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    program_result plain = run_with(NULL, test_device(), "plain", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char digest[65];
        const char *faults = cases[i].faults;
        program_result r = run_with(faults, test_device(), "limits", "--overwrite");
        digest_of(digest, &r, faults);
        if (cases[i].same_bits)
            cr_assert_str_eq(digest, undisturbed(), "%s: other weights", faults);
        cr_assert_float_eq(last_loss(&r), last_loss(&plain), 1e-5, "%s: loss %g, expected %g",
                           faults, last_loss(&r), last_loss(&plain));
        program_free(&r);
    }
    program_free(&plain);
    cr_assert_eq(mem_live_count(), live);
}

Test(vulkan_faults, too_low_limits_and_absent_devices_are_named) {
    static const struct {
        const char *faults;
        int code;
        const char *text;
    } cases[] = {
        {"invocations=128", 1, "workgroups of 256"},
        {"shared=8192", 1, "16384 bytes of shared memory are needed"},
        {"buffers=4", 1, "kernels bind up to 8 buffers, it allows 4"},
        {"range=65536", 1, "a kernel may bind 65536: use smaller batches"},
        {"allocation=1048576", 1, "the largest allocation is 1 MiB"},
        {"no-device", 2, "no Vulkan driver"},
        {"no-compute", 2, "no Vulkan driver"},
        {"CreateInstance@1=-1", 2, "vkCreateInstance: VK_ERROR_OUT_OF_HOST_MEMORY"},
        {"CreateInstance@1=-9", 2, "no Vulkan driver"},
        {"EnumeratePhysicalDevices@1=-4", 2, "vkEnumeratePhysicalDevices: VK_ERROR_DEVICE_LOST"},
        {"EnumeratePhysicalDevices@1=-3", 2, "no Vulkan driver"},
        {"CreateDevice@1=-3", 1, "vkCreateDevice: VK_ERROR_INITIALIZATION_FAILED"},
        {"CreateDevice@1=-10", 1, "vkCreateDevice: VK_ERROR_TOO_MANY_OBJECTS"},
    };
    size_t live = mem_live_count();
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        program_result r = run_with(cases[i].faults, test_device(), "absent", "--overwrite");
        expect_error(&r, cases[i].faults, cases[i].code, cases[i].text);
        program_free(&r);
    }
    cr_assert_eq(mem_live_count(), live);
}

#if HARNESS_CPU
Test(vulkan_faults, broken_vulkan_leaves_the_cpu_alone) {
    static const char *const cases[] = {"CreateInstance@1=-1", "EnumeratePhysicalDevices@1=-4",
                                        "no-device"};
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        program_result r = run_with(cases[i], "cpu", "cpu", "--overwrite");
        cr_assert_eq(r.exit_code, 0, "%s: %s", cases[i], r.err);
        program_free(&r);
    }
}
#endif

Test(vulkan_faults, memory_that_ends_at_each_allocation) {
    unsigned n = 0;
    size_t live = mem_live_count();
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    for (bool done = false; !done;) {
        char faults[40];
        snprintf(faults, sizeof faults, "AllocateMemory@%u=-2", ++n);
        program_result r = run_with(faults, test_device(), "memory", "--overwrite");
        done = r.exit_code == 0;
        if (!done) expect_error(&r, faults, 1, "MiB asked for");
        program_free(&r);
    }
    cr_assert_geq(n, 8, "only %u allocations", n);
    cr_assert_eq(mem_live_count(), live);
}

Test(vulkan_faults, each_call_that_fails_is_named) {
    static const struct {
        const char *call, *at;
    } cases[] = {
        {"MapMemory", "1"},
        {"CreateBuffer", "2"},
        {"BindBufferMemory", "3"},
        {"CreateShaderModule", "1"},
        {"CreateShaderModule", "9"},
        {"CreateComputePipelines", "1"},
        {"CreateComputePipelines", "12"},
        {"CreatePipelineLayout", "4"},
        {"CreateDescriptorSetLayout", "2"},
        {"CreateDescriptorPool", "1"},
        {"AllocateDescriptorSets", "2"},
        {"CreateCommandPool", "1"},
        {"CreateFence", "2"},
        {"AllocateCommandBuffers", "2"},
        {"ResetCommandPool", "1"},
        {"BeginCommandBuffer", "3"},
        {"EndCommandBuffer", "3"},
        {"QueueSubmit", "2"},
        {"WaitForFences", "2"},
        {"ResetFences", "2"},
    };
    size_t live = mem_live_count();
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char faults[60], expected[40];
        snprintf(faults, sizeof faults, "%s@%s=-10", cases[i].call, cases[i].at);
        snprintf(expected, sizeof expected, "vk%s: VK_ERROR_TOO_MANY_OBJECTS", cases[i].call);
        program_result r = run_with(faults, test_device(), "calls", "--overwrite");
        expect_error(&r, faults, 1, expected);
        program_free(&r);
    }
    cr_assert_eq(mem_live_count(), live);
}

/* Loses the device at the nth call until a checkpoint was saved before; then goes on from it. */
static void lose_device(const char *call, unsigned n, unsigned stride, const char *output) {
    bool saved = false;
    char *first = NULL, digest[65], faults[40];
    cr_assert_not(mem_printf(&first, "%s/%s/checkpoint-1", temporary_folder(), output));
    for (; !saved; n += stride) {
        snprintf(faults, sizeof faults, "%s@%u=-4", call, n);
        program_result r = run_with(faults, test_device(), output, "--overwrite");
        expect_error(&r, faults, 1, "VK_ERROR_DEVICE_LOST");
        saved = folder_exists(first);
        if (saved) cr_assert(strstr(r.err, "the last good checkpoint is"), "%s: %s", faults, r.err);
        program_free(&r);
    }
    program_result r = run_with(NULL, test_device(), output, "--resume");
    digest_of(digest, &r, faults);
    cr_assert(strstr(r.err, "checkpoint"), "%s: not from a checkpoint: %s", faults, r.err);
    cr_assert_str_eq(digest, undisturbed(), "%s: other weights after --resume", faults);
    program_free(&r);
    mem_free(first);
}

Test(vulkan_faults, device_lost_keeps_the_checkpoint) {
    size_t live = mem_live_count();
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    lose_device("QueueSubmit", 140, 10, "submit");
    lose_device("WaitForFences", 140, 10, "fence");
    cr_assert_eq(mem_live_count(), live);
}

/* What a check of the device says, or "" when none was made; exit code in *code. */
static bool was_checked(int *code, const char *faults, const char *when) {
    const char *const list[] = {
        "run",         "--sample",       "--task", "kor_hate",    "--model", "tiny", "--device",
        test_device(), "--limit",        "8",      "--max-steps", "1",       "-o",   "checked",
        "--overwrite", "--check-device", when,     NULL};
    set_faults(faults);
    program_result r = child_run(NULL, SECONDS, list);
    bool checked = strstr(r.err, "a quick check against the reference") != NULL;
    *code = r.exit_code;
    if (r.exit_code)
        expect_error(&r, faults, 1, checked ? "computes wrong numbers: " : "damages data");
    program_free(&r);
    return checked;
}

Test(vulkan_faults, a_device_that_is_new_is_checked_once) {
    size_t live = mem_live_count();
    int code;
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    // the driver's cache of shaders stays where it is: compiling them all takes half a minute
    if (getenv("HOME") && !getenv("XDG_CACHE_HOME")) {
        char *drivers = NULL;
        cr_assert_not(path_join(&drivers, getenv("HOME"), ".cache"));
        setenv("MESA_SHADER_CACHE_DIR", drivers, 1);
        mem_free(drivers);
    }
    setenv("XDG_CACHE_HOME", temporary_path("cache"), 1);
    cr_assert(was_checked(&code, "no-dispatch", "auto"));
    cr_assert_eq(code, 1, "a device that computes nothing was used");
    cr_assert(was_checked(&code, NULL, "auto"), "a failed check was remembered");
    cr_assert_eq(code, 0);
    cr_assert_not(was_checked(&code, NULL, "auto"), "the check was forgotten");
    cr_assert(was_checked(&code, NULL, "always"));
    cr_assert_not(was_checked(&code, "no-dispatch", "never"));
    cr_assert_eq(mem_live_count(), live);
}

/* Copies of weights that lose their last number, to the device and from it. */
Test(vulkan_faults, a_damaged_copy_is_found) {
    static const struct {
        const char *faults, *text;
    } cases[] = {
        {"short-copy=1", "tensor word has checksum"},
        {"short-copy=2", "tensor position has checksum"},
        {"short-copy=5", "in what the host wrote: the device or its driver damages data"},
        {"short-copy=12", "in what the host read: the device or its driver damages data"},
    };
    size_t live = mem_live_count();
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        program_result r = run_with(cases[i].faults, test_device(), "short", "--overwrite");
        expect_error(&r, cases[i].faults, 1, cases[i].text);
        program_free(&r);
    }
    cr_assert_eq(mem_live_count(), live);
}

Test(vulkan_faults, no_loader) {
    const char *const list[] = {"devices", NULL};
    const char *folder = temporary_folder();
    char *broken = NULL;
    cr_assert_not(path_join(&broken, folder, "libvulkan.so.1"));
    cr_assert_not(file_write(broken, "no library", 10));
    set_faults(NULL);
    setenv("LD_LIBRARY_PATH", folder, 1);
    program_result r = child_run(NULL, SECONDS, list);
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    cr_assert(strstr(r.out, "no Vulkan loader: install libvulkan1"), "%s", r.out);
    program_free(&r);
    mem_free(broken);
}
#endif
