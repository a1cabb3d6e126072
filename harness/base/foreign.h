/* What a file is that was taken for UTF-8 text: told by its first bytes, so that the message names
 * it and says what to do, and not the first byte that is wrong. */
#ifndef HARNESS_BASE_FOREIGN_H
#define HARNESS_BASE_FOREIGN_H

#include "base/err.h"

#include <stddef.h>

/* Looks at the first bytes (count, of which 4096 are enough) of the file `where`: UTF-16 and UTF-32
 * with and without a byte order mark, archives, workbooks, documents, web pages, and what has a 0 and is
 * no UTF-8 either. Errors: ERR_FORMAT naming the kind and the way out; anything else passes. */
err foreign_refuse(const char *where, const void *bytes, size_t count) MUST_CHECK;

/* Behind what is wrong with a byte of text of `where`: that of CP949 has to be converted first, and
 * how. Returns out. */
enum { FOREIGN_ADVICE_BYTES = 1088 };
const char *foreign_advice(char out[FOREIGN_ADVICE_BYTES], const char *where);

#endif
