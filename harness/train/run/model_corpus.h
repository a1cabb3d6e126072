/* What a model was pretrained on, as the record beside it says: record.json in its folder, or in the
 * output folder of the run that holds it. Boards warn by it. */
#ifndef HARNESS_TRAIN_RUN_MODEL_CORPUS_H
#define HARNESS_TRAIN_RUN_MODEL_CORPUS_H

#include "base/json.h"

/* Most tasks whose test texts a corpus leaves out, most corpora before it, and bytes of a text. */
enum { MODEL_CORPUS_TASKS = 1024, MODEL_CORPUS_TEXT_BYTES = 4096 };

/* *out is owned (cJSON_Delete): {"name", "sha256", "licence", "source", "left_out", "before"}; licence
 * and source may be absent. before: where the pretraining went on from a model that was pretrained itself, the corpora of
 * the earlier ones, oldest first, with the same keys but the last two. left_out: the tasks whose test texts are
 * in none of all these. Of a fine-tuned model the corpus of what it began from. NULL when nothing
 * says it; a record that is no such one or damaged is passed over with a warning. Errors:
 * ERR_MEMORY. */
err model_corpus_read(cJSON **out, const char *folder) MUST_CHECK;

/* Whether o is such an object. Errors: ERR_FORMAT naming where and what. */
err model_corpus_check(const cJSON *o, const char *where) MUST_CHECK;

/* Whether all its corpora leave out the task's test texts. pre: model_corpus_check. */
bool model_corpus_leaves_out(const cJSON *o, const char *task);

/* Whether the task and one of the corpora come from one place: the first words of their sources, an
 * address, are equal. */
bool model_corpus_same_source(const cJSON *o, const char *task_source);

/* Adds the names, in the order they were read: "nsmc_raw + texts". pre: model_corpus_check. */
err model_corpus_names(strbuf *out, const cJSON *o) MUST_CHECK;

#endif
