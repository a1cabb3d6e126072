/* Files that `harness report` writes at names of its own: another's of that name is refused. */
#ifndef HARNESS_CLI_REPORT_FILE_H
#define HARNESS_CLI_REPORT_FILE_H

#include "base/memory.h"

/* Whether what would be written over is this program's own, of today or of before (old may be
 * NULL). Errors: those of file_check_own. */
err report_file_is_own(const char *path, const char *mark, const char *old) MUST_CHECK;
err report_file_check(const char *folder, const char *name, const char *mark,
                      const char *old) MUST_CHECK;

/* Leaves a file alone that has these bytes already. */
err report_file_write(const char *path, const strbuf *text) MUST_CHECK;

#endif
