/* Standard output: JSON, and what became of it. Text for people goes by shown_out
 * (base/shown.h). */
#ifndef HARNESS_CLI_OUTPUT_H
#define HARNESS_CLI_OUTPUT_H

#include "base/json.h"

/* What the program exits with when the reader of its output left early (`| head`): nothing is said,
 * and a shell sees what it sees of programs that SIGPIPE kills, 128 + 13. */
enum { OUTPUT_NO_READER = 141 };

/* Prints value and a line end. Errors: ERR_MEMORY. */
err output_json(const cJSON *value, bool pretty) MUST_CHECK;
/* The end of a function that makes what it prints: the same unless e, and value is freed. */
err output_json_last(err e, cJSON *value, bool pretty) MUST_CHECK;

/* Writes a label and what is told of it, as shown_wrapped does. */
typedef void output_line(const char *label, const char *text);
/* A line of a text by a format, harmless for a terminal. */
void output_said(output_line *line, const char *label, const char *format, ...) PRINTF_LIKE(3, 4);
/* shown_wrapped of text as it came. */
void output_labelled(const char *label, const char *text);

/* Writes out what is held back. Errors: ERR_IO when anything could not be written. */
err output_check(void) MUST_CHECK;

/* e of one of several that are listed, but ERR_OK, a warning and one more in *wrong where it is the
 * one's own: the others are listed all the same. ERR_MEMORY stays. */
err output_left_out(err e, size_t *wrong) MUST_CHECK;

/* A device, a FIFO or a folder is no place for an output. Errors: ERR_IO saying which it is. */
err output_is_file(const char *path) MUST_CHECK;
/* Whether an output may be written: it is not `read`, a file that the command itself reads, nor lies
 * in `read`, the folder of a model. Errors: ERR_USAGE. */
err output_apart(const char *path, const char *read) MUST_CHECK;
/* Whether an output may be written: it replaces nothing that a run left in its folder, no record, nor
 * a file of a model or a checkpoint that this program made. Rows of somebody's
 * own may lie there, as .csv, .tsv or .jsonl. Errors: ERR_USAGE; those of marker_is_run_file. */
err output_spares_run(const char *path) MUST_CHECK;
/* Both of an output that --overwrite allows to replace what is there. Errors: also ERR_DATA when
 * something is, and nothing allows it. */
err output_replaces(const char *path, bool overwrites) MUST_CHECK;

/* Whether standard output may be written while `fd` (`name` in messages) is read: it is not the same
 * file, which would never end. Errors: ERR_USAGE. */
err output_apart_of_input(int fd, const char *name) MUST_CHECK;
/* The same of a file that is yet to be opened. */
err output_apart_of_file(const char *path) MUST_CHECK;

/* output_check failed, and because nobody reads the pipe any more. */
bool output_reader_left(void);

#endif
