/* What the rows of a table cost, beside what they score: a table and a plot of score against training
 * time. A row is on the Pareto front when no other row of its table and device scores at least as
 * well in at most its time, and better in one of the two. Times of different devices are different
 * costs of the same, so each device has a front of its own. */
#ifndef HARNESS_REPORT_COST_H
#define HARNESS_REPORT_COST_H

#include "report/board.h"
#include "report/language.h"

/* The dev score that a table's times are told until: the board's, or of all runs' best ones the
 * worst, which every run reached. By what most rows of a table chose: the first row's metric. */
typedef struct cost_target {
    const char *metric; /* borrowed; "loss" or a metric's name; NULL: no table of protocol dev */
    double score;
} cost_target;
cost_target cost_target_of(const board *b, const board_table *t);

typedef struct cost_point {
    const board_row *row;         /* borrowed */
    double train_rate, eval_rate; /* sentences a second, means over runs */
    double device_mib, host_mib;  /* peaks, the largest of the runs */
    double joules;          /* of training, mean over the runs of which the machine told; of all
                                      parts that it told of */
    double until_s;         /* of training until the target, mean of the runs that reached it */
    size_t reached, untold; /* such runs; runs whose times are not known */
    size_t told, throttled; /* such runs; runs during which the device was throttled */
    size_t device;          /* counted from 0, of all rows of one */
    bool on_front;
} cost_point;

/* *points (owned) has one for each row of the table, in its order. */
err cost_points(cost_point **points, const board_table *t, cost_target target) MUST_CHECK;

/* A target's score as the board has it: in percent, or a loss. */
double cost_shown(cost_target target);

/* The section of the leaderboard; nothing of an empty board. */
err cost_markdown(strbuf *out, const board *b) MUST_CHECK;

/* The plot, as inline SVG: training time on a logarithmic scale, one mark a row, by its shape and
 * colour that of a device (filled: on its front), and the front of each device; below it, of several
 * devices, what their signs are. A row's name is left out where others stand. Nothing of a table of
 * one row.
 *   label     what the picture is called
 *   on_front  what the mark of a row on the front says behind its figures, ", on the front"
 *   language  of units and recipes */
err cost_svg(strbuf *out, const board_table *t, const char *label, const char *on_front,
             page_language language) MUST_CHECK;

#endif
