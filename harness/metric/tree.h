/* Dependency trees of a sentence: each of its n words hangs from another word, its head, or from the
 * root, which has number 0; words are numbered from 1. A tree has one word under the root, and no
 * cycle. It is projective when no two arcs cross, and head-final when every head stands behind its
 * word: then the last word hangs from the root. */
#ifndef HARNESS_METRIC_TREE_H
#define HARNESS_METRIC_TREE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* What trees keep to: a set of bits. */
enum { TREE_ANY, TREE_PROJECTIVE, TREE_HEAD_FINAL, TREE_RULES = 4 };

/* "any", "projective", "head_final", "head_final_projective". pre: rule < TREE_RULES */
const char *tree_rule_name(uint32_t rule);

/* What is wrong with heads, of the first word that it is wrong with. */
typedef enum tree_fault_kind {
    TREE_FINE,
    TREE_NO_WORD,   /* a head beyond the last word, or the word itself */
    TREE_TWO_ROOTS, /* `other` is the first word under the root */
    TREE_NO_ROOT,
    TREE_CYCLE,    /* the word is its own ancestor */
    TREE_CROSSING, /* its arc and that of `other` cross, which the rule forbids */
    TREE_FORWARD   /* its head stands before it, which the rule forbids */
} tree_fault_kind;

typedef struct tree_fault {
    tree_fault_kind kind;
    uint32_t word, other;
} tree_fault;

/* What is wrong with heads (words), of words 1 and on. Linear in the words, but for finding which
 * arcs cross where some do. Errors: ERR_MEMORY. */
err tree_check(tree_fault *fault, const uint32_t *heads, uint32_t words, uint32_t rule) MUST_CHECK;

/* The tree with the largest sum of its arcs' scores that keeps to the rule, the first found of
 * equals. With TREE_ANY it is each word's best head by itself, which need be no tree: heads only
 * ever exclude the word itself.
 *   heads   (words)
 *   scores  of word w hanging from h: scores[(w - 1) * stride + h]
 * Source: Eisner 1996, over the words, and the best of them put under the root. Errors: ERR_MEMORY.
 */
err tree_decode(uint32_t *heads, const float *scores, size_t stride, uint32_t words,
                uint32_t rule) MUST_CHECK;

#endif
