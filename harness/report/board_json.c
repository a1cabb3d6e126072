#include "report/report_internal.h"

static err add_rounded(cJSON *o, const char *key, double value) {
    return json_add_number(o, key, report__rounded(value));
}

static err row_json(cJSON *list, const board_row *row) {
    const record *r = row->runs[0];
    cJSON *o = cJSON_CreateObject(), *seeds, *range;
    err e;
    if ((e = json_append(list, o)) ||
        (e = row->rank ? json_add_number(o, "rank", (double)row->rank)
                       : json_add_string(o, "rank", NULL)) ||
        (e = json_add_string(o, "model", r->model.name)) ||
        (e = json_add_string(o, "weights_sha256", r->model.weights_sha256)) ||
        (e = json_add_number(o, "parameters", (double)r->model.parameters)) ||
        (e = json_add_string(o, "recipe_sha256", r->recipe_sha256)) ||
        (e = json_add_string(o, "recipe", row->words)) ||
        (e = json_add_string(o, "device_kind", r->device.kind)) ||
        (e = json_add_string(o, "device", r->device.name)) ||
        (e = json_add_string(o, "precision", r->device.precision)) ||
        (e = json_add_array(&seeds, o, "seeds")))
        return e;
    for (size_t k = 0; k < row->run_count; k++)
        if ((e = json_append(seeds, cJSON_CreateNumber((double)row->runs[k]->seed)))) return e;
    if ((e = add_rounded(o, "mean", row->mean)) || (e = add_rounded(o, "std", row->std)) ||
        (e = json_add_array(&range, o, "interval")) ||
        (e = json_append(range, cJSON_CreateNumber(report__rounded(row->range.low)))) ||
        (e = json_append(range, cJSON_CreateNumber(report__rounded(row->range.high)))) ||
        (e = json_add_bool(o, "rows_only", row->rows_only)) ||
        (e = add_rounded(o, "deduplicated", row->dedup_mean)) ||
        (e = json_add_number(o, "runs_of_one_label", (double)row->one_label)) ||
        (e = json_add_number(o, "runs_below_baseline", (double)row->below_majority)))
        return e;
    return add_rounded(o, "train_s", row->train_s);
}

static err table_json(cJSON *list, const board_table *t) {
    const record *r = t->rows[0].runs[0];
    cJSON *o = cJSON_CreateObject(), *rows;
    err e;
    if ((e = json_append(list, o)) || (e = json_add_string(o, "task", r->task.name)) ||
        (e = json_add_number(o, "task_version", (double)r->task.version)) ||
        (e = json_add_string(o, "data_sha256", r->task.data_sha256)) ||
        (e = json_add_string(o, "protocol", r->protocol)) ||
        (e = json_add_bool(o, "superseded", t->superseded)) ||
        (e = json_add_string(o, "metric", t->headline->name)) ||
        (e = json_add_number(o, "test_rows", (double)r->task.test_rows)) ||
        (e = json_add_number(o, "deduplicated_rows", (double)r->confusion_dedup.total)) ||
        (e = json_add_number(o, "leaked_rows", (double)r->task.leaked_rows)) ||
        (e = add_rounded(o, "baseline", t->baseline)) ||
        (e = add_rounded(o, "baseline_deduplicated", t->baseline_dedup)) ||
        (e = json_add_array(&rows, o, "rows")))
        return e;
    for (size_t i = 0; i < t->row_count && !e; i++) e = row_json(rows, &t->rows[i]);
    return e;
}

static err overall_json(cJSON *top, const board *b) {
    cJSON *list;
    err e = json_add_array(&list, top, "overall");
    for (size_t i = 0; i < b->overall_count && !e; i++) {
        const board_overall *x = &b->overall[i];
        const record *r = x->any;
        cJSON *o = cJSON_CreateObject(), *scores;
        if ((e = json_append(list, o)) || (e = json_add_string(o, "model", r->model.name)) ||
            (e = json_add_string(o, "device", r->device.name)) ||
            (e = json_add_string(o, "precision", r->device.precision)) ||
            (e = x->complete ? add_rounded(o, "mean", x->mean)
                             : json_add_string(o, "mean", NULL)) ||
            (e = json_add_object(&scores, o, "tasks")))
            return e;
        for (size_t k = 0; k < b->task_count && !e; k++)
            if (x->rows[k])
                e = add_rounded(scores, x->rows[k]->runs[0]->task.name, x->rows[k]->mean);
    }
    return e;
}

err board_json(strbuf *out, const board *b) {
    cJSON *top = cJSON_CreateObject(), *tables, *left_out;
    char *text = NULL;
    err e;
    if (!top) return err_set(ERR_MEMORY, "out of memory while building JSON");
    if ((e = json_add_array(&tables, top, "tables"))) goto done;
    for (size_t i = 0; i < b->table_count; i++)
        if ((e = table_json(tables, &b->tables[i]))) goto done;
    if ((e = overall_json(top, b)) || (e = json_add_array(&left_out, top, "left_out"))) goto done;
    for (size_t i = 0; i < b->note_count; i++)
        if ((e = json_append(left_out, cJSON_CreateString(b->notes[i])))) goto done;
    if ((e = json_print(&text, top, true)) || (e = strbuf_add(out, text))) goto done;
    e = strbuf_add(out, "\n");
done:
    mem_free(text);
    cJSON_Delete(top);
    return e;
}
