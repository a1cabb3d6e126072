/* How wide a message for people (base/log.h) may be, for who lays one out. */
#ifndef HARNESS_BASE_LOG_WIDTH_H
#define HARNESS_BASE_LOG_WIDTH_H

#include <stddef.h>

/* Columns that a note has: those of the terminal, SIZE_MAX where stderr is none. */
size_t log_width(void);

#endif
