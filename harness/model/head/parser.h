/* What a parser's outputs are: read where trees are made of them. */
#ifndef HARNESS_MODEL_HEAD_PARSER_H
#define HARNESS_MODEL_HEAD_PARSER_H

#include "model/batch.h"

/* The outputs of a batch that is planned for R nodes are two planes (R, W): of each node the score
 * of every node of its sentence as its head, and the relation that would be best then, as a real.
 * In training there is a gradient in place of the first. */
typedef enum parser_plane { PARSER_ARCS, PARSER_RELATIONS, PARSER_PLANES } parser_plane;

/* W: most nodes of a sentence, of which each is a token, such that planes are aligned. */
static inline uint32_t head__parser_width(const batch_capacity *c) {
    enum { ALIGN = 64 };
    return (c->max_length + ALIGN - 1) / ALIGN * ALIGN;
}

#endif
