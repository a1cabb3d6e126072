/* `harness predict --input`: the rows of a file, as they stand there, with the label and its score
 * behind.
 *
 * CSV and TSV get columns, JSON lines get keys: `label`, `score` and, on request, `scores`, with
 * "predicted_" in front of all where one of them is there already. Rows keep their order and their
 * bytes, unless OUTPUT's name asks for another delimiter (.csv of a TSV input). They are read, scored
 * and written in windows, so that memory does not grow with the file; a window is written at once or not at all, and the windows are a function of the file, so that a
 * run that goes on from them gives the bytes of one that was never stopped.
 *
 * While OUTPUT grows, OUTPUT.unfinished.json says what makes it, and how many of its bytes are on the
 * disk, with their hash: a resume with another model, device or option, or of rows that were changed,
 * is refused. */
#ifndef HARNESS_CLI_PREDICT_FILE_H
#define HARNESS_CLI_PREDICT_FILE_H

#include "cli/predictor.h"

/* Errors: ERR_USAGE for flags that do not go together; ERR_DATA for an output that is there. */
err predict_file_check(const options *o) MUST_CHECK;

err predict_file(predictor *p) MUST_CHECK;

#endif
