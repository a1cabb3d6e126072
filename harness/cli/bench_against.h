/* `harness bench --against PATH`: this program and another build of it, each run as a program of its
 * own, in turns. What the other one says is read as a stranger's: bounded in time and bytes, checked,
 * and shown by the rules of text that leaves. */
#ifndef HARNESS_CLI_BENCH_AGAINST_H
#define HARNESS_CLI_BENCH_AGAINST_H

#include "cli/options.h"

/* Prints the table of ratios, or with --json the record that the table is made of. Errors: ERR_USAGE;
 * ERR_DATA and ERR_FORMAT naming the other program and what it did. */
err bench_against(const options *o) MUST_CHECK;

#endif
