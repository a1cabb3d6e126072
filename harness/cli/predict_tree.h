/* What predict prints of a parser: CoNLL-U, or an object a sentence. */
#ifndef HARNESS_CLI_PREDICT_TREE_H
#define HARNESS_CLI_PREDICT_TREE_H

#include "train/evaluate/scorer.h"

/* Prints the trees of texts that were evaluated: nodes as evaluator_run gives them. Errors:
 * ERR_MEMORY. */
err predict_tree_print(const scorer *s, const example *examples, const encoded *rows,
                       const float *nodes, bool json) MUST_CHECK;

#endif
