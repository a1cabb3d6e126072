/* `harness run` on Vulkan devices with lowered limits and failing calls (tests/shim/fault_layer.c):
 * the same weights as undisturbed, or one clear error; a checkpoint saved before the fault is gone
 * on from. */
#define _GNU_SOURCE
#include "support/child.h"
#include "support/must.h"

#include <criterion/criterion.h>

#if HARNESS_VULKAN
#include "base/json.h"
#include "base/memory.h"
#include "compute/device.h"
#include "platform/file.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if HARNESS_CPU
static const char native[] = "cpu";
#else
static const char native[] = "reference";
#endif

enum { SECONDS = 120, STEPS = 3 };

/* Takes longer than the suite should. */
static bool by_hand(void) {
    return getenv("HARNESS_FAULT_ROUNDS") != NULL;
}

/* A run of 8 rows and STEPS steps, a checkpoint after each. */
static program_result run_with(const char *faults, const char *selector, const char *output,
                               const char *extra) {
    const char *const list[] = {"run",       "--sample",
                                "--task",    "kor_hate",
                                "--model",   "tiny",
                                "--device",  selector,
                                "--threads", "1",
                                "--limit",   "8",
                                "--json",    "--max-steps",
                                "3",         "--save-steps",
                                "1",         "--check-device",
                                "never",     "--logging-steps",
                                "1",         "-o",
                                output,      extra,
                                NULL};
    child_faults(faults);
    return child_run(NULL, SECONDS, list);
}

/* Digest of a run that nothing disturbs. */
static const char *undisturbed(void) {
    static char digest[65];
    if (!digest[0]) {
        program_result r = run_with(NULL, test_device(), "undisturbed", NULL);
        printed_digest(digest, &r);
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

CleanTest(vulkan_faults, lowered_limits_give_the_same_results) {
    static const struct {
        const char *faults;
        bool same_bits; // else the loss: how products are split may follow the subgroup's size
        const char *kernels;
    } cases[] = {
        {"shared=16384 range=134217728", true, NULL}, // the least that a device may offer
        {"range=1048576", true, NULL},                // windows of rows
        {"allocation=16777216", true, NULL},          // arenas of several blocks
        {"subgroup=4", false, NULL},
        {"subgroup=32", false, NULL},
        {"subgroup=128", false, NULL},
        // by hand: another size compiles every kernel anew
        {"subgroup=8", false, "register"},
        {"subgroup=16", false, "register"},
        {"subgroup=64", false, "register"},
        {"subgroup=4", false, "tile"},
        {"subgroup=128", false, "tile"},
    };
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    program_result plain = run_with(NULL, test_device(), "plain", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases && (i < 6 || by_hand()); i++) {
        char digest[65];
        const char *faults = cases[i].faults;
        if (cases[i].kernels)
            setenv("HARNESS_VULKAN_KERNELS", cases[i].kernels, 1);
        else
            unsetenv("HARNESS_VULKAN_KERNELS");
        program_result r = run_with(faults, test_device(), "limits", "--overwrite");
        printed_digest(digest, &r);
        if (cases[i].same_bits)
            cr_assert_str_eq(digest, undisturbed(), "%s: other weights", faults);
        cr_assert_float_eq(last_loss(&r), last_loss(&plain), 1e-5, "%s: loss %g, expected %g",
                           faults, last_loss(&r), last_loss(&plain));
    }
}

CleanTest(vulkan_faults, too_low_limits_and_absent_devices_are_named) {
    static const struct {
        const char *faults;
        int code;
        const char *text;
    } cases[] = {
        {"invocations=128", 1, "workgroups of 256"},
        {"shared=8192", 1, "16384 bytes of shared memory are needed"},
        {"buffers=4", 1, "kernels bind up to 8 buffers, it allows 4"},
        {"range=4096", 1, "exceed the largest binding, 4 KiB"},
        {"range=65536", 1, "a kernel may bind 65536: use smaller batches"},
        {"allocation=1048576", 1, "the largest allocation is 1 MiB"},
        {"no-device", 2, "no Vulkan driver"},
        {"no-compute", 2, "no Vulkan driver"},
        {"CreateInstance@1=-1", 2, "vkCreateInstance: VK_ERROR_OUT_OF_HOST_MEMORY"},
        {"CreateInstance@1=-9", 2, "no Vulkan driver"},
        {"EnumeratePhysicalDevices@1=-4", 2, "vkEnumeratePhysicalDevices: VK_ERROR_DEVICE_LOST"},
        {"EnumeratePhysicalDevices@1=-3", 2, "; VK_ERROR_INITIALIZATION_FAILED): install"},
        {"CreateDevice@1=-3", 1, "): vkCreateDevice: VK_ERROR_INITIALIZATION_FAILED"},
        {"CreateDevice@1=-10", 1, "vkCreateDevice: VK_ERROR_TOO_MANY_OBJECTS"},
    };
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        program_result r = run_with(cases[i].faults, test_device(), "absent", "--overwrite");
        expect_error(&r, cases[i].faults, cases[i].code, cases[i].text);
    }
}

/* Manifests that stand in a folder are named behind it. */
Test(vulkan_faults, folders_of_drivers_are_named) {
    static const char *const folders[] = {"/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d",
                                          "/usr/share/vulkan/icd.d"};
    char head[80];
    int count = 0;
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    unsetenv("VK_DRIVER_FILES");
    unsetenv("VK_ICD_FILENAMES");
    unsetenv("VK_ADD_DRIVER_FILES");
    program_result r = run_with("no-device", "llvmpipe", "absent", "--overwrite");
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        DIR *folder = opendir(folders[i]);
        struct dirent *f = NULL;
        while (folder && (f = readdir(folder)) && f->d_name[0] == '.') continue;
        if (f) {
            count++;
            snprintf(head, sizeof head, "%s: ", folders[i]);
            cr_expect(strstr(r.err, head) && strstr(r.err, f->d_name), "no '%s%s': %s", head,
                      f->d_name, r.err);
        }
        if (folder) closedir(folder);
    }
    cr_expect_null(strstr(r.err, "tried: ,"), "%s", r.err);
    if (!count) cr_skip_test("no folder of drivers");
}

/* Those of the user's own folders too, and what keeps the loader from taking them. */
Test(vulkan_faults, drivers_of_users_and_filters_are_named) {
    static const struct {
        const char *variable, *before, *name, *behind, *root;
    } cases[] = {{"XDG_DATA_HOME", "", "a", "", "a"},
                 {"XDG_DATA_DIRS", "/nonexistent:", "b", "//", "b"},
                 {"XDG_CONFIG_HOME", "", "c", "", "c"},
                 {"HOME", "", "d", "", "d/.local/share"}};
    static const char text[] = "{\"file_format_version\": \"1.0.0\", \"ICD\": {\"library_path\": "
                               "\"./none.so\", \"api_version\": \"1.3.0\"}}";
    char path[512], value[600], wanted[600];
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    unsetenv("VK_DRIVER_FILES");
    unsetenv("VK_ICD_FILENAMES");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *folder = temporary_folder();
        snprintf(path, sizeof path, "%s/%s/vulkan/icd.d", folder, cases[i].root);
        cr_assert_not(folder_make(path));
        snprintf(wanted, sizeof wanted, "%s: own.json", path);
        snprintf(path, sizeof path, "%s/%s/vulkan/icd.d/own.json", folder, cases[i].root);
        cr_assert_not(file_write_quick(path, text, strlen(text)));
        // what is hidden hides no name
        snprintf(path, sizeof path, "%s/%s/vulkan/icd.d/.own.swp", folder, cases[i].root);
        cr_assert_not(file_write_quick(path, "x", 1));
        snprintf(value, sizeof value, "%s%s/%s%s", cases[i].before, folder, cases[i].name,
                 cases[i].behind);
        setenv(cases[i].variable, value, 1);
        if (i == 3) unsetenv("XDG_DATA_HOME");
        program_result r = run_with("no-device", "llvmpipe", "absent", "--overwrite");
        cr_expect(strstr(r.err, wanted), "no '%s': %s", wanted, r.err);
    }
    // one that is torn may keep the loader from all others
    snprintf(path, sizeof path, "%s/d/.local/share/vulkan/icd.d/own.json", temporary_folder());
    cr_assert_not(file_write_quick(path, "{", 1));
    program_result r = run_with("no-device", "llvmpipe", "absent", "--overwrite");
    cr_expect(strstr(r.err, wanted), "no '%s': %s", wanted, r.err);
    cr_assert_not(file_write_quick(path, text, strlen(text)));
    setenv("XDG_DATA_DIRS", "/nonexistent", 1);
    setenv("HOME", "/nonexistent", 1);
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    r = run_with("no-device", "llvmpipe", "absent", "--overwrite");
    if (!folder_exists("/etc/vulkan/icd.d"))
        cr_expect(strstr(r.err, "XDG_DATA_DIRS=/nonexistent"), "%s", r.err);
    setenv("VK_LOADER_DRIVERS_DISABLE", "*", 1);
    r = run_with(NULL, "llvmpipe", "absent", "--overwrite");
    cr_expect(r.exit_code == 2 && strstr(r.err, "VK_LOADER_DRIVERS_DISABLE=*"), "%d: %s",
              r.exit_code, r.err);
}

#if HARNESS_CPU
Test(vulkan_faults, broken_vulkan_leaves_the_cpu_alone) {
    static const char *const cases[] = {"CreateInstance@1=-1", "EnumeratePhysicalDevices@1=-4",
                                        "no-device"};
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        program_result r = run_with(cases[i], "cpu", "cpu", "--overwrite");
        cr_assert_eq(r.exit_code, 0, "%s: %s", cases[i], r.err);
    }
}
#endif

/* What software drivers put in order unasked, the layer demands: it ends a program that leaves it
 * out. Here it says that it kept watch. */
static void check_barriers(const char *selector) {
    unsigned long begins, ends, copies;
    program_result r = run_with("say-barriers", selector, "barriers", "--overwrite");
    cr_assert_eq(r.exit_code, 0, "%s: exit code %d: %s", selector, r.exit_code, r.err);
    const char *said = strstr(r.err, "fault layer: ");
    cr_assert(said && sscanf(said, "fault layer: %lu begins, %lu ends, %lu copies", &begins, &ends,
                             &copies) == 3,
              "%s: %s", selector, r.err);
    cr_expect(begins >= ends && ends > copies && copies > 20, "%s: %s", selector, said);
}

CleanTest(vulkan_faults, barriers_that_drivers_hide) {
    char two[300];
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    check_barriers(test_device());
    snprintf(two, sizeof two, "cpu,%s", test_device()); // whose gradients are copied out early
    check_barriers(two);
}

/* Bytes of an earlier run's cache that the driver is given, by a program that compiles a kernel. */
static size_t cache_given(void) {
    const char *const list[] = {"verify", "dropout", "--device", test_device(), NULL};
    child_faults("say-cache");
    program_result r = child_run(NULL, SECONDS, list);
    cr_assert_eq(r.exit_code, 0, "exit code %d: %s", r.exit_code, r.err);
    const char *said = strstr(r.err, "pipeline cache of ");
    cr_assert_not_null(said, "%s", r.err);
    size_t bytes = strtoul(said + strlen("pipeline cache of "), NULL, 10);
    return bytes;
}

/* Drivers trust what they are given: one that crashes on a damaged cache must not see it. */
CleanTest(vulkan_faults, a_changed_byte_keeps_the_cache_from_the_driver) {
    enum { HEAD = 80 };
    static const struct {
        const char *what;
        size_t at;
    } places[] = {{"magic", 3},         {"version", 8},         {"vendor", 12}, {"device", 17},
                  {"driver", 20},       {"uuid", 39},           {"size", 40},   {"hash", 48},
                  {"first byte", HEAD}, {"last byte", SIZE_MAX}};
    size_t count = 0;
    device_info info;
    uint8_t *whole = NULL;
    char *path = NULL;
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    cr_assert_not(device_find(&info, test_device()));
    setenv("XDG_CACHE_HOME", temporary_path("cached"), 1);
    cr_assert_eq(cache_given(), 0);
    cr_assert_not(
        mem_printf(&path, "%s/harness/pipelines-%s.bin", temporary_path("cached"), info.uuid));
    cr_assert_not(file_read((void **)&whole, &count, path, 0));
    cr_assert_eq(cache_given(), count - HEAD, "what was kept is not used");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        size_t at = places[i].at < count ? places[i].at : count - 1;
        whole[at] ^= 1;
        cr_assert_not(file_write(path, whole, count));
        cr_expect_eq(cache_given(), 0, "%s: the driver was given what is not its own",
                     places[i].what);
        whole[at] ^= 1;
    }
    cr_expect_eq(cache_given(), count - HEAD, "it was not made again");
    mem_free(whole);
    mem_free(path);
}

CleanTest(vulkan_faults, memory_that_ends_at_each_allocation) {
    unsigned n = 0;
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    for (bool done = false; !done;) {
        char faults[40];
        snprintf(faults, sizeof faults, "AllocateMemory@%u=-2", ++n);
        program_result r = run_with(faults, test_device(), "memory", "--overwrite");
        done = r.exit_code == 0;
        if (!done) expect_error(&r, faults, 1, "MiB asked for");
    }
    cr_assert_geq(n, 8, "only %u allocations", n);
}

CleanTest(vulkan_faults, each_call_that_fails_is_named) {
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
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char faults[60], expected[40];
        snprintf(faults, sizeof faults, "%s@%s=-10", cases[i].call, cases[i].at);
        snprintf(expected, sizeof expected, "vk%s: VK_ERROR_TOO_MANY_OBJECTS", cases[i].call);
        program_result r = run_with(faults, test_device(), "calls", "--overwrite");
        expect_error(&r, faults, 1, expected);
    }
}

/* By hand, every pipeline; else some. */
CleanTest(vulkan_faults, pipelines_that_fail_in_turn) {
    unsigned n = 1, stride = by_hand() ? 1 : 17;
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    for (bool done = false; !done; n += stride) {
        char faults[60];
        snprintf(faults, sizeof faults, "CreateComputePipelines@%u=-1", n);
        program_result r = run_with(faults, test_device(), "pipelines", "--overwrite");
        done = r.exit_code == 0;
        if (!done) expect_error(&r, faults, 1, "vkCreateComputePipelines: VK_ERROR_OUT_OF_HOST");
    }
    fprintf(stderr, "fewer than %u pipelines\n", n - stride);
    cr_assert_geq(n, 30);
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
    }
    program_result r = run_with(NULL, test_device(), output, "--resume");
    printed_digest(digest, &r);
    cr_assert(strstr(r.err, "checkpoint"), "%s: not from a checkpoint: %s", faults, r.err);
    cr_assert_str_eq(digest, undisturbed(), "%s: other weights after --resume", faults);
    mem_free(first);
}

CleanTest(vulkan_faults, device_lost_keeps_the_checkpoint) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    lose_device("QueueSubmit", 140, 10, "submit");
    lose_device("WaitForFences", 140, 10, "fence");
}

/* Wherever the device is lost, what was saved is gone on from; by hand, at every call. */
Test(vulkan_faults, device_lost_at_any_moment) {
    static const char *const calls[] = {"QueueSubmit", "WaitForFences"};
    unsigned stride = by_hand() ? 1 : 197, tried = 0, resumed = 0;
    char faults[40], digest[65];
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    const char *first = temporary_path("lost/checkpoint-1");
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        bool done = false;
        for (unsigned n = 1; !done; n += stride) {
            snprintf(faults, sizeof faults, "%s@%u=-4", calls[i], n);
            program_result r = run_with(faults, test_device(), "lost", "--overwrite");
            done = r.exit_code == 0;
            if (!done) expect_error(&r, faults, 1, "VK_ERROR_DEVICE_LOST");
            tried += !done;
            if (done || !folder_exists(first)) continue;
            r = run_with(NULL, test_device(), "lost", "--resume");
            printed_digest(digest, &r);
            cr_assert_str_eq(digest, undisturbed(), "%s: other weights after --resume", faults);
            resumed++;
        }
    }
    fprintf(stderr, "lost at %u calls, gone on from a checkpoint after %u\n", tried, resumed);
    cr_assert(tried >= 2 && resumed >= 1, "%u %u", tried, resumed);
}

/* The device's name is the driver's word: it is part of paths, of JSON and of what is printed. */
Test(vulkan_faults, a_name_that_is_no_name) {
    device_info info;
    char index[12];
    const char *const list[] = {
        "run", "--sample",    "--task", "kor_hate",       "--device", index,    "--limit",
        "8",   "--max-steps", "1",      "--check-device", "never",    "--json", NULL};
    const char *const devices[] = {"devices", NULL};
    folder_list runs = {0};
    if (!need_vulkan("llvmpipe")) cr_skip_test("no llvmpipe");
    cr_assert_not(device_find(&info, "llvmpipe"));
    snprintf(index, sizeof index, "%u", info.index); // which needs no name
    child_faults("bad-name");
    program_result r = child_run(NULL, SECONDS, list);
    cJSON *root = NULL;
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    cr_assert_null(strchr(r.err, '\x1b'), "%s", r.err);
    cr_assert_not(json_parse(&root, r.out, strlen(r.out), "output"), "%s", r.out);
    cJSON_Delete(root);
    cr_assert_not(folder_list_read(&runs, temporary_path("runs/kor_hate")));
    cr_assert_eq(runs.count, 1);
    cr_assert(strstr(runs.names[0], "llvmpipe"), "%s", runs.names[0]);
    size_t count = 0;
    char *text = NULL, *path = NULL;
    cr_assert_not(
        mem_printf(&path, "%s/%s/record.json", temporary_path("runs/kor_hate"), runs.names[0]));
    cr_assert_not(file_read((void **)&text, &count, path, 0));
    cr_assert_not(json_parse(&root, text, count, path), "%s", err_message(ERR_FORMAT));
    cJSON_Delete(root);
    mem_free(text);
    mem_free(path);
    folder_list_free(&runs);
    r = child_run(NULL, SECONDS, devices);
    cr_assert_null(strchr(r.out, '\x1b'), "%s", r.out);
}

/* A run as a user starts it, under the validation layer with synchronization checks: both drivers
 * give it nothing to say, and train as the CPU does. The layer's own line on its start shows that it
 * was there. */
static void run_validated(const char *selector, double expected) {
    const char *const list[] = {"run",
                                "--sample",
                                "--task",
                                "kor_hate",
                                "--device",
                                selector,
                                "--limit",
                                "8",
                                "--max-steps",
                                "3",
                                "--save-steps",
                                "1",
                                "--check-device",
                                "never",
                                "--json",
                                "-o",
                                selector,
                                NULL};
    char *settings = NULL, *log = NULL, *text = NULL;
    size_t count = 0;
    if (!need_vulkan(selector)) return;
    child_faults(NULL);
    cr_assert_not(mem_printf(&log, "%s/%s.log", temporary_folder(), selector));
    cr_assert_not(mem_printf(
        &settings,
        "khronos_validation.debug_action = VK_DBG_LAYER_ACTION_LOG_MSG\n"
        "khronos_validation.report_flags = error,warn,info\n"
        "khronos_validation.enables = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT\n"
        "khronos_validation.log_filename = %s\n",
        log));
    cr_assert_not(file_write(temporary_path("vk_layer_settings.txt"), settings, strlen(settings)));
    setenv("VK_LAYER_SETTINGS_PATH", temporary_folder(), 1);
    setenv("VK_INSTANCE_LAYERS", "VK_LAYER_KHRONOS_validation", 1);
    program_result r = child_run(NULL, SECONDS, list);
    cr_assert_eq(r.exit_code, 0, "%s: %s", selector, r.err);
    cr_assert_float_eq(last_loss(&r), expected, 1e-3 * expected, "%s: loss %g, of the cpu %g",
                       selector, last_loss(&r), expected);
    cr_assert_not(file_read((void **)&text, &count, log, 0), "%s", err_message(ERR_IO));
    cr_assert(strstr(text, "SYNCHRONIZATION_VALIDATION"), "%s: no validation: %s", selector, text);
    cr_assert(!strstr(text, "(ERROR") && !strstr(text, "(WARN"), "%s: %s", selector, text);
    mem_free(text);
    mem_free(settings);
    mem_free(log);
}

Test(vulkan_faults, whole_runs_say_nothing_under_validation) {
    program_result r = RUN_WELL("run", "--sample", "--task", "kor_hate", "--device", native,
                                "--limit", "8", "--max-steps", "3", "--json", "-o", "expected");
    double expected = last_loss(&r);
    run_validated("llvmpipe", expected);
    run_validated("swiftshader", expected);
}

/* What a check of the device says, or "" when none was made; exit code in *code. */
static bool was_checked(int *code, const char *faults, const char *when) {
    const char *const list[] = {
        "run",         "--sample",       "--task", "kor_hate",    "--model", "tiny", "--device",
        test_device(), "--limit",        "8",      "--max-steps", "1",       "-o",   "checked",
        "--overwrite", "--check-device", when,     NULL};
    child_faults(faults);
    program_result r = child_run(NULL, SECONDS, list);
    bool checked = strstr(r.err, "a quick check against the reference") != NULL;
    *code = r.exit_code;
    if (r.exit_code)
        expect_error(&r, faults, 1, checked ? "computes wrong numbers: " : "damages data");
    return checked;
}

/* The most that a run took of its device, as its record tells. */
static double memory_taken(const char *folder) {
    char name[64];
    cJSON *root = NULL;
    snprintf(name, sizeof name, "%s/record.json", folder);
    cr_assert_not(json_read(&root, temporary_path(name), 0), "%s", err_message(ERR_IO));
    double bytes = cJSON_GetNumberValue(
        cJSON_GetObjectItem(cJSON_GetObjectItem(root, "memory"), "device_bytes"));
    cJSON_Delete(root);
    return bytes;
}

CleanTest(vulkan_faults, a_device_that_is_new_is_checked_once) {
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
    double memory = memory_taken("checked");
    cr_assert_not(was_checked(&code, NULL, "auto"), "the check was forgotten");
    cr_expect_eq(memory, memory_taken("checked"), "the check's memory is told as the run's");
    cr_assert(was_checked(&code, "driver=7", "auto"), "the driver is another one");
    cr_assert_not(was_checked(&code, "driver=7", "auto"), "the check was forgotten");
    cr_assert(was_checked(&code, NULL, "always"));
    cr_assert_not(was_checked(&code, "no-dispatch", "never"));
}

/* Copies of weights that lose their last number, to the device and from it. */
CleanTest(vulkan_faults, a_damaged_copy_is_found) {
    static const struct {
        const char *faults, *text;
    } cases[] = {
        {"short-copy=1", "tensor token has checksum"},
        {"short-copy=2", "tensor position has checksum"},
        {"short-copy=5", "in what the host wrote: the device or its driver damages data"},
        {"short-copy=12", "in what the host read: the device or its driver damages data"},
    };
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        program_result r = run_with(cases[i].faults, test_device(), "short", "--overwrite");
        expect_error(&r, cases[i].faults, 1, cases[i].text);
    }
}

Test(vulkan_faults, verify_counts_what_is_wrong_for_programs_too) {
    const char *const list[] = {"verify",      "dropout", "layernorm_fwd", "--json", "--device",
                                test_device(), NULL};
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    child_faults("no-dispatch");
    program_result r = child_run(NULL, SECONDS, list);
    cr_assert_eq(r.exit_code, 1, "%s", r.err);
    cr_assert_not_null(strstr(r.err, "2 operations of "), "%s", r.err);
    cJSON *root = NULL;
    cr_assert_not(json_parse(&root, r.out, strlen(r.out), "output"), "%s", r.out);
    cr_assert_eq(cJSON_GetNumberValue(cJSON_GetObjectItem(root, "failed")), 2, "%s", r.out);
    cJSON_Delete(root);
    // and for people: those that are wrong are counted, and shown as such
    const char *const shown[] = {"verify",   "dropout",     "layernorm_fwd",
                                 "--device", test_device(), NULL};
    r = child_run(NULL, SECONDS, shown);
    cr_assert_eq(r.exit_code, 1, "%s", r.err);
    cr_assert_not_null(strstr(r.out, "FAILED"), "%s", r.out);
    cr_assert_not_null(strstr(r.out, "2 of 2 operations are beyond their bounds\n"), "%s", r.out);
    cr_assert_null(strstr(r.out, "all within"), "%s", r.out);
}

Test(vulkan_faults, no_loader) {
    const char *const list[] = {"devices", NULL};
    const char *folder = temporary_folder();
    char *broken = NULL;
    cr_assert_not(path_join(&broken, folder, "libvulkan.so.1"));
    cr_assert_not(file_write(broken, "no library", 10));
    child_faults(NULL);
    setenv("LD_LIBRARY_PATH", folder, 1);
    program_result r = child_run(NULL, SECONDS, list);
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    cr_assert(strstr(r.out, "no Vulkan loader: install libvulkan1"), "%s", r.out);
    mem_free(broken);
}
#endif
