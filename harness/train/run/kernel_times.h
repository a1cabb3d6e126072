/* What the single operations of a training step cost: times of the device's own clock, taken in a
 * few steps of a run that are trained anyway. A timed step is not overlapped with its neighbours;
 * its results are the same bits. */
#ifndef HARNESS_TRAIN_RUN_KERNEL_TIMES_H
#define HARNESS_TRAIN_RUN_KERNEL_TIMES_H

#include "train/step/trainer.h"

enum {
    KERNEL_TIMES_MAX = 64,
    KERNEL_TIMES_STEPS = 5, /* timed */
    KERNEL_TIMES_WARM = 3,  /* before them */
    /* A run that has fewer steps left is not timed. */
    KERNEL_TIMES_LEAST = 3 * (KERNEL_TIMES_WARM + KERNEL_TIMES_STEPS)
};

/* Operations of one kind and shape in one phase. */
typedef struct kernel_time {
    char name[48];     /* "linear_fwd 1024x256" (outputs x inputs) */
    const char *phase; /* "begin", "forward", "backward" or "update"; static */
    uint32_t calls;    /* a step and micro-batch */
    double ms;         /* of a step, median over the timed steps */
} kernel_time;

typedef struct kernel_times {
    kernel_time rows[KERNEL_TIMES_MAX]; /* (count) in the order of the plan */
    size_t count; /* 0: not timed (too few steps, or a device without clock) */
} kernel_times;

/* Trains a few steps and times the operations of the last of them. Does nothing when the run is too
 * short. Errors: those of trainer_run; ERR_MEMORY; ERR_ARG for more than KERNEL_TIMES_MAX kinds. */
err kernel_times_train(kernel_times *k, trainer *t) MUST_CHECK;

/* Name of an operation: its kind, and the shape of a matrix product. */
void kernel_name(char name[48], const op *o);

#endif
