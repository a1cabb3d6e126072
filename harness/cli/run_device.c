#include "cli/run_device.h"

#include "base/log.h"
#include "base/shown.h"

#include <stdio.h>
#include <string.h>

const char *run_device_text(char out[RECORD_DEVICE_BYTES], const run *r) {
    return record_device_text(out, group_size(r->request.group), r->device.info.name,
                              r->rank_devices);
}

void run_device_line(char out[RUN_DEVICE_LINE_BYTES], const run *r) {
    const device_info *d = &r->device.info;
    uint32_t ranks = group_size(r->request.group);
    device_precision p = r->device.options.precision;
    const char *comma = p == PRECISION_FP32 ? "" : ", precision ";
    const char *precision = *comma ? device_precision_name(p) : "";
    char before[32] = "";
    if (ranks > 1) snprintf(before, sizeof before, "%u ranks: ", ranks);
    if (r->rank_devices)
        snprintf(out, RUN_DEVICE_LINE_BYTES, "%s%s%s%s", before, RUN_DEVICE(r), comma, precision);
    else
        snprintf(out, RUN_DEVICE_LINE_BYTES, "%s%s (%s, %u thread%s%s)%s%s", before, d->name,
                 device_class_name(d->class), d->threads, shown_plural(d->threads),
                 ranks > 1 ? " each" : "", comma, precision);
}

const char *run_others_text(char out[RUN_OTHERS_BYTES], const run *r, int64_t ranks,
                            const char *name, const char *devices) {
    char theirs[RECORD_DEVICE_BYTES];
    const char *by = record_device_text(theirs, ranks, name, devices), *own = RUN_DEVICE(r);
    if (!strcmp(by, own)) return "";
    snprintf(out, RUN_OTHERS_BYTES, ", by %s and not by %s%s", by, own,
             r->request.shards ? "" : ", whose numbers are rounded otherwise");
    return out;
}

void run_finished_note(const run *r, const char *when, bool other, int64_t ranks, const char *name,
                       const char *devices) {
    char made[RUN_OTHERS_BYTES], since[32] = "";
    const char *words = run_others_text(made, r, ranks, name, devices);
    if (other) {
        log_note("%s: finished by another worker%s; here is its result", r->output, words);
        return;
    }
    if (when) snprintf(since, sizeof since, ", since %.10s", when);
    log_note("%s: this very run is finished already%s%s; here is its result (%s--overwrite does it "
             "again)",
             r->output, since, words,
             *words ? "--output-dir with another folder makes both, " : "");
}
