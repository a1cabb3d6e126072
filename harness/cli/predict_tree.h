/* What predict prints of a parser: CoNLL-U, or an object a sentence. */
#ifndef HARNESS_CLI_PREDICT_TREE_H
#define HARNESS_CLI_PREDICT_TREE_H

#include "train/evaluate/scorer.h"

/* Prints the trees of texts that were evaluated: nodes as evaluator_run gives them. Errors:
 * ERR_MEMORY. */
err predict_tree_print(const scorer *s, const example *examples, const encoded *rows,
                       const float *nodes, bool json) MUST_CHECK;

/* Words of the text that begin or end with punctuation, which a parser that has a relation for it was
 * taught as a word of its own; 0 of another parser. pre: the text is divided into words. */
size_t predict_tree_joined(const scorer *s, const example *x) MUST_CHECK;

#endif
