/* Which drivers the loader goes by, and what is wrong with them. */
#include "base/json.h"
#include "base/memory.h"
#include "compute/vulkan/vulkan_internal.h"
#include "platform/file.h"
#include "platform/library.h"
#include "platform/places.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* They name manifests; the first two in place of all others. */
static const char *const variables[] = {"VK_DRIVER_FILES", "VK_ICD_FILENAMES",
                                        "VK_ADD_DRIVER_FILES"};

/* Where the loader looks without them, in its order: below each folder of a list. */
static const struct {
    const char *variable, *otherwise;
} roots[] = {{"XDG_CONFIG_HOME", "~/.config"},
             {"XDG_CONFIG_DIRS", "/etc/xdg"},
             {NULL, "/etc"},
             {"XDG_DATA_HOME", "~/.local/share"},
             {"XDG_DATA_DIRS", "/usr/local/share:/usr/share"}};

/* They take some of the manifests, or leave some out. */
static const char *const filters[] = {"VK_LOADER_DRIVERS_SELECT", "VK_LOADER_DRIVERS_DISABLE"};

/* What fits of a text that grows. */
typedef struct room {
    char *out;
    size_t size, used;
} room;

static PRINTF_LIKE(2, 3) void add(room *r, const char *format, ...) {
    va_list args;
    if (r->used >= r->size) return;
    va_start(args, format);
    int n = vsnprintf(r->out + r->used, r->size - r->used, format, args);
    va_end(args);
    r->used = n < 0 ? r->size : r->used + (size_t)n;
}

static void add_variable(room *r, const char *name) {
    if (environment(name)) add(r, "%s%s=%s", r->used ? ", " : "", name, environment(name));
}

static void add_folder(room *r, const char *root, size_t bytes) {
    char path[1024];
    while (bytes && root[bytes - 1] == '/') bytes--;
    const char *home = *root == '~' ? environment("HOME") : NULL;
    if (!bytes || (*root == '~' && !home)) return;
    snprintf(path, sizeof path, "%s%.*s/vulkan/icd.d", home ? home : "",
             (int)bytes - (home ? 1 : 0), root + (home ? 1 : 0));
    folder_list list = {0};
    const char *before = "";
    if (folder_exists(path) && folder_list_read(&list, path)) err_clear(); // as one without any
    for (size_t i = 0; i < list.count; i++) {
        if (list.names[i][0] == '.') continue;
        if (!*before) add(r, "%s%s:", r->used ? ", " : "", path);
        add(r, "%s %s", before, list.names[i]);
        before = ",";
    }
    folder_list_free(&list);
}

void vulkan__drivers(char *out, size_t size) {
    room r = {.out = out, .size = size};
    bool are_named = false;
    for (size_t i = 0; i < 2; i++) add_variable(&r, filters[i]);
    for (size_t i = 0; i < 3 && !are_named; i++) {
        add_variable(&r, variables[i]);
        are_named = i < 2 && environment(variables[i]);
    }
    for (size_t i = 0; i < sizeof roots / sizeof *roots && !are_named; i++) {
        const char *at = roots[i].variable ? environment(roots[i].variable) : NULL;
        if (!at) at = roots[i].otherwise;
        for (size_t n; *at; at += n + (at[n] == ':')) add_folder(&r, at, n = strcspn(at, ":"));
    }
    // set amiss it hides the system's own
    if (!r.used && !are_named) add_variable(&r, "XDG_DATA_DIRS");
    if (!r.used) add(&r, "none");
    for (char *c = out; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127) *c = '?';
}

/* The library that a manifest names, as the loader looks for it: beside the manifest where it is a
 * path; *library is owned. */
static err manifest_library(char **library, const char *path) {
    cJSON *root = NULL;
    const cJSON *icd;
    const char *name;
    char *folder = NULL;
    err e = json_read(&root, path, 1 << 16);
    if (!e) e = json_object(&icd, root, "ICD", path);
    if (!e) e = json_string(&name, icd, "library_path", path);
    if (!e && (name[0] == '/' || !strchr(name, '/')))
        e = mem_strdup(library, name);
    else if (!e && !(e = path_folder(&folder, path)))
        e = path_join(library, folder, name);
    mem_free(folder);
    cJSON_Delete(root);
    return e;
}

/* ERR_OK, or what is wrong with the manifest or its library. */
static err check_manifest(const char *path) {
    char *library = NULL;
    if (folder_exists(path)) return ERR_OK; // of manifests
    err e = manifest_library(&library, path);
    void *opened = e ? NULL : library_open(library, true);
    if (!e && !opened) e = err_set(ERR_DEVICE, "%s: %s", path, library_fault());
    if (opened) library_close(opened);
    mem_free(library);
    return e;
}

const char *vulkan__driver_fault(void) {
    static char text[600];
    text[0] = '\0';
    for (size_t i = 0; i < sizeof variables / sizeof *variables && !*text; i++) {
        const char *at = getenv(variables[i]);
        for (size_t n; at && *at && !*text; at += n + (at[n] == ':')) {
            char *path = NULL;
            n = strcspn(at, ":");
            err e = mem_strndup(&path, at, n);
            if (!e && n) e = check_manifest(path);
            if (e) snprintf(text, sizeof text, "%s: %s", variables[i], err_message(e));
            if (e) err_clear();
            mem_free(path);
        }
    }
    return text;
}

const char *vulkan__no_driver(void) {
    static char text[1500];
    char tried[600];
    const char *fault = vulkan__driver_fault();
    vulkan__drivers(tried, sizeof tried);
    bool any = strcmp(tried, "none") != 0;
    snprintf(
        text, sizeof text,
        "no Vulkan driver%s%s%s%s%s: install mesa-vulkan-drivers, or the GPU vendor's driver%s",
        any ? " that works (tried: " : "", any ? tried : "", *fault ? "; " : "", fault,
        any ? ")" : "", any ? "; VK_LOADER_DEBUG=error says why" : "");
    return text;
}
