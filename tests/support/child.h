/* The built program as a child process that tests can limit, watch, signal and kill: what
 * support/program.h does not do. */
#ifndef TESTS_SUPPORT_CHILD_H
#define TESTS_SUPPORT_CHILD_H

#include "support/program.h"

#include <stdint.h>
#include <sys/types.h>

typedef struct child_setup {
    uint64_t file_bytes, stack_bytes, address_bytes; /* resource limits; 0: as they are */
    uint64_t cpu_seconds;    /* likewise: a program that takes more is killed */
    const char *in;          /* standard input; NULL: /dev/null */
    bool unprivileged;       /* permissions hold for it, also when this process is root */
    bool close_in;           /* standard input is closed; else it is /dev/null */
    bool close_out;          /* standard output is closed */
    bool close_err;          /* standard error is closed */
    bool full_out;           /* standard output is /dev/full */
    bool clear_environment;  /* no variables at all */
    const char *locale;      /* LC_ALL; NULL: as it is */
    const char *locale_path; /* LOCPATH, likewise */
    const char *preload;     /* LD_PRELOAD, likewise */
    bool no_reader;          /* standard output is a pipe that nobody reads */
    bool held_out, held_err; /* it is a terminal that is held, as by Ctrl-S; one of them */
} child_setup;

typedef struct child {
    pid_t pid;
    double begin;
    char out[300], error[300]; /* files that take its output */
    int pipe[2];               /* no_reader; held_out, held_err: the terminal's ends */
} child;

/* Starts the program with arguments (up to a NULL) in the test's temporary folder. setup may be
 * NULL. */
void child_start(child *c, const child_setup *setup, const char *const *arguments);

/* Waits until standard error holds `text`, or the path exists; fails the test after `seconds` or
 * when the child has ended before. */
void child_await_message(const child *c, const char *text, double seconds);
void child_await_path(const child *c, const char *path, double seconds);

/* Lets the terminal that is held go on. text (size): what comes out of it until the child, which closes
 * it then, has ended. */
void child_let_go(child *c, char *text, size_t size);

/* Waits for the end; a child that runs longer than `seconds` is killed and the test fails. */
program_result child_end(child *c, double seconds);

/* The fault layer (tests/shim/fault_layer.c) does as `faults` says in what is started from now on;
 * NULL: no layer. */
void child_faults(const char *faults);

/* child_start and child_end. */
program_result child_run(const child_setup *setup, double seconds, const char *const *arguments);

#endif
