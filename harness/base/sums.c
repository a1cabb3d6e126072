#include "base/sums.h"

#include "base/hash.h"
#include "base/memory.h"
#include "platform/file.h"

#include <string.h>

enum { LIMIT_BYTES = 1 << 20, TEXT_LIMIT_BYTES = 256 << 20, DIGITS = HASH_HEX_BYTES - 1 };
static const char sums_name[] = "SHA256SUMS";

static err add_line(strbuf *text, const char *folder, const char *name) {
    char *path = NULL, hex[HASH_HEX_BYTES];
    err e = path_join(&path, folder, name);
    if (!e) e = hash_file_hex(path, hex);
    if (!e) e = strbuf_printf(text, "%s  %s\n", hex, name);
    mem_free(path);
    return e;
}

static err write_text(const char *folder, const strbuf *text) {
    char path[PATH_MAX];
    err e = path_in(path, folder, sums_name);
    return e ? e : file_write(path, text->text, text->length);
}

err sums_write(const char *folder, const char *const *names, size_t count) {
    strbuf text = {0};
    err e = ERR_OK;
    for (size_t i = 0; !e && i < count; i++) e = add_line(&text, folder, names[i]);
    if (!e) e = write_text(folder, &text);
    strbuf_free(&text);
    return e;
}

err sums_remove(const char *folder) {
    char path[PATH_MAX];
    err e = path_in(path, folder, sums_name);
    return e ? e : file_remove(path);
}

/* *text is NULL when there is no such file; else owned. */
static err read_text(char **text, char **path, const char *folder) {
    size_t count = 0;
    *text = NULL;
    err e = path_join(path, folder, sums_name);
    if (e || !file_named(*path)) return e;
    if ((e = file_read((void **)text, &count, *path, LIMIT_BYTES))) return e;
    if (count && strlen(*text) == count && (*text)[count - 1] == '\n') return ERR_OK;
    return err_set(ERR_FORMAT, "%s: lines of text are expected", *path);
}

err sums_add(const char *folder, const char *name) {
    char *path = NULL, *there = NULL;
    strbuf text = {0};
    err e = read_text(&there, &path, folder);
    if (!e && there) e = strbuf_add(&text, there);
    if (!e) e = add_line(&text, folder, name);
    if (!e) e = write_text(folder, &text);
    strbuf_free(&text);
    mem_free(there);
    mem_free(path);
    return e;
}

/* "<64 digits>  <name>" */
static bool is_line(const char *line) {
    const char *name = line + DIGITS + 2;
    return strspn(line, "0123456789abcdef") == DIGITS && !strncmp(line + DIGITS, "  ", 2) &&
           *name && *name != '.' && !strpbrk(name, "/\\");
}

/* What is not weights is read whole, and no reader takes more: it is not hashed first. */
static err check_size(const char *path, const char *name) {
    const char *ending = strrchr(name, '.');
    uint64_t bytes = 0;
    if (ending && (!strcmp(ending, ".safetensors") || !strcmp(ending, ".bin"))) return ERR_OK;
    err e = file_size(&bytes, path);
    if (e || bytes <= TEXT_LIMIT_BYTES) return e;
    return err_set(ERR_DATA, "%s: %llu bytes: the file is damaged, at most %d are expected", path,
                   (unsigned long long)bytes, TEXT_LIMIT_BYTES);
}

static err check_line(const char *folder, const char *line) {
    const char *name = line + DIGITS + 2;
    char *path = NULL, hex[HASH_HEX_BYTES];
    err e = path_join(&path, folder, name);
    if (!e && !file_exists(path))
        e = err_set(ERR_DATA, "%s: missing, and %s lists it", path, sums_name);
    if (!e) e = check_size(path, name);
    if (!e) e = hash_file_hex(path, hex);
    if (!e && strncmp(line, hex, DIGITS) != 0)
        e = err_set(
            ERR_DATA,
            "%s: SHA-256 is %s, %.*s was written: the file is damaged (if it was changed on "
            "purpose, remove %s beside it)",
            path, hex, DIGITS, line, sums_name);
    mem_free(path);
    return e;
}

err sums_check(const char *folder, const char *name) {
    char *text = NULL, *path = NULL;
    bool found = !name;
    err e = read_text(&text, &path, folder);
    size_t number = 1;
    for (char *line = text, *end; !e && line && *line; line = end + 1, number++) {
        end = strchr(line, '\n');
        *end = '\0';
        if (!is_line(line))
            e = err_set(ERR_FORMAT, "%s:%zu: '<SHA-256>  <file name>' is expected", path, number);
        else if (!name || strcmp(line + DIGITS + 2, name) == 0)
            found = true, e = check_line(folder, line);
    }
    if (!e && text && !found) e = err_set(ERR_DATA, "%s: does not list %s", path, name);
    mem_free(text);
    mem_free(path);
    return e;
}
