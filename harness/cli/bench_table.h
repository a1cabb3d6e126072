/* Tables in markdown from records of speed: those of `harness bench` (bench_record.h), also of two
 * programs in turns (bench_against.h), and those of tests/peer/throughput.py. The same record gives the same bytes. */
#ifndef HARNESS_CLI_BENCH_TABLE_H
#define HARNESS_CLI_BENCH_TABLE_H

#include "base/json.h"
#include "base/memory.h"

#define THROUGHPUT_SCHEMA "harness-throughput-1"
#define PAIRS_SCHEMA "harness-bench-pairs-1"

/* Appends the tables of one record under a heading; where: what errors name.
 * Errors: ERR_FORMAT when a key is absent or of another type. */
err bench_table(strbuf *out, const cJSON *record, const char *where) MUST_CHECK;
/* As bench --verbose adds to it: the invocations of each op's widest dispatch, and how many the device
 * runs at once, where its driver tells. A sentence for a device that has none. */
err bench_invocations(strbuf *out, const cJSON *record, const char *where) MUST_CHECK;
/* Of two programs in turns. */
err pairs_table(strbuf *out, const cJSON *record, const char *where) MUST_CHECK;

/* Writes <folder>.md from every *.json of the folder, in the order of their names: first what was
 * measured against PyTorch, then pairs of programs, then the benches. Errors: ERR_IO, ERR_FORMAT (a record of an unknown
 * schema; a folder without records). */
err performance_write(const char *folder) MUST_CHECK;

#endif
