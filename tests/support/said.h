/* What is said on standard error meanwhile: notes and warnings of functions that a test calls itself. */
#ifndef TESTS_SUPPORT_SAID_H
#define TESTS_SUPPORT_SAID_H

/* From here on it goes into memory, notes too. One at a time. */
void said_begin(void);

/* Goes on as before; the text since said_begin, owned (mem_free). */
char *said_end(void);

#endif
