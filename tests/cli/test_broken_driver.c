/* A Vulkan driver that ends the process it is loaded into (tests/shim/broken_driver.c): what needs
 * no Vulkan never meets it, and what does says which driver it was. */
#include "support/program.h"

#include <criterion/criterion.h>

#if HARNESS_VULKAN && HARNESS_CPU
#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char manifest[512];

static void break_driver(const char *how) {
    snprintf(manifest, sizeof manifest, "%s/broken_driver.json",
             listed_path(HARNESS_SHIM_FOLDER "/driver"));
    setenv("VK_DRIVER_FILES", manifest, 1);
    setenv("VK_ICD_FILENAMES", manifest, 1); // what loaders before 1.3.207 read
    setenv("HARNESS_BROKEN_DRIVER", how, 1);
}

#define CPU "--device", "cpu", "--threads", "1"
#define SMALL "--task", "kor_hate", "--sample", "--limit", "8", "--quiet"
#define TRAIN SMALL, CPU, "--max-steps", "1", "--output-dir"

static const char suite_text[] =
    "{\"bound\": 1e-4, \"bound_other\": 1e-3, \"seeds\": [1, 2, 3], \"cases\": [{\"name\": \"a\", "
    "\"task\": \"kor_hate\", \"model\": \"tiny\", \"sample\": true, \"steps\": 5, \"batch_size\": "
    "4}]}";

/* In this order, in one folder: every verb, on the CPU or without a device. */
Test(broken_driver, the_cpu_never_meets_it, .timeout = 600) {
    static const char *const uses[][22] = {
        {"--version"},
        {"help", "run"},
        {"run", TRAIN, "a"},
        {"run", SMALL, "--device", "CPU", "--max-steps", "1", "-o", "b", "--seed", "43", "--json"},
        {"run", SMALL, "--device", "0", "--max-steps", "1", "-o", "c"},
        {"eval", SMALL, CPU, "--checkpoint", "a"},
        {"predict", CPU, "--checkpoint", "a", "좋은 기사네요"},
        {"tokenize", "--checkpoint", "a", "좋은"},
        {"compare", "a", "b"},
        {"compare", "CPU", "cpu", "--max-steps", "1", "--threads", "1"},
        {"report", "--results", "empty", "-o", "board", "-q"},
        {"tasks"},
        {"tasks", "check"},
        {"data", "stats", "kor_hate", "--sample"},
        {"data", "head", "kor_sarcasm", "--sample", "-n", "2"},
        {"devices", "--device", "CPU"},
        {"devices", "--device", "Reference", "--json"},
        {"verify", "fill", CPU},
        {"bench", "--task", "kor_hate", "--sample", CPU, "--max-steps", "1"},
        {"regress", CPU, "--baselines", ".", "-o", "r", "--no-timing", "--quiet", "--update"},
    };
    static const char *const ways[] = {"abort", "crash", "exit"};
    size_t live = mem_live_count();
    MUST(folder_make(temporary_path("empty")));
    MUST(file_write(temporary_path("suite.json"), suite_text, strlen(suite_text)));
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        break_driver(ways[i % 3]);
        program_result r = program_run(NULL, 120, uses[i]);
        int expected = !strcmp(uses[i][0], "report"); // nothing is there to report
        cr_expect_eq(r.exit_code, expected, "use %zu, %s: exit code %d: %s", i, uses[i][0],
                     r.exit_code, r.err);
        cr_expect_null(strstr(r.err, "Vulkan driver"), "use %zu: %s", i, r.err);
    }
    temporary_remove();
    cr_assert_eq(mem_live_count(), live);
}

/* Without --device, and where one is named, a line tells what happened and what to do. */
Test(broken_driver, is_named_by_what_needs_vulkan) {
    static const struct {
        const char *how;
        int code;
        const char *said;
    } ends[] = {{"abort", 128 + 6, "(signal 6)"},
                {"crash", 128 + 11, "(signal 11)"},
                {"exit", 1, "(exit)"}};
    static const char *const uses[][16] = {
        {"devices"},
        {"verify", "fill", "--device", "llvmpipe"},
        {"run", SMALL, "--max-steps", "1", "-o", "x"},
    };
    for (size_t i = 0; i < 3; i++) {
        break_driver(ends[i].how);
        for (size_t u = 0; u < 3; u++) {
            program_result r = program_run(NULL, 120, uses[u]);
            const char *line = strstr(r.err, "harness: ");
            cr_expect_eq(r.exit_code, ends[i].code, "%s: exit code %d", ends[i].how, r.exit_code);
            cr_expect(line && strstr(line, "libbroken_driver.so ended the program"), "%s: %s",
                      ends[i].how, r.err);
            cr_expect(line && strstr(line, ends[i].said), "%s: %s", ends[i].how, r.err);
            cr_expect(line && strstr(line, manifest), "%s: %s", ends[i].how, r.err);
            cr_expect(line && strstr(line, "--device cpu`"), "%s: %s", ends[i].how, r.err);
            cr_expect(line && !strstr(line + 1, "harness: "), "%s: more than one: %s", ends[i].how,
                      r.err);
        }
    }
}

/* One that never comes back ends the program when its time is over. */
Test(broken_driver, that_hangs_is_named_in_time) {
    break_driver("hang");
    setenv("HARNESS_DRIVER_WAIT", "0.5", 1);
    program_result r = RUN("devices");
    cr_expect_eq(r.exit_code, 1, "exit code %d", r.exit_code);
    cr_expect(strstr(r.err, "libbroken_driver.so ended the program (no answer within 0.5 s, "
                            "HARNESS_DRIVER_WAIT) while Vulkan drivers were loaded") &&
                  strstr(r.err, manifest),
              "%s", r.err);
    setenv("HARNESS_DRIVER_WAIT", "soon", 1);
    r = RUN("devices");
    cr_expect_eq(r.exit_code, 2, "exit code %d", r.exit_code);
    cr_expect(strstr(r.err, "HARNESS_DRIVER_WAIT is 'soon': expected seconds"), "%s", r.err);
}

/* To the loader a variable that is set to nothing is no driver at all. */
Test(broken_driver, a_variable_without_a_value_hides_none) {
    program_result all = RUN("devices");
    setenv("VK_DRIVER_FILES", "", 1);
    setenv("VK_ICD_FILENAMES", "", 1);
    program_result r = RUN("devices");
    cr_expect_str_eq(r.out, all.out);
    cr_expect_str_eq(r.err, all.err);
}

/* Drivers that cannot be loaded are named too, and the CPU runs without being asked for. */
Test(broken_driver, that_cannot_be_loaded_is_named) {
    const char *const paths[] = {"/nonexistent/driver.json", manifest};
    break_driver("none");
    for (size_t i = 0; i < 2; i++) {
        setenv("VK_DRIVER_FILES", paths[i], 1);
        setenv("VK_ICD_FILENAMES", paths[i], 1);
        program_result r = RUN("verify", "fill", "--device", "llvmpipe");
        cr_expect_eq(r.exit_code, 2, "exit code %d", r.exit_code);
        cr_expect(strstr(r.err, "no Vulkan driver that works") && strstr(r.err, paths[i]), "%s",
                  r.err);
        RUN_WELL("verify", "fill", "--threads", "1");
    }
}

static void write_manifest(const char *name, const char *library) {
    char text[200];
    snprintf(text, sizeof text,
             "{\"file_format_version\": \"1.0.0\", \"ICD\": {\"library_path\": \"%s\", "
             "\"api_version\": \"1.3.0\"}}",
             library);
    MUST(file_write(temporary_path(name), text, strlen(text)));
}

/* A file that the environment names and that is missing, no manifest, or without its library is named
 * with what is wrong with it, also beside drivers that work. */
Test(broken_driver, files_that_are_named_are_told_apart) {
    static const char text[] = "{\"file_format_version\": \"1.0.0\", \"ICD\": {\"library_path\": "
                               "\"./none.so\", \"api_version\": \"1.3.0\"}}";
    const char *lost = temporary_path("lost.json"), *torn = temporary_path("torn.json"),
               *bare = temporary_path("bare.json");
    const char *pipe = temporary_path("pipe.json"), *empty = temporary_path("empty"),
               *plain = temporary_path("plain");
    MUST(file_write(torn, "{", 1));
    MUST(file_write(bare, text, strlen(text)));
    MUST(file_write(plain, text, strlen(text)));
    MUST(folder_make(empty));
    MUST(folder_make(temporary_path("home/vulkan/icd.d")));
    cr_assert_eq(mkfifo(pipe, 0600) | mkfifo(temporary_path("home/vulkan/icd.d/a.json"), 0600), 0);
    write_manifest("loader.json", "libvulkan.so.1");
    write_manifest("strange.json", "libm.so.6");
    const struct {
        const char *variable, *path, *says;
    } rows[] = {{"VK_DRIVER_FILES", lost, "lost.json: cannot open: No such file"},
                {"VK_DRIVER_FILES", torn, "torn.json:1:2: "},
                {"VK_DRIVER_FILES", bare, "none.so: cannot open shared object"},
                {"VK_ICD_FILENAMES", lost, "lost.json: cannot open: No such file"},
                {"VK_ADD_DRIVER_FILES", bare, "none.so: cannot open shared object"},
                {"VK_DRIVER_FILES", pipe, "pipe.json: is a FIFO, a file was expected"},
                {"VK_ADD_DRIVER_FILES", pipe, "pipe.json: is a FIFO, a file was expected"},
                {"XDG_DATA_HOME", temporary_path("home"), "icd.d/a.json: is a FIFO, a file was"},
                {"VK_DRIVER_FILES", temporary_path("loader.json"),
                 "libvulkan.so.1 is the Vulkan loader, not a driver"},
                {"VK_DRIVER_FILES", temporary_path("strange.json"),
                 "its library libm.so.6 is no Vulkan driver"},
                {"VK_DRIVER_FILES", empty, "empty: no manifest (*.json) lies there"},
                {"VK_DRIVER_FILES", plain, "plain: the loader takes names in .json alone"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsetenv("VK_DRIVER_FILES");
        unsetenv("VK_ICD_FILENAMES");
        unsetenv("VK_ADD_DRIVER_FILES");
        setenv(rows[i].variable, rows[i].path, 1);
        program_result r = RUN("devices", "--device", "such a GPU");
        cr_expect_eq(r.exit_code, 2, "%s", r.err);
        unsetenv("XDG_DATA_HOME");
        cr_expect((strstr(r.err, rows[i].variable) || strstr(r.err, "icd.d")) &&
                      strstr(r.err, rows[i].says),
                  "%s, %s: %s", rows[i].variable, rows[i].says, r.err);
    }
}
#endif
