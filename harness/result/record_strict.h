/* Checksums of a record's parts; and records that others hand in, which are held to one thing more than
 * those that a board reads: no key that is none of a record's. */
#ifndef HARNESS_RESULT_RECORD_STRICT_H
#define HARNESS_RESULT_RECORD_STRICT_H

#include "result/record.h"

/* record_parse, and besides: each key is one of a record's. A board reads over such keys, which newer
 * programs write, and saves writing every record anew to find them.
 * Errors: those of record_parse; ERR_FORMAT naming the key. */
err record_parse_strict(record *r, const char *text, size_t length, const char *path) MUST_CHECK;

/* Adds `checksums` of all parts that object has, as the last of a record; of a pretraining's too.
 * Errors: ERR_MEMORY. */
err record_checksums_write(cJSON *object) MUST_CHECK;
/* Errors: ERR_FORMAT naming the part that is not as it was written, has no checksum or is gone. */
err record_checksums_check(const cJSON *top, const char *path) MUST_CHECK;

#endif
