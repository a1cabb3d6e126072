/* The tokens that stand around the two entities of a text whose relation is asked, as KLUE's
 * baseline has them: <subj>subject</subj>, <obj>object</obj>. A tokenizer has them as added special
 * tokens (tokenizer_add_special).
 *
 * A particle behind an entity is a word of its own then. KLUE's baseline makes its first piece one
 * that continues a word: ## and the piece, [UNK] where the vocabulary has no such one. A tokenizer
 * whose joins_after_markers is set does so too; transformers knows nothing of it. */
#ifndef HARNESS_TEXT_MARKERS_H
#define HARNESS_TEXT_MARKERS_H

#include "text/text_span.h"

#include <stdbool.h>

enum { MARKER_SUBJECT, MARKER_SUBJECT_END, MARKER_OBJECT, MARKER_OBJECT_END, MARKER_COUNT };

static const char *const text_markers[MARKER_COUNT] = {"<subj>", "</subj>", "<obj>", "</obj>"};

/* What stands between the first MARKER_COUNT markers of a text, in order, empty parts too; their
 * number. The parts lie in the text. */
size_t markers_cut(text_span parts[MARKER_COUNT + 1], text_span text);

/* Whether a text has both entities, each from its marker to the one that ends it. pre: a 0 byte
 * follows the text. */
bool markers_mark_both(const char *text);

/* The key of tokenizer_config.json. */
#define MARKERS_JOIN "joins_after_markers"

#endif
