#define _XOPEN_SOURCE 700
#include "support/locale.h"

#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

const char *locale_made(const char *source, const char *charmap) {
    const char *folder = temporary_path("locales");
    char name[64], out[512];
    snprintf(name, sizeof name, "%s.%s", source, charmap);
    snprintf(out, sizeof out, "%s/%s", folder, name);
    MUST(folder_make(folder));
    pid_t pid = fork();
    if (pid == 0) {
        execlp("localedef", "localedef", "-i", source, "-f", charmap, out, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    setenv("LOCPATH", folder, 1);
    bool works = folder_exists(out) && setlocale(LC_ALL, name);
    setlocale(LC_ALL, "C");
    unsetenv("LOCPATH");
    if (!works) cr_skip_test("localedef cannot make %s here (Debian's package locales)", name);
    return folder;
}
