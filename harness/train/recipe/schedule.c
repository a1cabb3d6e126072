#include "train/recipe/schedule.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {
#define X(name) #name,
    SCHEDULES(X)
#undef X
};

const char *schedule_name(schedule_kind kind) {
    return names[kind];
}

err schedule_find(schedule_kind *out, const char *name) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (schedule_kind)i;
            return ERR_OK;
        }
#define X(known) ", " #known
    return err_set(ERR_USAGE, "unknown schedule '%s' (known: %s)", name, &SCHEDULES(X)[2]);
#undef X
}

bool schedule_has_warmup(schedule_kind kind) {
    return kind != SCHEDULE_constant;
}

double schedule_rate(const schedule *s, uint32_t t) {
    double done = (double)t - 1, warmup = schedule_has_warmup(s->kind) ? s->warmup : 0,
           rest = (double)s->steps - warmup;
    if (rest < 1) rest = 1;
    if (done < warmup) return s->learning_rate * done / warmup;
    double progress = (done - warmup) / rest, factor = 1;
    if (s->kind == SCHEDULE_linear) factor = 1 - progress;
    if (s->kind == SCHEDULE_cosine) factor = 0.5 * (1 + cos(3.14159265358979323846 * progress));
    return s->learning_rate * (factor > 0 ? factor : 0);
}

void schedule_table(double *table, const schedule *s, double weight_decay, double beta1,
                    double beta2) {
    memset(table, 0, 4 * sizeof *table);
    for (uint32_t t = 1; t <= s->steps; t++) {
        double rate = schedule_rate(s, t), *row = table + 4 * (size_t)t;
        row[0] = 1 - rate * weight_decay;
        row[1] = rate / (1 - pow(beta1, t));
        row[2] = sqrt(1 - pow(beta2, t));
        row[3] = 0;
    }
}
