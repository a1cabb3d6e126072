/* Rows of an output that is gone on with: what labelling added to them. */
#ifndef HARNESS_CLI_PREDICT_KEPT_H
#define HARNESS_CLI_PREDICT_KEPT_H

#include "cli/predict_row.h"

/* Whether `rest`, what stands between the kept bytes of a row and its line's end, is an answer that
 * this model can give of the row: its labels, scores in their range, and of a model that answers units
 * the units of `text`.
 *   counts    as of predictor_count; where it fits the row's are added
 *   text      (one of) what the model reads of the row
 *   is_first  nothing stands before it in the row's object
 * Errors: ERR_MEMORY. */
err row_answer_fits(bool *fits, label_counts *counts, const row_form *f, const predictor *p,
                    text_span text, text_span rest, bool is_first) MUST_CHECK;

/* Adds the label of such a `rest` where it is none of the model's. Errors: ERR_MEMORY. */
err row_label_unknown(strbuf *label, const row_form *f, const predictor *p, text_span rest,
                      bool is_first) MUST_CHECK;

#endif
