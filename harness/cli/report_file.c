#include "cli/report_file.h"

#include "platform/file.h"

#include <string.h>

err report_file_write(const char *path, const strbuf *text) {
    void *bytes = NULL;
    size_t count = 0;
    uint64_t there = 0;
    bool same = false;
    err e = file_exists(path) ? file_size(&there, path) : ERR_OK;
    if (e) return e;
    if (there && there == text->length) {
        if ((e = file_read(&bytes, &count, path, text->length))) return e;
        same = count == text->length && !memcmp(bytes, text->text, count);
        mem_free(bytes);
    }
    return same ? ERR_OK : file_write_quick(path, text->text, text->length);
}

err report_file_is_own(const char *path, const char *mark, const char *old) {
    err e = file_check_own(path, mark);
    if (e != ERR_DATA || !old) return e;
    err_clear();
    return file_check_own(path, old);
}

err report_file_check(const char *folder, const char *name, const char *mark, const char *old) {
    char path[PATH_MAX];
    err e = path_in(path, folder, name);
    return e ? e : report_file_is_own(path, mark, old);
}
