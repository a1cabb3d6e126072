#include "cli/output.h"

#include "base/memory.h"
#include "platform/file.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static bool has_failed;

err output_json(const cJSON *value, bool pretty) {
    char *text;
    err e = json_print(&text, value, pretty);
    if (!e) puts(text);
    mem_free(text);
    return e;
}

err output_check(void) {
    has_failed = fflush(stdout) || ferror(stdout);
    return has_failed ? err_set(ERR_IO, "cannot write standard output") : ERR_OK;
}

err output_apart(const char *path, const char *read) {
    char *folder = NULL;
    if (file_is_same(path, read))
        return err_set(ERR_USAGE, "%s is read by this command, and would be replaced", path);
    err e = path_folder(&folder, path);
    if (!e && folder_exists(read) && file_is_same(folder, read))
        e = err_set(ERR_USAGE, "%s lies among the files of the model: name another place", path);
    mem_free(folder);
    return e;
}

bool output_reader_left(void) {
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return has_failed && poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP));
}
