/* The devices of a run's ranks, in a few words. */
#ifndef HARNESS_RESULT_DEVICE_TEXT_H
#define HARNESS_RESULT_DEVICE_TEXT_H

#include <stdint.h>

/* What a run's device is called where it has one line: its name, "2 × NAME" of several ranks on alike
 * ones, "A (gpu); B (cpu)" where they differ, or how many there are where that list is long.
 *   out      may go unused
 *   devices  of ranks whose devices differ, else NULL */
enum { RECORD_DEVICE_BYTES = 320 };
const char *record_device_text(char out[RECORD_DEVICE_BYTES], int64_t ranks, const char *name,
                               const char *devices);

#endif
