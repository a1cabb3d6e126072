/* What predict prints of a parser: CoNLL-U, or an object a sentence. */
#ifndef HARNESS_CLI_PREDICT_TREE_H
#define HARNESS_CLI_PREDICT_TREE_H

#include "base/json.h"
#include "train/evaluate/scorer.h"

/* Adds words, heads, labels (relations) and scores of a text's tree to an object.
 *   arcs   (words, ARC_WIDTH)
 *   nodes  of this text, as evaluator_run gives them */
err predict_tree_json(cJSON *o, const scorer *s, const example *x, const uint32_t *arcs,
                      const encoded_units *units, const float *nodes) MUST_CHECK;

/* Prints the trees of texts that were evaluated: nodes as evaluator_run gives them. Errors:
 * ERR_MEMORY. */
err predict_tree_print(const scorer *s, const example *examples, const encoded *rows,
                       const float *nodes, bool json) MUST_CHECK;

/* Words of the text that begin or end with punctuation, which a parser that has a relation for it was
 * taught as a word of its own; 0 of another parser. pre: the text is divided into words. */
size_t predict_tree_joined(const scorer *s, const example *x) MUST_CHECK;

#endif
