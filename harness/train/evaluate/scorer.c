#include "train/evaluate/scorer.h"

#include "base/memory.h"
#include "model/weights/weights.h"
#include "text/markers.h"
#include "train/evaluate/shared.h"
#include "train/run/labels.h"

#include <inttypes.h>

/* A classifier whose rows are not what config.json names. */
static err check_labels(const base_model *s) {
    char key[PARAM_NAME_BYTES];
    if (!s->classifier_rows || s->classifier_rows == s->config.classes) return ERR_OK;
    param_field_key(s->config.family, head_of(&s->config)->output, 0, 0, key);
    return err_set(ERR_DATA,
                   "%s: config.json says %u labels (id2label or num_labels), but tensor "
                   "'%s' has %" PRIu64 " rows",
                   s->folder, s->config.classes, key, s->classifier_rows);
}

err scorer_open(scorer *s, const char *folder, const base_model_options *wish, const char *selector,
                const device_options *options) {
    weights_report report = {0};
    err e = ERR_OK;
    *s = (scorer){0};
    if ((e = base_model_open_folder(&s->base_model, folder, wish))) return e;
    if ((e = check_labels(&s->base_model))) return e;
    if ((e = device_open_named(&s->device, selector, options))) return e;
    s->device_is_open = true;
    if ((e = model_init(&s->model, &s->device, &s->base_model.config, 0))) return e;
    // until scorer_match: texts without targets
    if (!answer_in_units(s->model.head->target.kind)) s->model.head = &head_classification;
    e = weights_load(&s->model.params, &report, s->base_model.folder, 0, 0);
    if (!e && report.drawn_count)
        e = err_set(ERR_DATA, "%s: no fine-tuned classifier there: tensor '%s' is missing",
                    s->base_model.folder, report.drawn[0]);
    weights_report_free(&report);
    return e;
}

err scorer_order_tags(scorer *s) {
    uint32_t *rows = NULL;
    if (s->model.head->target.kind != ANSWER_TAGS) return ERR_OK;
    err e = labels_order_tags(&rows, &s->base_model.config, s->base_model.folder);
    if (!e && rows) e = weights_move_rows(&s->model.params, rows);
    s->model.config.labels = NULL; // those of before
    mem_free(rows);
    return e;
}

/* What was fine-tuned answers in the task's kind: by config.json's problem_type, and one output
 * alone is a number. A model of classes is taken by its largest score, whatever trained it. */
static err check_kind(const base_model *from, const task *t) {
    model_scores said = from->config.scores;
    const head *own = head_of(&from->config);
    bool fits = answer_in_units(t->kind) || answer_in_units(own->target.kind)
                    ? own == head_of_kind(t->kind)
                    : answer_is_label(t->kind) ||
                          (t->kind == ANSWER_NUMBER && from->config.classes == 1) ||
                          (t->kind == ANSWER_SET && said == MODEL_SCORES_SIGMOID);
    if (fits) return ERR_OK;
    if (answer_in_units(t->kind) || answer_in_units(own->target.kind))
        return err_set(ERR_DATA, "%s: a model of class %s%s, task %s is of kind %s", from->folder,
                       from->config.family->class_name, own->class_name, t->name,
                       answer_kind_name(t->kind));
    return err_set(ERR_DATA, "%s: a model of %u outputs and problem_type %s, task %s is of kind %s",
                   from->folder, from->config.classes,
                   said == MODEL_SCORES_RAW       ? "regression"
                   : said == MODEL_SCORES_SIGMOID ? "multi_label_classification"
                                                  : "single_label_classification",
                   t->name, answer_kind_name(t->kind));
}

/* A parser reads the pieces of words that it was trained on. */
static err check_pieces(const base_model *from, const task *t) {
    static const char *const names[] = {"last", "first"};
    if (t->kind != ANSWER_ARCS || from->config.first_pieces == t->tree.first_pieces) return ERR_OK;
    return err_set(ERR_DATA, "%s: a parser of the %s pieces of words, task %s says %s",
                   from->folder, names[from->config.first_pieces], t->name,
                   names[t->tree.first_pieces]);
}

static err check_markers(const base_model *from, const task *t) {
    for (size_t i = 0; i < MARKER_COUNT; i++)
        if (tokenizer_id(&from->tokenizer, text_markers[i]) == TOKENIZER_NO_ID)
            return err_set(ERR_DATA,
                           "%s: its tokenizer has no %s, which marks an entity in task %s",
                           from->folder, text_markers[i], t->name);
    return ERR_OK;
}

err scorer_match(scorer *s, const task *t, const char *map) {
    base_model *from = &s->base_model;
    model_scores scores = from->config.scores;
    err e = labels_check_map(t, map);
    if (!e) e = check_kind(from, t);
    if (!e) e = check_pieces(from, t);
    if (!e && t->kind == ANSWER_RELATION) e = check_markers(from, t);
    if (!e && t->kind != ANSWER_NUMBER)
        e = labels_match(&from->label_rows, &from->config, t, map, from->folder);
    if (!e && from->label_rows) e = weights_move_rows(&s->model.params, from->label_rows);
    if (!e) e = labels_set(&from->config, t);
    if (answer_is_label(t->kind)) from->config.scores = scores;
    s->model.config.labels = NULL; // those of before
    s->model.config.tree_rule = from->config.tree_rule;
    s->model.head = head_of_kind(t->kind);
    return e;
}

void scorer_close(scorer *s) {
    model_free(&s->model);
    if (s->device_is_open) device_close(&s->device);
    base_model_free(&s->base_model);
    *s = (scorer){0};
}

err scorer_run(scorer *s, float *logits, double *loss, const encoded *rows, uint32_t batch_size,
               const char *progress) {
    evaluator ev = {0};
    batch_capacity capacity = {0};
    if (!rows->count) return ERR_OK;
    evaluator_capacity(&capacity, rows, batch_size, NULL);
    err e = evaluator_init(&ev, &s->model, NULL, &capacity, batch_size);
    if (!e) e = evaluator_run_shared(&ev, s->group, logits, loss, rows, progress);
    evaluator_free(&ev);
    return e;
}
