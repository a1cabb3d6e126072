/* `harness run` on devices as people have them, which the fault layer (tests/shim/fault_layer.c) plays
 * on a software driver: the sample's losses are those of the driver itself, or one line names what
 * the device lacks. */
#define _GNU_SOURCE
#include "support/child.h"

#include <criterion/criterion.h>

#if HARNESS_VULKAN
#include "base/memory.h"
#include "compute/device.h"
#include "support/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECONDS = 240 };

static program_result run_on(const char *faults, const char *where) {
    const char *const list[] = {
        "run",         "--sample", "--task", "kor_hate",    "--model",
        "tiny",        "--device", where,    "--limit",     "8",
        "--max-steps", "3",        "--json", "--overwrite", "--check-device",
        "never",       "-o",       "played", NULL};
    child_faults(faults);
    return child_run(NULL, SECONDS, list);
}

static double last_loss(const program_result *r) {
    const char *at = strstr(r->out, "\"last_loss\":");
    cr_assert_not_null(at, "%s%s", r->out, r->err);
    return strtod(at + strlen("\"last_loss\":"), NULL);
}

/* The first rows are the suite's, all by hand (HARNESS_FAULT_ROUNDS). */
enum { IN_SUITE = 8 };
static const struct {
    const char *what, *faults;
    const char *error; /* NULL: it trains */
} devices[] = {
    {"Vulkan 1.0", "version=10", "Vulkan 1.1 is needed, its driver has Vulkan 1.0.0"},
    {"MoltenVK, all memory of one kind", "portability version=12 memory=one subgroup=32 class=1",
     NULL},
    {"a card with a window of 256 MiB", "memory=window class=2 version=11 no-timestamps", NULL},
    {"a card with 8 MiB", "memory=apart own=8 class=2", "heap 0 (the device's own) has 8 MiB"},
    {"a driver that lies of its memory", "memory=apart own=4096 there=8 class=2",
     " MiB left of 4096 MiB by its own count (VK_ERROR_OUT_OF_DEVICE_MEMORY)"},
    {"two of one name", "twins", "matches more than one"},
    {"the least that Vulkan allows",
     "range=134217728 shared=16384 invocations=256 groups=65535 align=256 blocks=4096", NULL},
    {"a device lost behind the first step", "memory=window class=2 QueueSubmit@12=-4",
     "VK_ERROR_DEVICE_LOST"},
    {"Vulkan 1.1", "version=11", NULL},
    {"Vulkan 1.2", "version=12", NULL},
    {"Vulkan 1.4", "version=14", NULL},
    {"a driver that is not Vulkan in full", "portability", NULL},
    {"queues without clocks", "no-timestamps", NULL},
    {"memory apart from the host's", "memory=apart class=2", NULL},
    {"a window of 128 MiB", "memory=window window=128 class=2", NULL},
    {"all memory in the window", "memory=whole own=8192 class=2", NULL},
    {"an integrated GPU", "memory=one class=1", NULL},
    {"bindings of 128 MiB", "range=134217728", NULL},
    {"blocks of 16 MiB", "allocation=16777216", NULL},
    {"few texels", "texels=65536", NULL}, // other kernels, which newer drivers compile for long
    {"subgroups of 4", "subgroup=4", NULL},
    {"subgroups of 64", "subgroup=64 class=2 memory=window", NULL},
    {"subgroups of 128", "subgroup=128 class=1 memory=one", NULL},
    {"a small card of Vulkan 1.1",
     "version=11 memory=window own=512 window=128 class=2 range=134217728 shared=16384 "
     "invocations=256 no-timestamps",
     NULL},
    {"groups of 128", "invocations=128 memory=one class=1", "workgroups of 256"},
};

CleanTest(played_devices, the_same_losses_or_one_line) {
    size_t count = sizeof devices / sizeof *devices;
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    if (!getenv("HARNESS_FAULT_ROUNDS")) count = IN_SUITE;
    program_result plain = run_on(NULL, test_device());
    cr_assert_eq(plain.exit_code, 0, "%s", plain.err);
    for (size_t i = 0; i < count; i++) {
        program_result r = run_on(devices[i].faults, test_device());
        const char *what = devices[i].what;
        if (devices[i].error) {
            const char *line = strstr(r.err, "harness: ");
            cr_expect(r.exit_code && line && strstr(line, devices[i].error), "%s: %d: %s", what,
                      r.exit_code, r.err);
            cr_expect(line && !strstr(line + 1, "harness: "), "%s: %s", what, r.err);
        } else {
            cr_assert_eq(r.exit_code, 0, "%s: %d: %s", what, r.exit_code, r.err);
            cr_expect_float_eq(last_loss(&r), last_loss(&plain), 1e-5, "%s: loss %g, expected %g",
                               what, last_loss(&r), last_loss(&plain));
        }
    }
}

/* Each has an index, whatever its name; what decides of devices is told with them. */
CleanTest(played_devices, twins_are_told_apart_by_index) {
    const char *const list[] = {"devices", NULL}, *const json[] = {"devices", "--json", NULL};
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    program_result r = run_on("twins", "2");
    cr_expect_eq(r.exit_code, 0, "%s", r.err);
    setenv("DRI_PRIME", "1", 1);
    for (int i = 0; i < 2; i++) {
        r = child_run(NULL, SECONDS, i ? json : list);
        cr_expect_eq(r.exit_code, 0, "%s", r.err);
        cr_expect(strstr(r.out, i ? "\"DRI_PRIME\":\t\"1\"" : "DRI_PRIME=1"), "%s", r.out);
        cr_expect(strstr(r.out, "VK_LAYER_HARNESS_faults"), "%s", r.out);
    }
    unsetenv("DRI_PRIME");
}

/* A process could load NVIDIA's driver for ten runs, and this one once: every run of a sweep opens a
 * device, under validation too. */
CleanTest(played_devices, a_sweep_loads_its_driver_once) {
    const char *const ways[] = {"--quiet", "--validation"}; // has an instance of its own
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    for (int i = 0; i < 2; i++) {
        const char *const list[] = {
            "run",         "--sample",    "--task",   "kor_hate,kor_sarcasm",
            "--model",     "tiny",        "--limit",  "8",
            "--runs",      "2",           "--device", test_device(),
            "--max-steps", "1",           "--json",   "--check-device",
            "never",       "--overwrite", ways[i],    NULL};
        child_faults("loads=1");
        program_result r = child_run(NULL, SECONDS, list);
        cr_expect_eq(r.exit_code, 0, "%s: %d: %s", ways[i], r.exit_code, r.err);
        size_t runs = 0;
        for (const char *at = r.out; (at = strstr(at, "\"last_loss\":")); at++) runs++;
        cr_expect_eq(runs, 4, "%s: %s", ways[i], r.out);
    }
}

/* Of 8 MiB, not of 128: a software driver takes seconds for each. */
#define SMALL_COPIES "range=8388608"

/* Without clocks in its queues a device is measured from outside. */
CleanTest(played_devices, bench_without_timestamps) {
    const char *const list[] = {
        "bench",    "--device",     test_device(), "--model",     "tiny", "--task", "kor_hate",
        "--sample", "--batch-size", "4",           "--max-steps", "1",    "--json", NULL};
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    child_faults("no-timestamps " SMALL_COPIES);
    program_result r = child_run(NULL, SECONDS, list);
    cr_expect_eq(r.exit_code, 0, "%d: %s", r.exit_code, r.err);
}

/* How wide ops are is told beside what the device runs at once, where a driver says that; where none
 * does, the test of performance's tables tells. */
/* It stands in the list with the reason, and runs that name none go on without it. */
Test(played_devices, one_that_no_kernel_fits_is_left_out) {
    static const struct {
        const char *faults, *why;
    } rows[] = {{"class=2 invocations=128", "workgroups of 256 and 16384 bytes of shared memory"},
                {"class=2 buffers=4", "kernels bind up to 8 buffers, it allows 4"},
                {"class=2 version=10", "Vulkan 1.1 is needed, its driver has Vulkan 1.0.0"}};
    const char *const list[] = {"devices", NULL}, *const run[] = {"verify", "fill", "--threads",
                                                                  "1", NULL};
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        child_faults(rows[i].faults);
        program_result r = child_run(NULL, SECONDS, list);
        const char *gpu = strstr(r.out, "discrete GPU; left out: no training on it\n");
        cr_expect(gpu && strstr(gpu, rows[i].why), "%s: %s", rows[i].faults, r.out);
        cr_expect(strstr(r.out, "native CPU; the default: no GPU here that can train"), "%s",
                  r.out);
        r = child_run(NULL, SECONDS, run);
        cr_expect_eq(r.exit_code, 0, "%s", r.err);
        cr_expect(strstr(r.err, " is left out: ") && strstr(r.err, rows[i].why), "%s", r.err);
    }
}

Test(played_devices, bench_tells_invocations) {
    static const char says[] = "; the device runs ";
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    device_info info;
    MUST(device_find(&info, test_device()));
    const char *const list[] = {"bench",  "--device",    test_device(), "--model",  "tiny",
                                "--task", "kor_hate",    "--verbose",   "--sample", "--batch-size",
                                "4",      "--max-steps", "1",           NULL};
    child_faults("multiprocessors=3 " SMALL_COPIES);
    program_result r = child_run(NULL, SECONDS, list);
    cr_assert_eq(r.exit_code, 0, "%d: %s", r.exit_code, r.err);
    const char *at = strstr(r.out, says);
    cr_assert_not_null(at, "'%s' in: %s", says, r.out);
    cr_expect_eq(strtoul(at + strlen(says), NULL, 10), 3 * 48 * info.subgroup_size);
}
#endif
