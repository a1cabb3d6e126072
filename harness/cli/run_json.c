#include "cli/run_json.h"

#include "base/json.h"
#include "base/memory.h"

#include <stdio.h>

err run_json(const record *rec, const run *r, const run_summary *s, const char *path) {
    cJSON *root = cJSON_CreateObject(), *metrics = NULL, *range = NULL;
    char *text = NULL;
    err e = root ? ERR_OK : err_set(ERR_MEMORY, "out of memory while printing JSON");
    if (e || (e = json_add_string(root, "task", rec->task.name))) goto done;
    if ((e = json_add_string(root, "model", rec->model.name))) goto done;
    if ((e = json_add_string(root, "device", rec->device.name))) goto done;
    if ((e = json_add_number(root, "seed", (double)rec->seed))) goto done;
    if ((e = json_add_string(root, "protocol", rec->protocol))) goto done;
    if ((e = json_add_bool(root, "partial", rec->partial))) goto done;
    if ((e = json_add_string(root, "headline", rec->headline))) goto done;
    if ((e = json_add_number(root, "score", s->score))) goto done;
    if ((e = json_add_array(&range, root, "interval"))) goto done;
    if ((e = json_append(range, cJSON_CreateNumber(s->range.low)))) goto done;
    if ((e = json_append(range, cJSON_CreateNumber(s->range.high)))) goto done;
    if ((e = json_add_number(root, "score_dedup", s->dedup))) goto done;
    if ((e = json_add_number(root, "majority", s->majority))) goto done;
    if ((e = json_add_string(root, "caution", score_caution_text(s->caution)))) goto done;
    if ((e = json_add_object(&metrics, root, "metrics"))) goto done;
    for (size_t i = 0; !e && i < r->task.metric_count; i++)
        e = json_add_number(metrics, r->task.metrics[i], record_metric(rec, r->task.metrics[i]));
    if (e || (e = json_add_number(root, "steps", (double)rec->timing.steps))) goto done;
    if ((e = json_add_number(root, "first_loss", rec->loss_count ? (double)rec->loss[0] : 0)))
        goto done;
    if ((e = json_add_number(root, "last_loss",
                             rec->loss_count ? (double)rec->loss[rec->loss_count - 1] : 0)))
        goto done;
    if ((e = json_add_number(root, "train_s", rec->timing.train_s))) goto done;
    if ((e = json_add_string(root, "final_weights_sha256", rec->final_weights_sha256))) goto done;
    if ((e = json_add_string(root, "output", r->output))) goto done;
    if ((e = json_add_string(root, "record", path))) goto done;
    if ((e = json_print(&text, root, false))) goto done;
    puts(text);
done:
    mem_free(text);
    cJSON_Delete(root);
    return e;
}
