#include "cli/report_command.h"

#include "base/shown.h"

#include <string.h>

err report_command(strbuf *out, const options *o) {
    err e = strbuf_add(out, "harness report");
    if (!e && o->results && strcmp(o->results, "results") != 0)
        e = shown_printf(out, SHOWN_SHELL, " --results %s", o->results);
    // without it a board has no row of such a task
    if (!e && o->task_dir) e = shown_printf(out, SHOWN_SHELL, " --task-dir %s", o->task_dir);
    return e;
}
