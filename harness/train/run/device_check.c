#include "train/run/device_check.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/name.h"
#include "compute/verify/verify.h"
#include "platform/file.h"
#include "platform/host.h"
#include "platform/places.h"
#include "platform/stamp.h"

#include <string.h>

err device_check_parse(device_check *out, const char *text) {
    int place = text ? name_place(DEVICE_CHECK_WORDS, text) : CHECK_AUTO;
    *out = place < 0 ? CHECK_AUTO : (device_check)place;
    return place < 0
               ? err_set(ERR_USAGE, "--check-device '%s' (known: %s)", text, DEVICE_CHECK_WORDS)
               : ERR_OK;
}

/* The folder of marks; *folder is NULL when there is no cache. */
static err marks_folder(char **folder) {
    err e = place_cache(folder, "harness/verified");
    return err_forgive(e, ERR_IO);
}

/* What the result depends on, as one name: device, driver, precision, and this very program. */
static err mark_name(char hex[HASH_HEX_BYTES], const device *d) {
    const device_info *i = &d->info;
    const file_stamp program = file_stamp_of(host_program);
    char *text = NULL;
    err e = mem_printf(&text, "%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%u %u %u\n%llu %llu", i->name,
                       i->driver, i->version, i->uuid, i->isa, i->libraries, i->kernels,
                       device_precision_name(d->options.precision), i->subgroup_size,
                       i->max_workgroup, i->threads, (unsigned long long)program.size,
                       (unsigned long long)program.modified_ns);
    if (!e) hash_bytes_hex(text, strlen(text), hex);
    mem_free(text);
    return e;
}

static err verify_quick(device *d) {
    log_note("%s with this driver and program is new here: a quick check against the reference%s",
             d->info.name, err_advice("check-device", " (--check-device never leaves it out)"));
    for (int kind = 0; kind < OP_COUNT; kind++) {
        verify_result r;
        err e = verify_op(&r, d, (op_kind)kind, VERIFY_QUICK);
        if (e) return err_wrap(e, "checking %s", d->info.name);
        if (r.failed)
            return err_set(
                ERR_DEVICE, "%s computes wrong numbers: %s: %s; `harness verify` tells more%s",
                d->info.name, op_name((op_kind)kind), r.failure,
                err_advice("check-device", " (--check-device never runs on it all the same)"));
    }
    return ERR_OK;
}

/* Leaves the mark. Without it the check is made again, that is all. */
static void remember(const char *folder, const char *path) {
    err e = folder_make(folder);
    if (!e) e = file_write_quick(path, "", 0);
    if (e) log_warn_here("the check of the device cannot be remembered: %s", err_message(e));
    err_clear();
}

err device_check_run(device *d, device_check how) {
    char *folder = NULL, *path = NULL, hex[HASH_HEX_BYTES];
    err e = ERR_OK;
    if (how == CHECK_NEVER || (how == CHECK_AUTO && d->info.kind != DEVICE_VULKAN)) return ERR_OK;
    if ((e = mark_name(hex, d)) || (e = marks_folder(&folder))) goto done;
    if (folder && (e = path_join(&path, folder, hex))) goto done;
    if (how == CHECK_AUTO && path && file_exists(path)) goto done;
    e = verify_quick(d);
    d->peak_bytes = d->allocated_bytes; // what the run takes is counted apart
    if (!e && path) remember(folder, path);
done:
    mem_free(folder);
    mem_free(path);
    return e;
}
