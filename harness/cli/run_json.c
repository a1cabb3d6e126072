#include "cli/run_json.h"

#include "cli/output.h"

err run_json(const record *rec, const run *r, const run_summary *s, const char *path) {
    const double range[] = {s->range.low, s->range.high};
    cJSON *root = cJSON_CreateObject(), *metrics = NULL;
    err e = json_put(
        root, "task %s model %s device %s seed %f protocol %s partial %d headline %s score %f",
        rec->task.name, rec->model.name, RECORD_DEVICE(rec), (double)rec->seed, rec->protocol,
        rec->partial, rec->headline, s->score);
    if (!e) e = json_put_numbers(root, "interval", range, 2);
    if (!e)
        e = json_put(root, "score_dedup %f majority %f caution %s", s->dedup, s->majority,
                     score_caution_text(s->caution));
    if (!e) e = json_add_object(&metrics, root, "metrics");
    for (size_t i = 0; !e && i < r->task.metric_count; i++)
        e = json_add_number(metrics, r->task.metrics[i], record_metric(rec, r->task.metrics[i]));
    if (!e)
        e = json_put(root,
                     "steps %f first_loss %f last_loss %f train_s %f final_weights_sha256 %s "
                     "output %s record %s",
                     (double)rec->timing.steps, rec->loss_count ? (double)rec->loss[0] : 0,
                     rec->loss_count ? (double)rec->loss[rec->loss_count - 1] : 0,
                     rec->timing.train_s, rec->final_weights_sha256, r->output, path);
    return output_json_last(e, root, false);
}
