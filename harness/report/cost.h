/* What the rows of a table cost, beside what they score: a table and a plot of score against training
 * time. A row is on the Pareto front when no other row of its table and device scores at least as
 * well in at most its time, and better in one of the two. Times of different devices are different
 * costs of the same, so each device has a front of its own. */
#ifndef HARNESS_REPORT_COST_H
#define HARNESS_REPORT_COST_H

#include "report/board.h"

typedef struct cost_point {
    const board_row *row;         /* borrowed */
    double train_rate, eval_rate; /* sentences a second, means over runs */
    double device_mib, host_mib;  /* peaks, the largest of the runs */
    double joules;          /* of training, mean over the runs of which the machine told; of all
                                      parts that it told of */
    size_t told, throttled; /* such runs; runs during which the device was throttled */
    bool on_front;
} cost_point;

/* *points (owned) has one for each row of the table, in its order. */
err cost_points(cost_point **points, const board_table *t) MUST_CHECK;

/* The section of the leaderboard; nothing of an empty board. */
err cost_markdown(strbuf *out, const board *b) MUST_CHECK;

/* The plot, as inline SVG: training time on a logarithmic scale, one mark a row, and the front of
 * each device. Nothing of a table of one row. */
err cost_svg(strbuf *out, const board_table *t) MUST_CHECK;

#endif
