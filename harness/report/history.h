/* Speed and score over time: what the same work did, by date and program, from run records and
 * records of speed (bench/bench_file.h) of any age.
 *
 * A series is one row of the board (task, data, protocol, model, recipe, precision, device), or one
 * work of `bench`: what stays the same while programs change. Its points are records, seeds and all;
 * what seeds and machines do is its noise. Levels and the steps between them are metric/steps.h's:
 * of speeds they are found in logarithms, so that noise and steps are shares. */
#ifndef HARNESS_REPORT_HISTORY_H
#define HARNESS_REPORT_HISTORY_H

#include "base/moment.h"
#include "bench/bench_file.h"
#include "report/html.h"
#include "result/record.h"

/* In the order of pages. */
typedef enum history_kind {
    HISTORY_SCORE, /* of 1 */
    HISTORY_RUN,   /* sentences a second */
    HISTORY_BENCH, /* sentences a second */
    HISTORY_KINDS
} history_kind;

typedef struct history_point {
    double when; /* seconds since 1970 */
    char created[MOMENT_BYTES];
    char *version, *commit; /* of the program; owned */
    int64_t seed;           /* of a run; of a bench 0 */
    double value;
} history_point;

/* Of a speed noise, change, low and high are shares of it, of a score differences. */
typedef struct history_level {
    size_t begin, end; /* points begin to end - 1 */
    double value, noise;
    double p, change, low, high; /* of the step that it begins with; the first has none */
} history_level;

typedef struct history_series {
    history_kind kind;
    char *key;             /* all that makes it one; owned */
    char *what, *title;    /* "macro F1 of kor_hate", "tiny"; owned */
    char *about;           /* the rest of it; owned */
    history_point *points; /* (count) by date; owned */
    size_t count, capacity;
    history_level *levels; /* (level_count) owned */
    size_t level_count;
} history_series;

typedef struct history {
    history_series *series; /* (count) owned, by kind and key */
    size_t count, capacity;
    size_t undated; /* records of speed without a date */
    size_t dirty;   /* records of programs with uncommitted changes, left out */
    size_t partial; /* runs of a part of the data, left out */
    size_t single;  /* series of one record, left out by history_finish */
} history;

void history_free(history *h);

/* Adds the points of a scored run, or of a bench. Errors: ERR_MEMORY. */
err history_add_run(history *h, const record *r) MUST_CHECK;
err history_add_bench(history *h, const bench_file *f) MUST_CHECK;

/* Puts series and points in order, takes a record that was added twice once, and finds the levels.
 * Nothing may be added afterwards. */
err history_finish(history *h) MUST_CHECK;

static inline bool history_is_relative(history_kind kind) {
    return kind != HISTORY_SCORE;
}

/* "0.1.0 (0123abcd)" */
err history_program(strbuf *out, const history_point *p) MUST_CHECK;

/* Pages of it, as those of a board. */
err history_html(strbuf *out, const history *h, page_language language) MUST_CHECK;
err history_markdown(strbuf *out, const history *h, page_language language) MUST_CHECK;
err history_csv(strbuf *out, const history *h, page_language language) MUST_CHECK;
err history_json(strbuf *out, const history *h, page_language language) MUST_CHECK;
#define HISTORY_MARKDOWN_MARK "Written by `harness report --history`"
#define HISTORY_CSV_HEAD "what,title,about,created,version,commit,seed,value,level"
#define HISTORY_JSON_SCHEMA "harness-history-1"

#endif
