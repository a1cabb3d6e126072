#define _XOPEN_SOURCE 700 // realpath
#include "platform/assets.h"

#include "base/memory.h"
#include "platform/file.h"
#include "platform/file_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder of the running program; *folder is owned. */
static err program_folder(char **folder) {
    char path[4096], real[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n > 0) {
        path[n] = '\0';
        return path_folder(folder, path);
    }
    // no /proc: the path that the kernel was given, its links resolved
    const char *given = (const char *)getauxval(AT_EXECFN);
    if (!given) given = "";
    return path_folder(folder, realpath(given, real) ? real : given);
}

/* "<folder>/<relative>", where each ".." in front takes a name off the folder. */
static err place_from(char **place, const char *folder, const char *relative) {
    size_t used = strlen(folder);
    for (; !strncmp(relative, "../", 3); relative += 3)
        while (used && folder[--used] != '/') {
        }
    return mem_printf(place, "%.*s/%s", (int)used, folder, relative);
}

static err install_again(const char *path, const char *what) {
    return err_set(ERR_IO, "%s %s: install the program's package again", path, what);
}

err asset_need(const char *path) {
    if (file_exists(path)) return ERR_OK;
    const char *other = file_other_kind(path);
    if (other) return err_set(ERR_IO, "%s: is %s, a file was expected", path, other);
    // errno of the last look
    return errno == ENOENT || errno == ENOTDIR ? install_again(path, "is missing")
                                               : file__error(path, "cannot open");
}

static err check_version(const char *place) {
    char *path = NULL, *found = NULL;
    size_t count;
    err e = path_join(&path, place, "VERSION");
    if (!e) e = asset_need(path);
    if (!e) e = file_read((void **)&found, &count, path, 64);
    if (!e) {
        found[strcspn(found, "\n")] = '\0';
        if (!*found)
            e = install_again(path, "names no version");
        else if (strcmp(found, HARNESS_VERSION) != 0)
            e = err_set(ERR_DATA,
                        "%s is of harness %s, and this program is %s: install both from one "
                        "package",
                        place, found, HARNESS_VERSION);
    }
    mem_free(found);
    mem_free(path);
    return e;
}

/* Whether the folder is there; what else stands there, or keeps from it, is an error. */
static err look_for(bool *is_there, const char *path) {
    struct stat st;
    *is_there = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    if (*is_there) return ERR_OK;
    const char *other = file_exists(path) ? "a file" : file_other_kind(path);
    if (other) return err_set(ERR_IO, "%s: is %s, a folder was expected", path, other);
    // errno of the last look
    return errno == ENOENT || errno == ENOTDIR ? ERR_OK : file__error(path, "cannot open folder");
}

/* The folder of this name in a place, without the links of a build folder. */
static err find_in(char **path, const char *place, const char *name) {
    char *joined = NULL, real[4096];
    bool is_there = false;
    err e = check_version(place);
    if (!e) e = path_join(&joined, place, name);
    if (!e) e = look_for(&is_there, joined);
    if (!e && !is_there) e = install_again(joined, "is missing");
    if (!e) e = mem_strdup(path, realpath(joined, real) ? real : joined);
    mem_free(joined);
    return e;
}

err asset_folder(char **path, const char *name) {
    static const char *const relative[] = {"share/harness", HARNESS_SHARE};
    char *folder = NULL, *places[2] = {0};
    *path = NULL;
    err e = program_folder(&folder);
    for (size_t i = 0; i < 2 && !e && !*path; i++) {
        bool is_there = false;
        e = place_from(&places[i], folder, relative[i]);
        if (!e) e = look_for(&is_there, places[i]);
        if (!e && is_there) e = find_in(path, places[i], name);
    }
    if (!e && !*path)
        e = err_set(ERR_IO,
                    "the files that come with the program are missing: neither %s nor %s is there",
                    places[0], places[1]);
    mem_free(places[0]);
    mem_free(places[1]);
    mem_free(folder);
    return e;
}

bool asset_is(const char *folder, const char *name) {
    char *own = NULL;
    bool is = !asset_folder(&own, name) && file_is_same(own, folder);
    mem_free(own);
    err_clear();
    return is;
}

err asset_plugin(char **path, const char *file) {
    char *folder = NULL, *place = NULL;
    *path = NULL;
    err e = program_folder(&folder);
    if (!e) e = path_join(path, folder, file);
    if (!e && !file_exists(*path)) {
        mem_free(*path);
        *path = NULL;
        e = place_from(&place, folder, HARNESS_PLUGINS);
        if (!e) e = path_join(path, place, file);
    }
    if (*path && !file_exists(*path)) {
        mem_free(*path);
        *path = NULL;
    }
    mem_free(place);
    mem_free(folder);
    return e;
}
