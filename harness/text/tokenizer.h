/* BERT's tokenizer: basic splitting and WordPiece, id for id what Hugging Face's BertTokenizerFast
 * gives.
 *
 * A *piece* is an entry of the vocabulary; pieces that continue a word start with "##". Encoding
 * is: special tokens written in the text are matched first; the rest is cleaned, CJK ideographs are
 * set apart, accents and case are dropped when the options say so; words are split at white space
 * and punctuation; each word becomes its longest pieces from the left, or [UNK] when that fails.
 *
 * A tokenizer is read-only once loaded: threads may share it, each with an encoding of its own. */
#ifndef HARNESS_TEXT_TOKENIZER_H
#define HARNESS_TEXT_TOKENIZER_H

#include "base/err.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum tokenizer_switch { SWITCH_UNSET, SWITCH_FALSE, SWITCH_TRUE } tokenizer_switch;

/* A token that is looked for in the raw text before anything else (in the cleaned text when
 * `normalized`). `single_word`: only where no word character stands beside it; `lstrip`, `rstrip`:
 * it swallows the white space on that side. */
typedef struct added_token {
    char *text; /* owned */
    uint32_t id;
    bool special, normalized, single_word, lstrip, rstrip;
} added_token;

typedef struct tokenizer {
    char **tokens; /* (count), owned; token i has id i (tokenizer_text); "" where an id is unused */
    size_t count, capacity;
    size_t piece_count; /* of them the vocabulary proper; those behind it were added to it */
    bool has_holes;     /* ids of the vocabulary are unused */
    uint32_t next_id;   /* of the next token that is added, as `tokenizers` counts */
    added_token *added; /* (added_count), owned; the special tokens among them */
    size_t added_count, added_capacity;

    bool lowercase;
    bool clean_text;                 /* true unless the files say otherwise */
    bool tokenize_chinese_chars;     /* true unless the files say otherwise */
    tokenizer_switch strip_accents;  /* unset: as lowercase */
    size_t max_input_chars_per_word; /* 100: longer words are [UNK] */
    bool gives_no_types; /* the model has one token type or none: transformers is told to give it
                            no type ids, which it would not take for a second text */
    size_t model_max_length;  /* tokens the model can take; 0 when the files do not say */
    bool joins_after_markers; /* a piece of Hangul right behind </subj> or </obj> goes on with the
                                 word (markers.h) */
    bool truncate_left;       /* too long a text loses its beginning */
    bool cleans_spaces;       /* clean_up_tokenization_spaces: of decoded text */

    uint32_t pad_id, unk_id, cls_id, sep_id;
    uint32_t mask_id; /* TOKENIZER_NO_ID when there is none */

    struct tokenizer_index *index; /* owned: lookup structures, made from the fields above */
} tokenizer;

#define TOKENIZER_NO_ID UINT32_MAX
#define TOKENIZER_NO_PLACE UINT32_MAX

/* Loads a Hugging Face folder as AutoTokenizer of transformers does, or one vocab.txt or
 * tokenizer.json by itself. Of a folder these are read: tokenizer.json, else vocab.txt;
 * tokenizer_config.json; where that has no added_tokens_decoder, special_tokens_map.json and
 * added_tokens.json too; config.json for the class, where tokenizer_config.json names none.
 *
 * Classes: BertTokenizer and its kin take the vocabulary and the added tokens from tokenizer.json,
 * all options from tokenizer_config.json; PreTrainedTokenizerFast takes all from tokenizer.json.
 * Case: do_lower_case decides; where BertTokenizer is not told, the text is lower-cased and its
 * accents are stripped, which takes Hangul apart, with a warning. `cased` says do_lower_case false
 * for files that do not say it; it is refused for files that say otherwise.
 *
 * vocab.txt has one token a line, LF, CRLF or CR, the final one may be absent; white space at a
 * line's end does not belong to the token; of a token that occurs twice the later id counts. An
 * added token that the vocabulary lacks gets the number of different tokens as its id, the next one
 * the number behind it.
 *
 * On error *t is zeroed. Errors: ERR_IO; ERR_FORMAT naming the file and line or key, or the special
 * token that is missing; ERR_UNSUPPORTED naming a tokenizer that is not BERT's WordPiece. */
err tokenizer_load(tokenizer *t, const char *path, bool cased) MUST_CHECK;

/* Makes one from tokens (count), which are copied; other options as by default.
 * Errors: ERR_FORMAT when [PAD], [UNK], [CLS] or [SEP] is missing. */
err tokenizer_from_tokens(tokenizer *t, char **tokens, size_t count, bool lowercase) MUST_CHECK;

/* Adds special tokens (count) that it lacks, as transformers' add_special_tokens does: each takes
 * the next id. Errors: ERR_MEMORY; those of a text that can be no token. */
err tokenizer_add_special(tokenizer *t, const char *const *texts, size_t count) MUST_CHECK;

/* The id of a token, added or piece, or TOKENIZER_NO_ID. */
uint32_t tokenizer_id(const tokenizer *t, const char *text);

/* Writes vocab.txt, tokenizer_config.json and special_tokens_map.json, from which `transformers`
 * and tokenizer_load give the same ids; what they cannot express (no cleaning, another longest
 * word, unused ids, tokens that hold a line end or end in white space) goes into a tokenizer.json
 * beside them, and the class is then PreTrainedTokenizerFast. The folder must exist. Errors:
 * ERR_IO. */
err tokenizer_save(const tokenizer *t, const char *folder) MUST_CHECK;

/* The files that tokenizer_save writes for t; *count of them. Borrowed. */
const char *const *tokenizer_saved_files(const tokenizer *t, size_t *count);

void tokenizer_free(tokenizer *t);

/* SHA-256 of what decides the ids: every token, the added tokens and the options. Independent of
 * how the files were written (vocab.txt or tokenizer.json, LF or CRLF). */
void tokenizer_hash(const tokenizer *t, char hex[65]);

/* The id of a piece, or TOKENIZER_NO_ID. */
uint32_t tokenizer_find(const tokenizer *t, const char *token);

/* The token of an id below t->count; borrowed. */
const char *tokenizer_text(const tokenizer *t, uint32_t id);

/* Appends the text of ids (count): pieces of a word together, words with blanks between them, those
 * before . ? ! , left out; special tokens only unless skip_special. What transformers' decode gives.
 * Ids without a token give nothing. Errors: ERR_MEMORY. */
err tokenizer_decode(const tokenizer *t, strbuf *out, const uint32_t *ids, size_t count,
                     bool skip_special) MUST_CHECK;

/* One encoded text, or a pair. Zeroed is valid; buffers grow and are used again by the next
 * call. */
typedef struct encoding {
    uint32_t *ids; /* (count), owned */
    size_t count, capacity;
    size_t second;  /* tokens from here on have type id 1; count when there is one text only */
    size_t cut;     /* pieces that truncation dropped */
    bool truncated; /* cut > 0 */
    size_t unknown; /* words that became [UNK], before truncation */
    /* Where tokens stand in their text, for who sets `tracks` before encoding. */
    bool tracks;
    uint32_t *begins; /* (count) byte of its text where the token begins, TOKENIZER_NO_PLACE of
                         [CLS] and [SEP]; owned */
    size_t begins_capacity;
    size_t covered;    /* bytes of the first text up to the first token that truncation dropped */
    uint32_t *points;  /* scratch, owned */
    uint32_t *origins; /* with tracks: byte of the text that each of them comes from, owned */
    size_t points_capacity;
} encoding;

/* Encodes [CLS] text [SEP] into out, replacing what it held. `text` has `bytes` bytes of UTF-8 and
 * need not be terminated. Too long a text loses its end, or its beginning where the files say so
 * (truncation_side). max_length counts [CLS] and [SEP] too; 0 means no limit, 1 is an error.
 * Errors: ERR_FORMAT with the offset of the first byte that is not UTF-8; ERR_ARG; ERR_MEMORY. */
err tokenizer_encode(const tokenizer *t, encoding *out, const char *text, size_t bytes,
                     size_t max_length) MUST_CHECK;

/* Encodes [CLS] a [SEP] b [SEP]; the second part, with its [SEP], has type id 1. Truncation takes
 * tokens off the longer text ("longest_first"). b NULL is the same as tokenizer_encode. */
err tokenizer_encode_pair(const tokenizer *t, encoding *out, const char *a, size_t a_bytes,
                          const char *b, size_t b_bytes, size_t max_length) MUST_CHECK;

void encoding_free(encoding *e);

#endif
