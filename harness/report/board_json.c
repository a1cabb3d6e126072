#include "report/cost.h"
#include "report/report_internal.h"
#include "task/task.h"
#include "train/run/model_corpus.h"

#include <math.h>

/* What the model was pretrained on, where its record says it. */
static err corpus_json(cJSON *row, const record *r) {
    strbuf names = {0};
    if (!r->model.corpus) return ERR_OK;
    err e = model_corpus_names(&names, r->model.corpus);
    if (!e)
        e = json_put(row, "corpus %s corpus_leaves_tests_out %d corpus_same_source %d", names.text,
                     model_corpus_leaves_out(r->model.corpus, r->task.name),
                     r->model.corpus_is_source);
    strbuf_free(&names);
    return e;
}

/* What the row cost; of protocol dev also the mean time until the table's dev score, of the runs that
 * reached it. What the machine did not tell is null. */
static err cost_json(cJSON *row, const cost_point *p, cost_target target) {
    cJSON *o;
    err e = json_add_object(&o, row, "cost");
    if (!e)
        e = json_put(o,
                     "train_sentences_per_s %f eval_sentences_per_s %f device_mib %f host_mib %f "
                     "train_j %f runs_throttled %zu runs_beside_others %zu on_front %d",
                     report__rounded(p->train_rate), report__rounded(p->eval_rate),
                     report__rounded(p->device_mib), report__rounded(p->host_mib),
                     p->told ? report__rounded(p->joules) : (double)NAN, p->throttled,
                     p->row->beside, p->on_front);
    if (e || !target.metric) return e;
    return json_put(o, "until_dev_score_s %f runs_that_reached %zu",
                    p->reached ? report__rounded(p->until_s) : (double)NAN, p->reached);
}

static err row_json(cJSON *list, const cost_point *cost, cost_target target) {
    const board_row *row = cost->row;
    const record *r = row->runs[0];
    const double range[] = {report__rounded(row->range.low), report__rounded(row->range.high)};
    cJSON *o, *seeds;
    err e = json_append_object(&o, list);
    if (e ||
        (e = json_put(
             o,
             "rank %f model %s weights_sha256 %s parameters %f recipe_sha256 %s recipe %s made %s "
             "device_kind %s device %s precision %s",
             row->rank ? (double)row->rank : (double)NAN, r->model.name, r->model.weights_sha256,
             (double)r->model.parameters, r->recipe_sha256, row->words, row->made, r->device.kind,
             RECORD_DEVICE(r), r->device.precision)) ||
        (e = json_add_array(&seeds, o, "seeds")))
        return e;
    for (size_t k = 0; k < row->run_count; k++)
        if ((e = json_append(seeds, cJSON_CreateNumber((double)row->runs[k]->seed)))) return e;
    e = json_put(o, "mean %f std %f", report__rounded(row->mean), report__rounded(row->std));
    if (e || (e = json_put_numbers(o, "interval", range, 2))) return e;
    if ((e = corpus_json(o, r))) return e;
    e = json_put(o,
                 "rows_only %d deduplicated %f runs_of_one_label %zu runs_below_baseline %zu "
                 "train_s %f",
                 row->rows_only, report__rounded(row->dedup_mean),
                 row->cautions[SCORE_ONE_LABEL] + row->cautions[SCORE_ONE_SET],
                 row->cautions[SCORE_BELOW_MAJORITY], report__rounded(row->train_s));
    return e ? e : cost_json(o, cost, target);
}

static err table_json(cJSON *list, const board *b, const board_table *t) {
    const record *r = t->rows[0].runs[0];
    cost_target target = cost_target_of(b, t);
    cost_point *points = NULL;
    cJSON *o, *rows;
    err e = json_append_object(&o, list);
    if (e ||
        (e = json_put(o,
                      "task %s task_version %f data_sha256 %s protocol %s superseded %d metric %s "
                      "test_rows %f deduplicated_rows %f leaked_rows %f baseline %f "
                      "baseline_deduplicated %f",
                      r->task.name, (double)r->task.version, r->task.data_sha256, r->protocol,
                      !!(t->apart & APART_VERSION), t->headline->name, (double)r->task.test_rows,
                      (double)r->confusion_dedup.total, (double)r->task.leaked_rows,
                      report__rounded(t->baseline), report__rounded(t->baseline_dedup))) ||
        (target.metric && (e = json_put(o, "dev_metric %s dev_score %f", target.metric,
                                        report__rounded(cost_shown(target))))) ||
        (e = json_add_array(&rows, o, "rows")))
        return e;
    e = cost_points(&points, t, target);
    for (size_t i = 0; i < t->row_count && !e; i++) e = row_json(rows, &points[i], target);
    mem_free(points);
    return e;
}

static err overall_json(cJSON *top, const board *b) {
    cJSON *list;
    err e = json_add_array(&list, top, "overall");
    for (size_t i = 0; i < b->overall_count && !e; i++) {
        const board_overall *x = &b->overall[i];
        const record *r = x->any;
        cJSON *o, *scores;
        if ((e = json_append_object(&o, list)) ||
            (e = json_put(o, "model %s device %s precision %s mean %f", r->model.name,
                          RECORD_DEVICE(r), r->device.precision,
                          x->complete ? report__rounded(x->mean) : (double)NAN)) ||
            (e = json_add_object(&scores, o, "tasks")))
            return e;
        for (size_t k = 0; k < b->task_count && !e; k++)
            if (x->rows[k])
                e = json_add_number(scores, x->rows[k]->runs[0]->task.name,
                                    report__rounded(x->rows[k]->mean));
    }
    return e;
}

static err group_rows_json(cJSON *list, const board_group *g) {
    err e = ERR_OK;
    for (size_t i = 0; i < g->row_count && !e; i++) {
        const board_group_row *row = &g->rows[i];
        cJSON *o, *scores;
        if ((e = json_append_object(&o, list)) ||
            (e = json_put(o, "model %s published %d", row->model, !row->run)) ||
            (row->run && (e = json_put(o, "device %s precision %s", RECORD_DEVICE(row->run),
                                       row->run->device.precision))) ||
            (e = json_add_array(&scores, o, "scores")))
            return e;
        for (size_t c = 0; c < g->column_count && !e; c++)
            e = json_append(scores, isnan(row->scores[c])
                                        ? cJSON_CreateNull()
                                        : cJSON_CreateNumber(report__rounded(row->scores[c])));
    }
    return e;
}

static err groups_json(cJSON *top, const board *b) {
    cJSON *list = NULL, *o, *columns, *rows, *column;
    err e = ERR_OK;
    for (size_t i = 0; i < b->group_count && !e; i++) {
        const board_group *g = &b->groups[i];
        if (!g->model_count) continue;
        if (!list && (e = json_add_array(&list, top, "groups"))) return e;
        if ((e = json_append_object(&o, list)) ||
            (e = json_put(o, "group %s title %s sources %s", g->name, g->title, g->sources)) ||
            (e = json_add_array(&columns, o, "columns")))
            return e;
        for (size_t c = 0; c < g->column_count; c++)
            if ((e = json_append_object(&column, columns)) ||
                (e = json_put(column, "task %s metric %s", g->columns[c].task->name,
                              g->columns[c].metric->name)))
                return e;
        if (!(e = json_add_array(&rows, o, "rows"))) e = group_rows_json(rows, g);
    }
    return e;
}

err board_json(strbuf *out, const board *b) {
    cJSON *top = cJSON_CreateObject(), *tables, *left_out;
    err e;
    if ((e = json_add_array(&tables, top, "tables"))) goto done;
    for (size_t i = 0; i < b->table_count; i++)
        if ((e = table_json(tables, b, &b->tables[i]))) goto done;
    if ((e = overall_json(top, b)) || (e = groups_json(top, b)) ||
        (e = json_add_array(&left_out, top, "left_out")))
        goto done;
    for (size_t i = 0; i < b->note_count; i++)
        if ((e = json_append(left_out, cJSON_CreateString(b->notes[i].text)))) goto done;
    e = json_text(out, top);
done:
    cJSON_Delete(top);
    return e;
}
