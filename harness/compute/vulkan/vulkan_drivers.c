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

/* Of the folders of manifests, those that are there. */
static void for_folders(void (*visit)(void *of, const char *folder), void *of) {
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        const char *at = roots[i].variable ? environment(roots[i].variable) : NULL;
        if (!at) at = roots[i].otherwise;
        for (size_t n; *at; at += n + (at[n] == ':')) {
            char path[1024];
            size_t bytes = n = strcspn(at, ":");
            while (bytes && at[bytes - 1] == '/') bytes--;
            const char *home = *at == '~' ? environment("HOME") : NULL;
            if (!bytes || (*at == '~' && !home)) continue;
            snprintf(path, sizeof path, "%s%.*s/vulkan/icd.d", home ? home : "",
                     (int)bytes - (home ? 1 : 0), at + (home ? 1 : 0));
            if (folder_exists(path)) visit(of, path);
        }
    }
}

/* Whether a variable names manifests in place of those folders'. */
static bool are_named(void) {
    return environment(variables[0]) || environment(variables[1]);
}

static void add_folder(void *of, const char *path) {
    room *r = of;
    folder_list list = {0};
    const char *before = "";
    if (folder_list_read(&list, path)) err_clear(); // as one without any
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
    for (size_t i = 0; i < 2; i++) add_variable(&r, filters[i]);
    for (size_t i = 0; i < 3; i++) {
        add_variable(&r, variables[i]);
        if (i < 2 && environment(variables[i])) break;
    }
    if (!are_named()) for_folders(add_folder, &r);
    // set amiss it hides the system's own
    if (!r.used && !are_named()) add_variable(&r, "XDG_DATA_DIRS");
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

/* By one of these the loader asks a library for its functions. */
static bool is_driver(void *library) {
    static const char *const entries[] = {"vk_icdGetInstanceProcAddr", "vkGetInstanceProcAddr",
                                          "vk_icdNegotiateLoaderICDInterfaceVersion"};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        if (library_find(library, entries[i])) return true;
    return false;
}

static err check_library(const char *path, const char *library) {
    void *opened = library_open(library, true);
    if (!opened) return err_set(ERR_DEVICE, "%s: %s", path, library_fault());
    err e = is_driver(opened)
                ? ERR_OK
                : err_set(ERR_DEVICE, "%s: its library %s is no Vulkan driver", path, library);
    library_close(opened);
    return e;
}

static bool is_manifest(const char *name) {
    size_t n = strlen(name);
    return n > 5 && !strcmp(name + n - 5, ".json");
}

/* ERR_OK, or what is wrong with the manifest or its library. */
static err check_manifest(const char *path, driver_faults which) {
    char *library = NULL;
    bool waits = path_is_there(path) && !file_exists(path); // a FIFO
    if (which == FAULTS_ENDLESS && !waits && !file_exists(path)) return ERR_OK;
    err e = manifest_library(&library, path);
    bool is_loader = !e && vulkan__is_loader(library);
    if (is_loader)
        e = err_set(ERR_DEVICE, "%s: its library %s is the Vulkan loader, not a driver", path,
                    library);
    else if (which == FAULTS_ENDLESS && !waits)
        e = err_unless_memory(e);
    else if (!e && !is_manifest(path))
        e = err_set(ERR_DEVICE, "%s: the loader takes names in .json alone", path);
    else if (!e)
        e = check_library(path, library);
    mem_free(library);
    return e;
}

/* A manifest, or a folder of some. */
static err check_place(bool *is_empty, const char *path, driver_faults which) {
    folder_list list = {0};
    bool any = false;
    *is_empty = false;
    if (!folder_exists(path)) return check_manifest(path, which);
    err e = folder_list_read(&list, path);
    for (size_t i = 0; i < list.count && !e; i++) {
        char *joined = NULL;
        if (!is_manifest(list.names[i])) continue;
        any = true;
        e = path_join(&joined, path, list.names[i]);
        if (!e) e = check_manifest(joined, which);
        mem_free(joined);
    }
    folder_list_free(&list);
    *is_empty = !e && !any;
    return e;
}

void vulkan__drivers_settle(void) {
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        environment_drop_empty(variables[i]);
}

/* The first fault that was found. */
typedef struct search {
    driver_faults which;
    char text[600];
} search;

static void look(search *s, const char *variable, const char *path) {
    bool is_empty = false;
    err e = *s->text ? ERR_OK : check_place(&is_empty, path, s->which);
    if (is_empty && *variable && s->which != FAULTS_ENDLESS)
        e = err_set(ERR_DEVICE, "%s: no manifest (*.json) lies there", path);
    if (!e) return;
    snprintf(s->text, sizeof s->text, "%s%s%s", variable, *variable ? ": " : "", err_message(e));
    err_clear();
}

static void look_into(void *of, const char *folder) {
    look(of, "", folder);
}

const char *vulkan__driver_fault(driver_faults which) {
    static search s;
    s = (search){.which = which};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *at = environment(variables[i]);
        for (size_t n; at && *at; at += n + (at[n] == ':')) {
            char *path = NULL;
            n = strcspn(at, ":");
            if (mem_strndup(&path, at, n)) err_clear();
            if (path && n) look(&s, variables[i], path);
            mem_free(path);
        }
    }
    if (which != FAULTS_NAMED && !are_named()) for_folders(look_into, &s);
    return s.text;
}

const char *vulkan__no_driver(const char *fault) {
    static char text[1500];
    char tried[600];
    vulkan__drivers(tried, sizeof tried);
    bool any = strcmp(tried, "none") != 0;
    snprintf(
        text, sizeof text,
        "no Vulkan driver%s%s%s%s%s: install mesa-vulkan-drivers, or the GPU vendor's driver%s",
        any ? " that works (tried: " : "", any ? tried : "", *fault ? "; " : "", fault,
        any ? ")" : "", any ? "; VK_LOADER_DEBUG=error says why" : "");
    return text;
}
