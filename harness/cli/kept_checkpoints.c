#include "cli/kept_checkpoints.h"

#include "base/log.h"
#include "base/shown.h"

void kept_checkpoints_say(const run *r) {
    size_t count = 0;
    uint64_t bytes = 0;
    if (run_checkpoints(r, &count, &bytes)) {
        err_clear(); // a note is no reason to fail
        return;
    }
    if (count)
        log_note("%s keeps %zu checkpoint%s, %s, that the finished run no longer needs "
                 "(`harness runs clean` lists and deletes such; --save-total-limit N keeps the "
                 "newest N)",
                 r->output, count, shown_plural(count), SHOWN_SIZE(bytes));
}
