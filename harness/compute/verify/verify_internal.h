/* Shared by verify.c (runs a trial on both devices and compares), verify_data.c (what operands
 * hold) and verify_cases.c (the table of trials). */
#ifndef HARNESS_COMPUTE_VERIFY_VERIFY_INTERNAL_H
#define HARNESS_COMPUTE_VERIFY_VERIFY_INTERNAL_H

#include "compute/verify/verify.h"

enum { MICROS_MAX = 2, TWEAKS_MAX = 8 };

/* How many tokens the sentences of a packed batch have. */
typedef enum sentence_style {
    SENTENCES_SHORT,  /* 3, 26, 11, 1, 40 ... */
    SENTENCES_LONG,   /* 512 beside 3 */
    SENTENCES_ONES,   /* one token each */
    SENTENCES_SINGLE, /* one sentence of all tokens */
    SENTENCES_TILE    /* 31, 32, 33, 63, 64, 65: around the attention tiles in use */
} sentence_style;

/* An operand whose data is not standard normal, or whose size op_operands does not know. */
typedef struct tweak {
    const char *name;
    float scale, shift; /* real data is scale * normal + shift */
    size_t count;       /* 0: what op_operands says */
} tweak;

/* One operand of a trial. */
typedef struct trial_operand {
    const char *name;
    bool is_real, is_strided, is_given;
    operand_access access;
    size_t count;   /* of one region */
    size_t regions; /* 1, or SLOT_COUNT * MICROS_MAX */
    int same_as;    /* operand whose memory it shares, or -1 */
    float *values;  /* (regions, count), owned: what both devices start from; NULL for u32 */
} trial_operand;

/* One case of one op: sizes, data and bounds. Zeroed, then filled by the table. */
typedef struct trial {
    char name[128];
    op o; /* scalars and sizes; spans are filled by the run */
    plan_part part;
    uint32_t tokens[SLOT_COUNT][MICROS_MAX]; /* T */
    sentence_style style;
    uint32_t lists[SLOT_COUNT][MICROS_MAX]; /* rows_sum: number of lists */
    uint32_t step_rows[SLOT_COUNT];         /* U */
    uint32_t micro_count;
    uint32_t first_slot, slot_count;
    uint32_t step;                /* of first_slot; the next slot runs step + 1 */
    const char *absent;           /* optional operands left out: " pre add " */
    const char *alias, *alias_of; /* alias shares alias_of's memory */
    tweak tweaks[TWEAKS_MAX];
    /* Replaces values of real operands before they are uploaded; may be NULL. */
    err (*prepare)(struct trial *t, device *reference);
    double nmse_bound, element_bound; /* 0: the defaults */
    double absolute_bound;            /* not 0: instead of both */
    size_t first_compared;            /* elements before it are not compared */
    trial_operand operands[OPERANDS_MAX];
    size_t operand_count;
} trial;

typedef struct verify_run {
    device *device;
    device reference;
    verify_result *out;
    verify_extent extent;
} verify_run;

/* Runs a trial on both devices, compares, adds to run->out. */
err verify__trial(verify_run *run, trial *t) MUST_CHECK;

/* Runs every trial of the op; and each op's own. */
err verify__cases(verify_run *run, op_kind kind) MUST_CHECK;
#define OP(name) err verify__cases_##name(verify_run *run) MUST_CHECK;
#include "compute/ops.def"
#undef OP

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define TRY(call)                                                                                  \
    do {                                                                                           \
        err tried = (call);                                                                        \
        if (tried) return tried;                                                                   \
    } while (0)

/* A trial of one slot and one micro-batch of `tokens`, with its name. */
trial verify__start(op_kind kind, uint32_t tokens, const char *format, ...) PRINTF_LIKE(3, 4);
/* Makes it both slots and two micro-batches of different sizes, planned for more than any of
 * them. */
void verify__use_regions(trial *t);
void verify__add_tweak(trial *t, const char *name, float scale, float shift, size_t count);
dim verify__tokens_of(const trial *t);
/* Ops over sentences are tried with one token a sentence, unless the style says otherwise. */
dim verify__sentences_of(const trial *t);

/* Sizes around the usual workgroups; a quick run takes the first few. */
extern const uint32_t verify__row_counts[];
size_t verify__rows_to_try(const verify_run *run);

/* Sizes of (slot, micro) for a device with this attention tile. */
micro_sizes verify__sizes(const trial *t, uint32_t slot, uint32_t micro, uint32_t tile);

/* Lays out the operands and draws their values. Free with verify__data_free, also on error. */
err verify__data(trial *t, device *reference) MUST_CHECK;
void verify__data_free(trial *t);

/* u32 data of an operand for (slot, micro): ids, positions, tiles, lists ... out (count) is
 * zeroed. */
void verify__words(const trial *t, const char *name, uint32_t slot, uint32_t micro, uint32_t tile,
                   uint32_t *out, size_t count);

/* Initial values of a real operand by name; NULL when the trial has none. */
float *verify__values(trial *t, const char *name, uint32_t slot, uint32_t micro);

/* Runs `o` alone on the reference, for (slot, micro): operands of the trial's names are its inputs,
 * and outputs are written to the trial's operands of the same name. For backward ops, whose inputs
 * come from the forward. */
err verify__precompute(trial *t, device *reference, op *o, uint32_t slot,
                       uint32_t micro) MUST_CHECK;

/* Adds `o` to the plan's current part. */
err verify__append(plan *p, const op *o) MUST_CHECK;

#endif
