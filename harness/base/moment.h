/* Moments as records have them: UTC, "2025-01-31T12:00:00Z". */
#ifndef HARNESS_BASE_MOMENT_H
#define HARNESS_BASE_MOMENT_H

#include <stdbool.h>

enum { MOMENT_BYTES = 24 };

/* This moment; returns text. */
const char *moment_now(char text[MOMENT_BYTES]);

/* Whether the text is a moment of the calendar; *seconds (may be NULL) are those since 1970. */
bool moment_read(double *seconds, const char *text);

#endif
