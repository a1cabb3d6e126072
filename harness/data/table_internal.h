/* Shared by table.c and table_guess.c: cutting delimited records into fields. */
#ifndef HARNESS_DATA_TABLE_INTERNAL_H
#define HARNESS_DATA_TABLE_INTERNAL_H

#include "base/memory.h"
#include "data/data_internal.h"
#include "data/table.h"

/* Where a byte of a record stands, by RFC 4180. */
typedef enum table__state {
    TABLE_FIELD_START,
    TABLE_PLAIN,
    TABLE_QUOTED,
    TABLE_QUOTE_SEEN
} table__state;

typedef struct table__cutter {
    char delimiter;
    bool quoted;
    table__state state;
    bool open;       /* a record began and goes on */
    bool saw_quoted; /* a field was in quotes */
    strbuf text;     /* of all fields of the record, each with a 0 byte behind; owned */
    size_t *ends;    /* (count) where each ends in it; owned */
    size_t count, capacity;
    const char *fault; /* what is wrong, or NULL */
} table__cutter;

void table__cutter_free(table__cutter *c);

/* Cuts one line (bytes, with its end if it has one) of a record, which is complete when c->open is
 * false; c->fault says what is wrong with it, and then the next line begins anew. */
err table__cut_line(table__cutter *c, const char *line, size_t bytes) MUST_CHECK;

/* Tells kind, delimiter and quoting of a file by its first bytes; `ended`: they are all of it. */
err table__guess(table *t, const char *text, size_t bytes, bool ended) MUST_CHECK;

#endif
