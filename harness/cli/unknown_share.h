/* A vocabulary that the texts do not fit: most of their tokens are [UNK], and a model learns nothing
 * of them, without an error anywhere. */
#ifndef HARNESS_CLI_UNKNOWN_SHARE_H
#define HARNESS_CLI_UNKNOWN_SHARE_H

#include "data/corpus/token_store.h"
#include "text/tokenizer.h"

/* Warns where more than half of the pieces (tokens but [CLS] and [SEP]) are [UNK]. */
void unknown_share_warn(const tokenizer *t, uint64_t unknown, uint64_t pieces);

/* The same of a corpus, whose first sentences say it. Errors: ERR_MEMORY. */
err unknown_share_warn_store(const tokenizer *t, const token_store *s) MUST_CHECK;

#endif
