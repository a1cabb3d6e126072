/* A corpus: files of text, one sentence a line, that a model is pretrained on.
 *
 * It is a manifest, corpora/<name>.json (corpora/README.md is its schema), or files that the user
 * names. Files are UTF-8, plain or packed by gzip, xz or zstd, told by their first bytes; they are
 * streamed: a block and a line of them are in memory. Line ends and blanks around a line do not
 * belong to it; lines without anything else are passed over.
 *
 * Preparing leaves out lines that hold a test text of any task (exclusion.h), sets some apart to
 * measure by (held out), encodes the rest, and writes train.tokens and heldout.tokens. */
#ifndef HARNESS_DATA_CORPUS_CORPUS_H
#define HARNESS_DATA_CORPUS_CORPUS_H

#include "base/err.h"
#include "base/hash.h"
#include "base/json.h"
#include "data/corpus/exclusion.h"
#include "task/task.h"
#include "text/text_span.h"
#include "text/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct corpus_options {
    const char *data_dir; /* holds <corpus>/<file>, as for tasks; NULL: $HARNESS_DATA, the cache */
    const char *task_dir; /* further tasks, whose test texts are left out, and in its folder corpora
                             further corpora; may be NULL */
    bool offline;         /* a file that lacks is not fetched */
    bool check;           /* files that are there are compared with the manifest now */
} corpus_options;

typedef struct corpus {
    task manifest;    /* what manifests of tasks and corpora share; no path for files of the user */
    const char *name; /* of the manifest, or after the files: "texts", "texts-and-2-more" */
    char *own_name;   /* the latter, owned */
    char **paths;     /* (path_count) owned, in the order they are read */
    size_t path_count;
    /* of the files' SHA-256, in hexadecimal, a line each; "" until corpus_each or corpus_hash */
    char sha256[HASH_HEX_BYTES];
} corpus;

/* words (count): the name of one manifest, or files; a word with a '/' or '.' is a file. Fetches
 * what lacks of a manifest's files. One that lies there packed, with .xz, .gz or .zst behind its
 * name, is read so, and what the manifest states is then of what comes out. Free with corpus_close, also after an error.
 * Errors: ERR_USAGE for an unknown name, with the nearest; ERR_DATA for files that lack; those of
 * corpus_load and fetch_file. */
err corpus_open(corpus *c, const char *const *words, size_t count,
                const corpus_options *options) MUST_CHECK;
void corpus_close(corpus *c);

/* What is done with a line: without its end and the blanks around it, never empty, valid UTF-8. */
typedef err (*corpus_line)(void *context, text_span line);

/* Gives each line, in order, to take; an error of take ends it. Ctrl-C ends it too. Where take is NULL,
 * files are hashed alone.
 * Errors: ERR_FORMAT naming file and line for what is no UTF-8, has a NUL byte or is longer than 1
 * MiB, or naming what a file is that is no text; ERR_DATA for an empty file, or one that differs
 * from its manifest in size or SHA-256 (which goes before what is wrong inside); ERR_INTERRUPTED.
 */
err corpus_each(corpus *c, corpus_line take, void *context) MUST_CHECK;

/* lines: with text. kept: of them, those without a test text. heldout, too_long (cut or split),
 * without_pieces (the tokenizer leaves nothing of them): of the kept lines. unknown_words: words
 * that became [UNK]. The rest: what was written. */
#define CORPUS_COUNTS(X)                                                                           \
    X(lines)                                                                                       \
    X(kept)                                                                                        \
    X(heldout)                                                                                     \
    X(too_long)                                                                                    \
    X(without_pieces)                                                                              \
    X(unknown_words)                                                                               \
    X(train_sentences)                                                                             \
    X(train_tokens)                                                                                \
    X(heldout_sentences)                                                                           \
    X(heldout_tokens)

typedef struct corpus_counts {
#define X(name) uint64_t name;
    CORPUS_COUNTS(X)
#undef X
    uint64_t excluded[EXCLUSION_RULES]; /* lines left out, by rule */
} corpus_counts;

/* corpus_each of the lines that hold no test text of x; counts lines, kept and excluded. */
err corpus_each_kept(corpus *c, const exclusion *x, corpus_counts *counts, corpus_line take,
                     void *context) MUST_CHECK;

/* Sets c->sha256 without looking at the lines. Errors: ERR_IO. */
err corpus_hash(corpus *c) MUST_CHECK;

/* Adds corpus (its name), corpus_sha256, licence and source (of a manifest) and files to o. */
err corpus_sources_json(cJSON *o, const corpus *c) MUST_CHECK;

/* Whether the line's SHA-256 of "heldout:" + text, its first 8 bytes as a big-endian number, is a
 * multiple of one_in. */
bool corpus_is_heldout(text_span line, uint32_t one_in);

typedef struct corpus_rules {
    uint32_t max_length;     /* tokens of a sentence, [CLS] and [SEP] included; at least 3 */
    bool split_long;         /* what is longer goes on as a further sentence; else it is cut */
    uint32_t heldout_one_in; /* corpus_is_heldout; 0: 200, 20 or 3, the first that leaves a line */
} corpus_rules;

typedef struct corpus_prepared {
    char *folder, *train, *heldout; /* paths, owned */
    char digest[HASH_HEX_BYTES];    /* of corpus, tasks, vocabulary and rules */
    corpus_counts counts;
    cJSON *json; /* what prepared.json says, of the corpus as it is now; owned */
    bool reused; /* nothing was written */
} corpus_prepared;

/* Prepares the corpus in folder, or where it is NULL in a folder of the cache named by its digest;
 * what stands there complete and unchanged from the same corpus, tasks, vocabulary and rules is
 * used again. Free with corpus_prepared_free, also after an error. Errors: those of corpus_each,
 * exclusion_make and token_store_writer; ERR_DATA when no line is left for either part. */
err corpus_prepare(corpus_prepared *p, corpus *c, const tokenizer *t, const corpus_rules *rules,
                   const char *folder, const corpus_options *options) MUST_CHECK;
void corpus_prepared_free(corpus_prepared *p);

#endif
