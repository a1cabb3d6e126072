/* What a run's devices are called on the terminal: those of all its ranks. */
#ifndef HARNESS_CLI_RUN_DEVICE_H
#define HARNESS_CLI_RUN_DEVICE_H

#include "result/record.h"
#include "train/run/run.h"

/* As record_device_text has it. */
const char *run_device_text(char out[RECORD_DEVICE_BYTES], const run *r);
#define RUN_DEVICE(r) run_device_text((char[RECORD_DEVICE_BYTES]){""}, r)

/* "NAME (native CPU, 2 threads)", "2 ranks: NAME (native CPU, 1 thread each)", "2 ranks: A (gpu);
 * B (cpu)". */
enum { RUN_DEVICE_LINE_BYTES = RECORD_DEVICE_BYTES + 96 };
void run_device_line(char out[RUN_DEVICE_LINE_BYTES], const run *r);

/* ", by 2 × A and not by A, whose numbers are rounded otherwise", or "" where a finished run was done by
 * r's devices. Ranks and devices are no part of what makes it this run, so that a job that comes back
 * with others finds it.
 *   ranks, name, devices  of its record */
enum { RUN_OTHERS_BYTES = 2 * RECORD_DEVICE_BYTES + 96 };
const char *run_others_text(char out[RUN_OTHERS_BYTES], const run *r, int64_t ranks,
                            const char *name, const char *devices);

/* Says that the run was found finished, and by which others.
 *   when   of its record, or NULL
 *   other  another worker ended it since this one began
 *   ranks, name, devices  of its record */
void run_finished_note(const run *r, const char *when, bool other, int64_t ranks, const char *name,
                       const char *devices);

#endif
