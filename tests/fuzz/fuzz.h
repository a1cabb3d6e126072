/* What the fuzz targets share. A target is a function of bytes that reads them with one parser of
 * the program and checks what has to hold afterwards: no crash, nothing left allocated, and what
 * the parser's header promises of an input that it accepted. libFuzzer calls it in builds with
 * HARNESS_FUZZ; the suite calls the same function on every committed input, and again with each
 * memory request failing in turn.
 *
 * Files go to a folder of the process in memory (/dev/shm) where there is one. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef HARNESS_LIBFUZZER
#define FUZZ_ENTRY(name)                                                                           \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {                                 \
        fuzz_##name(data, size);                                                                   \
        return 0;                                                                                  \
    }
#else
#define FUZZ_ENTRY(name)
#endif

/* Defines a target. What it builds once and keeps comes before fuzz_begin. */
#define FUZZ_TARGET(name)                                                                          \
    void fuzz_##name(const uint8_t *data, size_t size);                                            \
    FUZZ_ENTRY(name)                                                                               \
    void fuzz_##name(const uint8_t *data, size_t size)

/* Aborts with the condition, unless it holds. */
#define FUZZ_CHECK(condition) fuzz_check((condition), __FILE__, __LINE__, #condition)
void fuzz_check(bool holds, const char *file, int line, const char *condition);

/* What the parsers need before any use; a target calls it only to build what it keeps. */
void fuzz_setup(void);

/* Between the two every block that is allocated has to be given back. */
void fuzz_begin(void);
void fuzz_end(void);

/* True for ERR_OK; any error needs a message, and may not be one of our own bugs (ERR_ARG). */
bool fuzz_accepts(err e);
/* The same for what has to succeed: only a memory request that a test made fail excuses it. */
bool fuzz_needs(err e);

/* Writes bytes to a file of the process's folder; the path is valid for the next three calls. */
const char *fuzz_file(const char *name, const void *bytes, size_t size);
/* "<folder>/<name>", likewise. */
const char *fuzz_path(const char *name);

/* Drops the parsers' warnings; a check that fails is still shown. */
void fuzz_hush(void);
/* Name of the input, for the message of a check that fails. */
void fuzz_set_input(const char *name);
/* While on, ERR_MEMORY is accepted everywhere. */
void fuzz_allow_memory_errors(bool on);
/* ERR_MEMORY was seen since fuzz_begin. */
bool fuzz_saw_memory_error(void);
/* Whether what the last input is read by first did not refuse it. */
bool fuzz_was_taken(void);

#endif
