/* What makes a run another one than its neighbour: a change for each field of the board's row key. */
#ifndef TESTS_SUPPORT_ROW_FIELD_H
#define TESTS_SUPPORT_ROW_FIELD_H

#include "result/record.h"

typedef struct row_field {
    const char *field;
    void (*change)(record *r); /* of fake_record_make's */
    const char *words;         /* what the board calls a row with it, beside one without */
} row_field;

/* The i-th, or NULL behind the last. */
const row_field *row_field_at(size_t i);

#endif
