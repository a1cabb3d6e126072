/* unfinished.json or run.json in the output folder of a run that wants to begin or to go on. First
 * byte: 'f' for run.json, 'r' for unfinished.json under --resume, else without. */
#include "base/memory.h"
#include "fuzz.h"
#include "platform/file.h"
#include "train/run/run_internal.h"

#include <stdio.h>
#include <unistd.h>

FUZZ_TARGET(unfinished) {
    if (!size) return;
    static cJSON *identity;
    static const char *const names[] = {"out/" RUN_UNFINISHED, "out/" RUN_FINISHED};
    bool finished = data[0] == 'f', ours = false;
    char output[300];
    if (!identity) {
        fuzz_setup();
        identity = cJSON_Parse("{\"task\":\"nsmc\",\"seed\":\"42\",\"model\":\"tiny\"}");
    }
    fuzz_begin();
    snprintf(output, sizeof output, "%s", fuzz_path("out"));
    run r = {.output = output, .identity = identity, .request.resume = data[0] == 'r'};
    if (!fuzz_needs(folder_make(output))) goto done;
    unlink(fuzz_path(names[!finished]));
    const char *path = fuzz_file(names[finished], data + 1, size - 1);
    if (!fuzz_needs(marker_is_run_file(&ours, path))) goto done;
    if (fuzz_accepts(run_compare(&r))) {
        // no model lies there, so nothing is finished; what is unfinished goes on when it is asked
        FUZZ_CHECK(!r.is_finished && (finished || r.request.resume));
        FUZZ_CHECK(ours);
    }
done:
    fuzz_end();
}
