#include "train/evaluate/scorer.h"

#include "base/memory.h"
#include "model/weights/weights.h"

err scorer_open(scorer *s, const char *folder, const char *selector,
                const device_options *options) {
    weights_report report = {0};
    err e = ERR_OK;
    *s = (scorer){0};
    if ((e = source_open_folder(&s->source, folder))) return e;
    if ((e = device_open_named(&s->device, selector, options))) return e;
    s->device_is_open = true;
    if ((e = model_init(&s->model, &s->device, &s->source.config, 0))) return e;
    e = weights_load(&s->model.params, &report, s->source.folder, 0, 0);
    if (!e && report.drawn_count)
        e = err_set(ERR_DATA, "%s: no fine-tuned classifier there: tensor '%s' is missing",
                    s->source.folder, report.drawn[0]);
    weights_report_free(&report);
    return e;
}

void scorer_close(scorer *s) {
    model_free(&s->model);
    if (s->device_is_open) device_close(&s->device);
    source_free(&s->source);
    *s = (scorer){0};
}

err scorer_run(scorer *s, float *logits, double *loss, const encoded *rows, uint32_t batch_size,
               const char *progress) {
    evaluator ev = {0};
    batch_capacity capacity = {0};
    if (!rows->count) return ERR_OK;
    evaluator_capacity(&capacity, rows, batch_size);
    err e = evaluator_init(&ev, &s->model, NULL, &capacity, batch_size);
    if (!e) e = evaluator_run(&ev, logits, loss, rows, progress);
    evaluator_free(&ev);
    return e;
}
