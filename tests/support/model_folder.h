/* A small model folder made in the test process: random weights, a vocabulary of single
 * syllables. */
#ifndef TESTS_SUPPORT_MODEL_FOLDER_H
#define TESTS_SUPPORT_MODEL_FOLDER_H

#include "model/config.h"

/* Writes config.json, model.safetensors and the tokenizer's files: 1 layer of 8 hidden units, 32
 * positions, `classes` labels by these names (NULL: none in config.json's own words). vocab may
 * name a vocab.txt to take instead of the built-in one. */
void model_folder_make(const char *folder, const char *const *labels, uint32_t classes,
                       const char *vocab);

/* The same of another family: a projection where the family has one, 3 layers where they share
 * their weights. */
void model_folder_make_family(const char *folder, const char *const *labels, uint32_t classes,
                              const char *vocab, const encoder_family *family);

/* The files of a model folder, in a folder that is made with those above it. */
void model_folder_copy(const char *to, const char *from);

/* Replaces the first `from` in <folder>/<name> by `to`. */
void model_folder_edit(const char *folder, const char *name, const char *from, const char *to);

#endif
