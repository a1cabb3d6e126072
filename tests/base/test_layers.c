#define _XOPEN_SOURCE 700
#include "base/memory.h"
#include "platform/file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* The floors of the house; a file includes its own folder and lower floors only. */
static const struct {
    const char *folder;
    int floor;
} floors[] = {
    {"base", 0},   {"platform", 0}, {"net", 1},    {"compute", 2}, {"text", 2},
    {"metric", 2}, {"model", 3},    {"data", 3},   {"task", 3},    {"train", 4},
    {"result", 5}, {"bench", 5},    {"report", 6}, {"cli", 7},
};

static int floor_of(const char *path) {
    for (size_t i = 0; i < sizeof floors / sizeof *floors; i++) {
        size_t n = strlen(floors[i].folder);
        if (!strncmp(path, floors[i].folder, n) && path[n] == '/') return floors[i].floor;
    }
    return -1;
}

// Folders on one floor that a folder may use: data reads manifests and packs what models ask for.
static bool may_use(const char *own, const char *used) {
    size_t n = strcspn(own, "/");
    if (!strncmp(own, used, n) && used[n] == '/') return true;
    if (floor_of(used) < floor_of(own)) return true;
    if (!strncmp(own, "data/", 5) && !strncmp(used, "task/", 5)) return true;
    if (!strncmp(own, "data/", 5) && !strncmp(used, "model/", 6)) return true;
    if (floor_of(own) == 0 && floor_of(used) == 0) return true; // base and platform
    return false;
}

// What the system alone has stands in platform, and in the plugins of MPIs, which are built apart:
// elsewhere headers are those of C17 or of a library.
static bool is_anywhere(const char *header) {
    static const char *const known[] = {"assert",
                                        "errno",
                                        "float",
                                        "inttypes",
                                        "limits",
                                        "locale",
                                        "math",
                                        "stdarg",
                                        "stdatomic",
                                        "stdbool",
                                        "stddef",
                                        "stdint",
                                        "stdio",
                                        "stdlib",
                                        "string",
                                        "time",
                                        "arm_neon",
                                        "immintrin",
                                        "xmmintrin",
                                        "omp",
                                        "cjson/cJSON",
                                        "csv",
                                        "curl/curl",
                                        "lzma",
                                        "nettle/base16",
                                        "nettle/base64",
                                        "nettle/sha1",
                                        "nettle/sha2",
                                        "oneapi/dnnl/dnnl",
                                        "popt",
                                        "utf8proc",
                                        "vulkan/vulkan_core",
                                        "zlib",
                                        "zstd",
                                        "zstd_errors"};
    size_t n = strlen(header);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (n == strlen(known[i]) + 2 && !strncmp(header, known[i], n - 2)) return true;
    return false;
}

// What C17's headers hold on POSIX systems besides.
static const char *const beyond_c[] = {
    "realpath",    "fileno",    "fdopen",        "fseeko",    "ftello",  "open_memstream",
    "fmemopen",    "popen",     "clock_gettime", "nanosleep", "stpcpy",  "gmtime_r",
    "localtime_r", "getline",   "setenv",        "unsetenv",  "mkstemp", "strcasecmp",
    "strtok_r",    "sigaction", "_exit"};

static bool calls(const char *line, const char *name) {
    size_t n = strlen(name);
    for (const char *at = line; (at = strstr(at, name)); at += n)
        if (at[n] == '(' && (at == line || strchr(" \t(!=,;&|~-+*?:", at[-1]))) return true;
    return false;
}

static void check_system(const char *own, const char *line) {
    char used[256];
    if (sscanf(line, "#include <%255[^>]>", used) == 1)
        cr_expect(is_anywhere(used), "%s includes <%s>, which is for platform/", own, used);
    for (size_t i = 0; i < sizeof beyond_c / sizeof *beyond_c; i++)
        cr_expect_not(calls(line, beyond_c[i]), "%s calls %s, which is for platform/: %s", own,
                      beyond_c[i], line);
    cr_expect_null(strstr(line, "\"/proc/"), "%s reads /proc: %s", own, line);
    cr_expect_null(strstr(line, "_SOURCE "), "%s asks for more than C17's: %s", own, line);
}

/* The fuzz targets are built without OpenMP, where tests/fuzz/single/omp.h stands for it. */
static void check_openmp(const char *own, const char *line) {
    static char *known;
    size_t count;
    if (!known)
        cr_assert_not(
            file_read((void **)&known, &count, HARNESS_SOURCE_DIR "/tests/fuzz/single/omp.h", 0));
    for (const char *at = line; (at = strstr(at, "omp_")); at++) {
        char call[64];
        snprintf(call, sizeof call, "%.*s(", (int)strcspn(at, "("), at);
        cr_expect_not_null(strstr(known, call), "%s calls %s, which fuzz/single/omp.h lacks", own,
                           call);
    }
}

static void check_file(const char *folder, const char *name, size_t *checked) {
    char own[512], path[1024];
    snprintf(own, sizeof own, "%s/%s", folder, name);
    snprintf(path, sizeof path, HARNESS_SOURCE_DIR "/harness/%s", own);
    void *bytes;
    size_t count;
    cr_assert_eq(file_read(&bytes, &count, path, 0), ERR_OK, "%s", err_message(ERR_IO));
    // devices and operations know sizes; what they stand for is the model's and the data's matter
    if (!strncmp(own, "compute/", 8))
        cr_expect_null(strstr(bytes, "label"), "%s speaks of labels", own);
    cr_expect_null(strstr(bytes, "----------------"),
                   "%s: a section is begun by a line of its own name", own);
    for (char *line = strtok(bytes, "\n"); line; line = strtok(NULL, "\n")) {
        char used[256];
        if (strcmp(folder, "platform") != 0) check_system(own, line);
        if (strcmp(folder, "compute/cpu") != 0 && strcmp(folder, "cli") != 0)
            check_openmp(own, line);
        if (sscanf(line, "#include \"%255[^\"]\"", used) != 1) continue;
        if (!strchr(used, '/')) continue; // generated, or of shaders/include
        cr_expect(floor_of(used) >= 0, "%s includes %s, which is in no floor", own, used);
        cr_expect(may_use(own, used), "%s (floor %d) includes %s (floor %d)", own, floor_of(own),
                  used, floor_of(used));
        ++*checked;
    }
    mem_free(bytes);
}

static void check_folder(const char *folder, size_t *checked) {
    char path[512];
    snprintf(path, sizeof path, HARNESS_SOURCE_DIR "/harness/%s", folder);
    folder_list list;
    cr_assert_eq(folder_list_read(&list, path), ERR_OK);
    for (size_t i = 0; i < list.count; i++) {
        const char *dot = strrchr(list.names[i], '.');
        if (dot && (!strcmp(dot, ".c") || !strcmp(dot, ".h"))) {
            check_file(folder, list.names[i], checked);
        }
    }
    folder_list_free(&list);
}

Test(layers, files_include_their_own_and_lower_floors) {
    size_t checked = 0;
    for (size_t i = 0; i < sizeof floors / sizeof *floors; i++)
        check_folder(floors[i].folder, &checked);
    static const char *const rooms[] = {"compute/reference", "compute/cpu",    "compute/vulkan",
                                        "compute/verify",    "model/weights",  "model/encoder",
                                        "model/head",        "train/run",      "train/recipe",
                                        "train/step",        "train/log",      "train/checkpoint",
                                        "train/evaluate",    "result/regress", "data/corpus"};
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) check_folder(rooms[i], &checked);
    cr_assert_gt(checked, 50);
    cr_assert_not(is_anywhere("unistd.h"));
    cr_assert(calls("    if (realpath(a, b)) {", "realpath"));
    cr_assert_not(may_use("base/err.c", "compute/plan.h"));
    cr_assert_not(may_use("train/run/run.c", "result/record.h"));
    cr_assert_not(may_use("model/model.c", "data/pack.h"));
}
