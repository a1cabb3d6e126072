/* Words whose heads and relations are told: what a parser's answers add to a sum.
 *
 * A word has ARC_WIDTH numbers: its head (0 the root, or a word's number from 1), its relation, and
 * in gold whether it is nothing but punctuation (BERT's: with every ASCII symbol). C relations.
 *
 * UAS is the share of words whose head is right, LAS of those whose relation is, too; both over all
 * words, and over those that are not punctuation alone, as the CoNLL-X evaluation takes them. KLUE's
 * own figures (KLUE-baseline at 443c38b) are macro F1 scores over the classes that occur: the class
 * of its UAS is the head's number, that of its LAS the relation, where all from KLUE_RELATIONS on
 * are one, and a word with a wrong head is answered by a class of its own. */
#ifndef HARNESS_METRIC_ARCS_H
#define HARNESS_METRIC_ARCS_H

#include <stddef.h>
#include <stdint.h>

enum { ARC_HEAD, ARC_RELATION, ARC_PUNCTUATION, ARC_WIDTH };

/* The head of word w, from 0, of so many that hang each from the next one, the last from the root. */
static inline size_t arc_next(size_t w, size_t count) {
    return w + 1 < count ? w + 2 : 0;
}

enum {
    ARC_PLACES = 513,    /* heads that KLUE's figure tells apart: beyond the last they are one */
    KLUE_RELATIONS = 15, /* relations by themselves */
    KLUE_CLASSES = KLUE_RELATIONS + 2
};

/* Places of the counts behind gold, predicted and hit (C each) of relations, hit being of words with
 * the right head and relation. */
typedef enum arc_count {
    ARC_WORDS,
    ARC_HEADS, /* of these, with the right head */
    ARC_PLAIN_WORDS /* not punctuation alone, as the next two */,
    ARC_PLAIN_HEADS,
    ARC_PLAIN_BOTH, /* head and relation */
    ARC_COUNTS
} arc_count;

/* One behind the other, from the first: gold, predicted, hit (C); ARC_COUNTS; gold words (C) whose
 * head is the next word, or the root for the last, and those of them that are not punctuation;
 * gold, predicted, hit by head's number (ARC_PLACES) and by KLUE's relation (KLUE_CLASSES). */
static inline size_t arc_counts(size_t relations) {
    return 5 * relations + ARC_COUNTS + 3 * ARC_PLACES + 3 * KLUE_CLASSES;
}
static inline size_t arc_near(size_t relations) {
    return 3 * relations + ARC_COUNTS;
}
static inline size_t arc_places(size_t relations) {
    return arc_near(relations) + 2 * relations;
}
static inline size_t arc_klue(size_t relations) {
    return arc_places(relations) + 3 * ARC_PLACES;
}

/* Adds a row's words (count, ARC_WIDTH). pre: relations are below C. */
void arcs_count(uint64_t *counts, const uint32_t *gold, const uint32_t *predicted, size_t count,
                size_t relations);

/* The macro F1 over the classes that occur, of gold, predicted and hit (classes). */
double arcs_macro_f1(const uint64_t *counts, size_t classes);

/* The sum of a parser that hangs every word from the next with one relation, as far as `counts` tell
 * of it: all but KLUE's figures. out is zeroed. */
void arcs_of_neighbours(uint64_t *out, const uint64_t *counts, size_t relation, size_t relations);

#endif
