#include "cli/warmup.h"
#include "base/shown.h"

#include "base/log.h"

err warmup_choose(recipe *r, const options *o) {
    if (o->warmup_steps > 0 && o->warmup_ratio > 0)
        return err_set(ERR_USAGE, "--warmup-steps and --warmup-ratio exclude each other");
    if (o->has_warmup_ratio && !o->has_warmup_steps) r->warmup_steps = 0;
    return ERR_OK;
}

err warmup_check(const recipe *r, const options *o) {
    bool is_asked = o->warmup_steps > 0 || o->warmup_ratio > 0;
    if (!is_asked || schedule_has_warmup(r->lr_scheduler_type)) return ERR_OK;
    return err_set(ERR_USAGE,
                   "the constant schedule has no warmup (--warmup-steps, --warmup-ratio); "
                   "constant_with_warmup has");
}

void warmup_warn(const trainer *t) {
    if (t->schedule.warmup >= t->total_steps)
        log_warn("the run ends inside its warmup: %u warmup step%s, %u step%s in all; the learning "
                 "rate never reaches %g (--warmup-steps)",
                 t->schedule.warmup, shown_plural(t->schedule.warmup), t->total_steps,
                 shown_plural(t->total_steps), t->recipe.learning_rate);
}
