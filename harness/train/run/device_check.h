/* A quick check of a device before it is trusted with a run.
 *
 * The quick subset of `harness verify` (compute/verify/verify.h) runs on a device, driver and
 * program that were not seen together before; that it passed is remembered as an empty file in the
 * folder $XDG_CACHE_HOME/harness/verified, or $HOME/.cache/harness/verified. */
#ifndef HARNESS_TRAIN_RUN_DEVICE_CHECK_H
#define HARNESS_TRAIN_RUN_DEVICE_CHECK_H

#include "compute/device.h"

/* --check-device */
typedef enum device_check {
    CHECK_AUTO, /* Vulkan devices, once */
    CHECK_ALWAYS,
    CHECK_NEVER
} device_check;

/* One of these, in the order of the enum; NULL is auto. Errors: ERR_USAGE. */
#define DEVICE_CHECK_WORDS "auto, always, never"
err device_check_parse(device_check *out, const char *text) MUST_CHECK;

/* Errors: ERR_DEVICE naming the operation that is beyond its bounds; a result that cannot be
 * remembered is a warning at most. */
err device_check_run(device *d, device_check how) MUST_CHECK;

#endif
