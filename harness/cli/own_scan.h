/* Shared by own_files.c and own_scan.c: what the files hold. */
#ifndef HARNESS_CLI_OWN_SCAN_H
#define HARNESS_CLI_OWN_SCAN_H

#include "cli/own_files.h"
#include "data/table.h"

/* Distinct labels that are told apart; with more, that there are more is all that is said. */
enum { OWN_VALUES_MAX = 1 << 16 };

typedef struct own__value {
    char *text;        /* owned */
    size_t train, all; /* rows */
    size_t line;       /* of the first of training */
} own__value;

typedef struct own__file {
    size_t rows;
    uint64_t bytes;
    char sha256[HASH_HEX_BYTES];
} own__file;

/* Rows of one fault: how many, and the first. */
typedef struct own__fault {
    size_t rows;
    char first[200]; /* "PATH:LINE" */
} own__fault;

typedef struct own__scan {
    const own_files *wish;
    answer_kind kind;
    table shape; /* kind, delimiter, quoting and columns, which are owned, of the training file */
    char *text, *pair, *label; /* names, owned; pair NULL: none */
    own__file files[OWN_ROLES];
    own__value *values;                              /* (value_count) owned */
    size_t value_count, value_capacity, more_values; /* more: rows of values beyond the most */
    uint32_t *slots;                                 /* index + 1 by hash */
    own__fault unlabelled, unknown, half;            /* half: an empty label in a list of several */
    char unknown_value[80];
    size_t texts;     /* of training that are not empty */
    char *first_text; /* owned */
    bool texts_differ;
    double low, high;
} own__scan;

/* Reads all files. Free with own__scan_free, also after an error. */
err own__scan_all(own__scan *s, const own_files *w) MUST_CHECK;
void own__scan_free(own__scan *s);

#endif
