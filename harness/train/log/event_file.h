/* TensorBoard event files: scalars, texts, and what its hparams page shows of a run.
 *
 * A file is a sequence of TFRecords, each u64 length, u32 masked CRC-32C of the length, the bytes,
 * u32 masked CRC-32C of the bytes, all little-endian. The bytes are an Event message of protocol
 * buffers: wall_time (1, double), step (2, int64), file_version (3, string; the first event's) or
 * summary (5), which repeats value (1) of tag (1, string) and simple_value (2, float), or of tag,
 * metadata (9) naming a plugin (1: plugin_name 1, content 2) and tensor (8).
 *
 * Source: tensorflow's record_writer.cc, event.proto, summary.proto and tensor.proto; tensorboard's
 * plugin_data.proto of hparams. */
#ifndef HARNESS_TRAIN_LOG_EVENT_FILE_H
#define HARNESS_TRAIN_LOG_EVENT_FILE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct event_scalar {
    const char *tag;
    double value;
} event_scalar;

typedef struct event_file {
    void *file;  /* FILE *, open for appending */
    char *path;  /* owned */
    bool is_new; /* nothing of an earlier file was kept */
    /* of an earlier file, what followed the bytes kept was no whole event, or its start was none */
    bool is_damaged;
    size_t found_bytes, kept_bytes;   /* of an earlier file */
    uint32_t kept_step, kept_of_step; /* of the last event kept, and how many have it */
} event_file;

/* A hyperparameter: a number, a truth, or with text that. */
typedef struct event_setting {
    const char *name, *text;
    double number;
    bool is_truth;
} event_setting;

/* Opens path for adding. keep_step 0 begins a new file; else the events of steps up to keep_step
 * stay, and what follows them, or is damaged, goes; of a damaged one all where no event of a step is
 * whole. Free with event_file_close, also after an
 * error. Errors: ERR_IO naming the path; ERR_MEMORY. */
err event_file_open(event_file *f, const char *path, uint32_t keep_step) MUST_CHECK;

/* Adds one event, now, of any number of scalars; it is in the file when this returns. */
err event_file_add(event_file *f, uint32_t step, const event_scalar *scalars,
                   size_t count) MUST_CHECK;

/* Adds the run's arguments at step 0: a text, which TensorBoard shows as markdown. */
err event_file_add_text(event_file *f, const char *text) MUST_CHECK;

/* For the hparams page: the settings of the run that begins now, and that it ended well. Its scores
 * are the scalars. */
err event_file_begin_run(event_file *f, const event_setting *settings, size_t count) MUST_CHECK;
err event_file_end_run(event_file *f, uint32_t step) MUST_CHECK;

void event_file_close(event_file *f);

/* CRC-32C (Castagnoli), and as TFRecords store it. */
uint32_t crc32c(const void *bytes, size_t count);
uint32_t crc32c_masked(const void *bytes, size_t count);

#endif
