/* The test texts of every task, and whether a line holds one: what a model must not be trained on.
 *
 * A text is compared in two forms. *Plain*: canonically decomposed, runs of white space as one
 * blank, none around it: equal when NFC is. *Letters*: NFKD, case folded, all but letters and
 * digits dropped; a Hangul syllable is its jamo, so that what stands beside a lone jamo changes
 * nothing, and counts as one letter. A line is left out when
 *   equal      its plain form is that of a test text
 *   folded     its letters are those of a test text, 8 or more of them
 *   contained  its letters contain those of a test text, 20 or more of them
 * and counts under the first of these that holds. Forms are compared by 64 bits of a hash, but
 * what is contained is compared letter by letter.
 *
 * A set that is made is read-only; who asks brings scratch of its own. */
#ifndef HARNESS_DATA_CORPUS_EXCLUSION_H
#define HARNESS_DATA_CORPUS_EXCLUSION_H

#include "base/err.h"
#include "base/hash.h"
#include "base/json.h"
#include "data/dataset.h"
#include "text/text_span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* name of the rule in records */
#define EXCLUSION_LIST(X) X(EQUAL, "equal") X(FOLDED, "folded") X(CONTAINED, "contained")

typedef enum exclusion_rule {
#define X(name, text) EXCLUSION_##name,
    EXCLUSION_LIST(X)
#undef X
        EXCLUSION_RULES, /* none of them: the line may stay */
    EXCLUSION_NONE = EXCLUSION_RULES
} exclusion_rule;

const char *exclusion_name(exclusion_rule rule);

/* 64-bit numbers in an open table; 0 stands for "free". Zeroed is empty. */
typedef struct number_set {
    uint64_t *slots; /* (capacity, a power of two) owned */
    size_t count, capacity;
} number_set;

bool number_set_has(const number_set *s, uint64_t number);
/* *added (may be NULL): it was not there. Errors: ERR_MEMORY. */
err number_set_add(number_set *s, uint64_t number, bool *added) MUST_CHECK;
void number_set_free(number_set *s);

/* A text whose letters are looked for inside lines. */
typedef struct exclusion_text {
    size_t first; /* index into letters */
    size_t count;
} exclusion_text;

typedef struct exclusion_task {
    char *name;     /* owned */
    bool at_hand;   /* false: its data was not there, so its test texts are not left out */
    uint64_t texts; /* test texts */
    char sha256[HASH_HEX_BYTES]; /* of its test rows (dataset_split) */
} exclusion_task;

typedef struct exclusion {
    number_set plain, letters_equal; /* of hashes of forms */
    number_set windows;              /* of hashes of the first 20 points of long texts */
    uint32_t *letters;               /* (letter_count) owned, of long texts one behind the other */
    size_t letter_count, letter_capacity;
    exclusion_text *long_texts; /* (long_count) owned, sorted; none begins another */
    size_t long_count, long_capacity;
    exclusion_task *tasks; /* (task_count) owned, by name */
    size_t task_count;
} exclusion;

/* Reads the test texts of every task that is known, through the task's own reader; a task whose
 * files are not there is noted as not at hand. options: of them data_dir counts, where a task's
 * data are looked for first; those that are not there are taken from where they are without it.
 * Free with exclusion_free, also after an error. Errors: those of task_list, task_load and of
 * dataset_load but for missing files. */
err exclusion_make(exclusion *x, const char *task_dir, const dataset_options *options) MUST_CHECK;

/* The same of these texts alone. */
err exclusion_from_texts(exclusion *x, const text_span *texts, size_t count) MUST_CHECK;
void exclusion_free(exclusion *x);

/* Scratch of one thread; zeroed is valid. */
typedef struct exclusion_scratch {
    int32_t *points; /* (capacity) owned */
    size_t capacity;
} exclusion_scratch;
void exclusion_scratch_free(exclusion_scratch *s);

/* Which rule, if any, leaves the line out. Takes time in proportion to its length. Errors:
 * ERR_MEMORY; ERR_FORMAT for what is not UTF-8. */
err exclusion_check(exclusion_rule *rule, const exclusion *x, exclusion_scratch *s,
                    text_span line) MUST_CHECK;

/* SHA-256 of what is known of every task: changes when any test text or task does. */
void exclusion_digest(const exclusion *x, char hex[HASH_HEX_BYTES]);

/* Adds "tasks" to an object: each with its name, whether it was at hand, and how many test texts it
 * has. */
err exclusion_json(cJSON *object, const exclusion *x) MUST_CHECK;
/* What was left out, by rule, as "excluded". */
err exclusion_counts_json(cJSON *object, const uint64_t counts[EXCLUSION_RULES]) MUST_CHECK;

#endif
