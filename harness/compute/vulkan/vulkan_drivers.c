/* Which drivers the loader goes by, and what is wrong with them. */
#include "base/json.h"
#include "base/memory.h"
#include "compute/vulkan/vulkan_internal.h"
#include "platform/file.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* They name manifests; the first two in place of all others. */
static const char *const variables[] = {"VK_DRIVER_FILES", "VK_ICD_FILENAMES",
                                        "VK_ADD_DRIVER_FILES"};

void vulkan__drivers(char *out, size_t size) {
    static const char *const folders[] = {"/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d",
                                          "/usr/share/vulkan/icd.d"};
    size_t used = 0;
    for (size_t i = 0; i < 3; i++) {
        const char *value = getenv(variables[i]);
        if (!value || !*value || used >= size) continue;
        used += (size_t)snprintf(out + used, size - used, "%s%s=%s", used ? ", " : "", variables[i],
                                 value);
        if (i < 2) return; // these stand for all others
    }
    for (size_t i = 0; i < 3 && used < size; i++) {
        DIR *folder = opendir(folders[i]);
        const char *before = "";
        for (struct dirent *f; folder && used < size && (f = readdir(folder));) {
            if (f->d_name[0] == '.') continue;
            if (!*before)
                used += (size_t)snprintf(out + used, size - used, "%s%s:", used ? ", " : "",
                                         folders[i]);
            if (used < size)
                used += (size_t)snprintf(out + used, size - used, "%s %s", before, f->d_name);
            before = ",";
        }
        if (folder) closedir(folder);
    }
    if (!used) snprintf(out, size, "none");
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
    void *opened = e ? NULL : dlopen(library, RTLD_LAZY | RTLD_LOCAL);
    if (!e && !opened) {
        const char *why = dlerror();
        e = err_set(ERR_DEVICE, "%s: %s", path, why ? why : "cannot be loaded");
    }
    if (opened) dlclose(opened);
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
