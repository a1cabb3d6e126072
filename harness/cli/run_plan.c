#include "cli/run_plan.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/run_device.h"
#include "train/run/run_parts.h"

#include <stdio.h>

static bool is_pretrained(const run *r) {
    return r->base_model.folder && !r->request.from_scratch;
}

enum { CLEANED_BYTES = 200 };

/* Why rows were left out, behind their count; empty where none were. */
static const char *cleaned_words(char out[CLEANED_BYTES], const dataset *d) {
    const dataset_cleaned *n = &d->cleaned;
    size_t used = 0;
    *out = '\0';
    if (n->empty) used += (size_t)snprintf(out, CLEANED_BYTES, ": %s empty", SHOWN_COUNT(n->empty));
    if (n->repeated)
        used += (size_t)snprintf(out + used, CLEANED_BYTES - used, "%s %s whose text came before",
                                 n->empty ? "," : ":", SHOWN_COUNT(n->repeated));
    if (n->differing)
        snprintf(out + used, CLEANED_BYTES - used, ", %s of them with another %s",
                 SHOWN_COUNT(n->differing), d->kind == ANSWER_NUMBER ? "number" : "label");
    return out;
}

static void say_task(const run *r, output_line *line) {
    char why[CLEANED_BYTES];
    const dataset *d = &r->data;
    output_said(line, "task    ",
                "%s%s: %s training row%s (%s left out by cleaning%s), %s test row%s", r->task.name,
                r->request.sample ? " (sample)" : "", SHOWN_COUNT(r->train.count),
                shown_plural(r->train.count), SHOWN_COUNT(d->cleaned.empty + d->cleaned.repeated),
                cleaned_words(why, d), SHOWN_COUNT(r->test.count), shown_plural(r->test.count));
    if (d->test.leaked_count)
        output_said(line, "        ",
                    "%s of %s test texts %s also in training (harness data stats shows them)",
                    SHOWN_COUNT(d->test.leaked_count), SHOWN_COUNT(r->test.count),
                    d->test.leaked_count == 1 ? "is" : "are");
    if (r->dev.count)
        output_said(line, "        ", "%s row%s held out as dev", SHOWN_COUNT(r->dev.count),
                    r->dev.count == 1 ? " is" : "s are");
}

static void say_device(const run *r, output_line *line) {
    const device *d = &r->device;
    char on[RUN_DEVICE_LINE_BYTES];
    run_device_line(on, r);
    output_said(line, "device  ", "%s", on);
    // of GPUs that is not measured
    if (d->info.kind == DEVICE_CPU && d->options.precision == PRECISION_FP32 && d->info.has_bf16 &&
        !*d->info.bf16_lacks)
        output_said(line, "        ", "--precision bf16 is faster on it, with other scores");
}

/* What of the recipe is not seen in its name. */
static void say_choices(const run *r, output_line *line) {
    const recipe *p = &r->request.recipe;
    const trainer *t = &r->trainer;
    if (p->freeze_embeddings || p->freeze_layers) {
        output_said(line, "frozen  ", "%s%s%u of %u layers",
                    p->freeze_embeddings ? "embeddings" : "", p->freeze_embeddings ? ", " : "",
                    p->freeze_layers, r->base_model.config.layers);
        if (!is_pretrained(r)) log_warn("what is frozen was drawn at random and stays so");
    }
    if (!t->class_weights) return;
    strbuf text = {0};
    err e = ERR_OK;
    for (size_t c = 0; !e && c < r->task.label_count; c++)
        e = strbuf_printf(&text, "%s%s %.4g", c ? ", " : "", r->task.labels[c].readable,
                          t->class_weights[c]);
    if (!e) output_said(line, "weights ", "%s", text.text);
    strbuf_free(&text);
}

static void say_recipe(const run *r, output_line *line) {
    const trainer *t = &r->trainer;
    const recipe *p = &r->request.recipe;
    uint32_t sentences = p->per_device_train_batch_size * p->gradient_accumulation_steps;
    output_said(line, "recipe  ",
                "%s: %s step%s of %u sentence%s, %s to an epoch, learning rate %g (%s), %u warmup "
                "step%s, seed %u",
                p->name, SHOWN_COUNT(t->total_steps), shown_plural(t->total_steps), sentences,
                shown_plural(sentences), SHOWN_COUNT(t->epoch_steps), p->learning_rate,
                schedule_name(p->lr_scheduler_type), t->schedule.warmup,
                shown_plural(t->schedule.warmup), r->request.seed);
    say_choices(r, line);
}

void run_plan(const run *r, output_line *line) {
    say_task(r, line);
    output_said(line, "model   ", "%s: %s parameters, %s", r->base_model.name,
                SHOWN_COUNT(r->trainer.model.params.total),
                is_pretrained(r) ? "pretrained" : "from scratch");
    say_device(r, line);
    say_recipe(r, line);
}
