/* Records that others hand in are held to more than those that a board reads: no key that is none of
 * a record's, and every part as it was written. */
#ifndef HARNESS_RESULT_RECORD_STRICT_H
#define HARNESS_RESULT_RECORD_STRICT_H

#include "result/record.h"

/* record_parse, and besides: each key is one of a record's, and each part has the checksum that the
 * program wrote of it (records of schema 1 have none). A checksum finds what was changed by hand or
 * on its way; it proves nothing about who made the record.
 * Errors: those of record_parse; ERR_FORMAT naming the key. */
err record_parse_strict(record *r, const char *text, size_t length, const char *path) MUST_CHECK;

#endif
