/* The tokens that stand around the two entities of a text whose relation is asked, as KLUE's
 * baseline has them: <subj>subject</subj>, <obj>object</obj>. A tokenizer has them as added special
 * tokens (tokenizer_add_special). */
#ifndef HARNESS_TEXT_MARKERS_H
#define HARNESS_TEXT_MARKERS_H

enum { MARKER_SUBJECT, MARKER_SUBJECT_END, MARKER_OBJECT, MARKER_OBJECT_END, MARKER_COUNT };

static const char *const text_markers[MARKER_COUNT] = {"<subj>", "</subj>", "<obj>", "</obj>"};

#endif
