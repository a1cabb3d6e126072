/* `harness predict`: the labels of sentences, from arguments or one a line from standard input.
 *
 * Sentences are scored in windows, which grow from one batch, so that the first answers come soon.
 * They are not sorted by length: batches hold no padding, and sorting was measured to gain nothing.
 */
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/entities.h"
#include "cli/find_run.h"
#include "cli/line_reader.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/predict_tree.h"
#include "text/unicode.h"
#include "train/evaluate/scorer.h"
#include "train/run/labels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW_LINES = 4096, LABEL_COLUMNS = 16, BATCH_SENTENCES = 64 };

/* A label and what the model gives it. */
typedef struct score {
    double value;
    uint32_t id;
} score;

typedef struct predictor {
    scorer scorer;
    evaluator evaluator; /* for batches of up to evaluator.capacity */
    bool evaluator_is_open;
    const options *options;
    uint32_t max_length, batch_size, classes;
    uint32_t top;  /* labels shown */
    score *scores; /* (classes) owned */
    bool in_units; /* each unit of a text is answered */
    unit_kind unit;
    size_t done, cut;
} predictor;

static const char *label_name(const predictor *p, uint32_t id, char room[24]) {
    const model_config *c = &p->scorer.source.config;
    if (c->labels) return c->labels[id];
    snprintf(room, 24, "LABEL_%u", id);
    return room;
}

/* --- scores --- */

/* Largest first, the lower id first among equals. */
static int by_value(const void *a, const void *b) {
    const score *x = a, *y = b;
    if (x->value != y->value) return x->value > y->value ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* Scores of one sentence, ordered, as transformers' text-classification pipeline computes them. */
static void rank(predictor *p, double *values, const float *logits) {
    model_scores kind = p->scorer.source.config.scores;
    if (kind == MODEL_SCORES_SOFTMAX) {
        predict_probabilities(values, logits, p->classes);
    } else {
        for (uint32_t c = 0; c < p->classes; c++) {
            double x = (double)logits[c];
            values[c] = kind == MODEL_SCORES_RAW ? x : 1 / (1 + exp(-x));
        }
    }
    for (uint32_t c = 0; c < p->classes; c++) p->scores[c] = (score){values[c], c};
    qsort(p->scores, p->classes, sizeof *p->scores, by_value);
}

/* --- answers --- */

/* Whether a model says each label by itself, from one half on. */
static bool says_several(const predictor *p) {
    return p->scorer.source.config.scores == MODEL_SCORES_SIGMOID && p->classes > 1;
}

/* The labels that it says, best first. */
static err add_said(cJSON *root, const predictor *p) {
    cJSON *list = NULL;
    err e = json_add_array(&list, root, "labels");
    for (uint32_t k = 0; !e && k < p->classes && p->scores[k].value > 0.5; k++) {
        char room[24];
        e = json_append(list, cJSON_CreateString(label_name(p, p->scores[k].id, room)));
    }
    return e;
}

static err print_object(const predictor *p, const example *of, const double *values) {
    char room[24], *line = NULL;
    cJSON *root = cJSON_CreateObject(), *scores = NULL;
    const score *best = p->scores;
    err e = root ? ERR_OK : err_set(ERR_MEMORY, "out of memory while printing JSON");
    if (e || (e = json_add_string(root, "text", of->texts[0].text))) goto done;
    if (of->text_count > 1 && (e = json_add_string(root, "text_pair", of->texts[1].text)))
        goto done;
    if (says_several(p) && (e = add_said(root, p))) goto done;
    if ((e = json_add_string(root, "label", label_name(p, best->id, room)))) goto done;
    if ((e = json_add_number(root, "label_id", best->id))) goto done;
    if ((e = json_add_number(root, "score", best->value))) goto done;
    if ((e = json_add_object(&scores, root, "scores"))) goto done;
    // all in the order of ids, or the best ones in theirs
    bool is_ranked = p->options->has_top_k;
    uint32_t shown = is_ranked ? p->top : p->classes;
    for (uint32_t k = 0; !e && k < shown; k++) {
        uint32_t id = is_ranked ? p->scores[k].id : k;
        e = json_add_number(scores, label_name(p, id, room), values[id]);
    }
    if (!e && !(e = json_print(&line, root, false))) puts(line);
done:
    mem_free(line);
    cJSON_Delete(root);
    return e;
}

static err print_row(const predictor *p, const example *of) {
    strbuf line = {0};
    char room[24];
    uint32_t shown = p->top;
    err e = ERR_OK;
    if (says_several(p) && !p->options->has_top_k) { // what it says, or that it says nothing
        for (shown = 0; shown < p->classes && p->scores[shown].value > 0.5;) shown++;
        if (!shown && (e = text_column(&line, "-", LABEL_COLUMNS + 9))) goto done;
    }
    for (uint32_t k = 0; !e && k < shown; k++) {
        e = text_column(&line, label_name(p, p->scores[k].id, room), LABEL_COLUMNS);
        if (!e) e = strbuf_printf(&line, " %.4f  ", p->scores[k].value);
    }
    const char *pair = of->text_count > 1 ? of->texts[1].text : "";
    if (!e)
        e = shown_printf(&line, SHOWN_TERMINAL, "%s%s%s\n", of->texts[0].text, *pair ? " | " : "",
                         pair);
    if (!e) fputs(line.text, stdout);
done:
    strbuf_free(&line);
    return e;
}

static err print_all(predictor *p, const example *examples, const float *logits, size_t count) {
    double *values = NULL;
    err e = mem_new(&values, p->classes);
    for (size_t i = 0; !e && i < count; i++) {
        rank(p, values, logits + i * p->classes);
        e = p->options->json ? print_object(p, &examples[i], values) : print_row(p, &examples[i]);
    }
    if (!e) e = output_check();
    mem_free(values);
    return e;
}

/* --- entities --- */

/* Divides texts into units; those of a text before are freed by free_units. */
static err find_units(const predictor *p, example *examples, size_t count) {
    err e = ERR_OK;
    for (size_t i = 0; i < count && !e; i++) {
        text_unit *list = NULL;
        example_units *units = &examples[i].target.units;
        e = units_find(&list, &units->count, p->unit, examples[i].texts[0].text,
                       examples[i].texts[0].bytes);
        units->list = list;
        examples[i].in_units = true;
        examples[i].in_tree = p->scorer.model.head->target.kind == ANSWER_ARCS;
        examples[i].first_pieces = p->scorer.source.config.first_pieces;
    }
    return e;
}

static void free_units(const example *examples, size_t count) {
    for (size_t i = 0; i < count; i++) mem_free((void *)(uintptr_t)examples[i].target.units.list);
}

/* What the tokens that answer give their tags, NAN for units inside one. */
static err score_units(double **scores, const predictor *p, const encoded *rows, size_t units,
                       const float *logits) {
    double *values = NULL;
    size_t u = 0;
    err e = mem_new(scores, units);
    if (!e) e = mem_new(&values, p->classes);
    for (size_t i = 0; !e && i < rows->count; i++)
        for (uint32_t k = 0; k < rows->units[i].count; k++, u++) {
            (*scores)[u] = (double)NAN;
            if (rows->units[i].first[k] < 0) continue;
            predict_probabilities(values, logits, p->classes);
            for (uint32_t c = 0; c < p->classes; c++)
                (*scores)[u] = c ? fmax((*scores)[u], values[c]) : values[c];
            logits += p->classes;
        }
    mem_free(values);
    return e;
}

static err print_entities(const predictor *p, const tagged_text *t) {
    strbuf marked = {0}, line = {0};
    char *text = NULL;
    cJSON *root = NULL;
    err e = ERR_OK;
    if (p->options->json) {
        root = cJSON_CreateObject();
        e = root ? ERR_OK : err_set(ERR_MEMORY, "out of memory while printing JSON");
        if (!e) e = json_add_string(root, "text", t->of->texts[0].text);
        if (!e) e = entities_json(root, t);
        if (!e && !(e = json_print(&text, root, false))) puts(text);
    } else if (!(e = entities_mark(&marked, t)) &&
               !(e = shown_printf(&line, SHOWN_TERMINAL, "%s\n", marked.text))) {
        fputs(line.text, stdout);
    }
    cJSON_Delete(root);
    mem_free(text);
    strbuf_free(&marked);
    strbuf_free(&line);
    return e;
}

static err print_all_entities(const predictor *p, const example *examples, const encoded *rows,
                              const float *logits) {
    answer_arrays said = {0};
    double *scores = NULL;
    const model_config *c = &p->scorer.source.config;
    err e =
        predict_answers(&said.classes, &said.begin, p->scorer.model.head, logits, rows, p->classes);
    if (!e) e = score_units(&scores, p, rows, said.begin[rows->count], logits);
    for (size_t i = 0; !e && i < rows->count; i++)
        e = print_entities(p, &(tagged_text){.of = &examples[i],
                                             .tags = said.classes + said.begin[i],
                                             .labels = (const char *const *)c->labels,
                                             .classes = p->classes,
                                             .scores = scores + said.begin[i]});
    if (!e) e = output_check();
    answer_arrays_free(&said);
    mem_free(scores);
    return e;
}

/* --- a window --- */

static void raise_to(uint32_t *most, uint32_t value) {
    if (value > *most) *most = value;
}

/* Makes the evaluator large enough for these rows. */
static err make_room(predictor *p, const encoded *rows) {
    const batch_capacity *have = &p->evaluator.capacity;
    batch_capacity need = {0};
    evaluator_capacity(&need, rows, p->batch_size);
    if (p->evaluator_is_open) {
        if (need.tokens <= have->tokens && need.sentences <= have->sentences &&
            need.micros <= have->micros && need.max_length <= have->max_length)
            return ERR_OK;
        raise_to(&need.tokens, have->tokens);
        raise_to(&need.sentences, have->sentences);
        raise_to(&need.micros, have->micros);
        raise_to(&need.max_length, have->max_length);
        evaluator_free(&p->evaluator);
        p->evaluator_is_open = false;
    }
    err e = evaluator_init(&p->evaluator, &p->scorer.model, NULL, &need, p->batch_size);
    p->evaluator_is_open = !e;
    return e;
}

static err predict_some(predictor *p, example *examples, size_t count) {
    encoded rows = {0};
    float *logits = NULL;
    bool trees = p->scorer.model.head->target.kind == ANSWER_ARCS;
    err e = p->in_units ? find_units(p, examples, count) : ERR_OK;
    if (!e) e = encode_examples(&rows, &p->scorer.source.words, examples, count, p->max_length);
    if (e || (e = mem_new(&logits, encoded_results(&rows) * evaluated_width(&p->scorer.model))))
        goto done;
    if ((e = make_room(p, &rows))) goto done;
    if ((e = evaluator_run(&p->evaluator, logits, NULL, &rows, NULL))) goto done;
    p->cut += rows.cut;
    p->done += count;
    e = trees         ? predict_tree_print(&p->scorer, examples, &rows, logits, p->options->json)
        : p->in_units ? print_all_entities(p, examples, &rows, logits)
                      : print_all(p, examples, logits, count);
done:
    if (p->in_units) free_units(examples, count);
    mem_free(logits);
    encoded_free(&rows);
    return e;
}

/* The lines before the one that the error is about are answered first. */
static err predict_good(predictor *p, example *examples, size_t count, err bad) {
    char *message = NULL;
    err e = mem_strdup(&message, err_message(bad));
    if (!e) e = predict_some(p, examples, count);
    if (!e) e = err_set(bad, "%s", message);
    mem_free(message);
    return e;
}

/* Lines of standard input, of which p->done were predicted; those of pairs are cut at their tabs.
 */
static err predict_lines(predictor *p, char **lines, size_t count) {
    example *examples = NULL;
    size_t good = 0;
    err e = mem_new(&examples, count);
    for (; !e && good < count; good += !e) {
        char *line = lines[good];
        examples[good] = (example){.texts = {{line, strlen(line)}}, .text_count = 1};
        if (p->options->pair)
            e = example_cut(&examples[good], line, "standard input", p->done + good + 1);
    }
    if (!e)
        e = predict_some(p, examples, count);
    else if (good)
        e = predict_good(p, examples, good, e);
    mem_free(examples);
    return e;
}

static err predict_input(predictor *p) {
    line_reader input;
    size_t most = p->batch_size < WINDOW_LINES ? p->batch_size : WINDOW_LINES;
    bool shows_progress = !isatty(STDIN_FILENO) && !isatty(STDOUT_FILENO);
    err e = ERR_OK;
    if (isatty(STDIN_FILENO)) log_note("one sentence a line; Ctrl-D ends");
    line_reader_init(&input, STDIN_FILENO, "standard input");
    while (!(e = line_reader_window(&input, most)) && input.count) {
        bool is_full = input.count == most;
        if ((e = predict_lines(p, input.lines, input.count))) break;
        if (is_full) most = 2 * most < WINDOW_LINES ? 2 * most : WINDOW_LINES;
        if (shows_progress) log_progress("%zu sentences", p->done);
    }
    log_progress_end();
    line_reader_free(&input);
    return e;
}

static err predict_arguments(predictor *p) {
    const options *o = p->options;
    uint32_t each = o->pair ? 2 : 1;
    size_t count = o->arg_count / each;
    example *examples = NULL;
    err e = mem_new(&examples, count);
    for (size_t i = 0; !e && i < count; i++) {
        examples[i].text_count = each;
        for (uint32_t k = 0; k < each; k++) {
            const char *text = o->args[i * each + k];
            examples[i].texts[k] = (text_span){text, strlen(text)};
        }
    }
    for (size_t at = 0; !e && at < count; at += WINDOW_LINES)
        e = predict_some(p, examples + at, count - at < WINDOW_LINES ? count - at : WINDOW_LINES);
    mem_free(examples);
    return e;
}

static err check_arguments(const options *o) {
    for (size_t i = 0; i < o->arg_count; i++) {
        size_t bad = 0;
        if (!utf8_valid(o->args[i], strlen(o->args[i]), &bad))
            return err_set(ERR_USAGE, "sentence %zu: byte %zu is not UTF-8", i + 1, bad + 1);
    }
    if (o->pair && o->arg_count % 2)
        return err_set(ERR_USAGE, "--pair takes two texts for each pair, found %zu", o->arg_count);
    if (o->has_per_device_eval_batch_size && !o->per_device_eval_batch_size)
        return err_set(ERR_USAGE, "--eval-batch-size expects 1 or more, found 0");
    if (o->has_top_k && !o->top_k) return err_set(ERR_USAGE, "--top-k expects 1 or more, found 0");
    return ERR_OK;
}

/* A stranger's model answers in the names of the task that it is for, or in those of the map. */
static err match_labels(predictor *p) {
    const options *o = p->options;
    task t = {0};
    if (!o->task && o->label_map) {
        err e = labels_rename(&p->scorer.source.config, o->label_map, p->scorer.source.folder);
        return e ? e : scorer_order_tags(&p->scorer);
    }
    if (!o->task || (!o->checkpoint && !o->label_map && !p->in_units))
        return scorer_order_tags(&p->scorer);
    err e = task_find(&t, o->task, o->task_dir);
    if (!e) e = scorer_match(&p->scorer, &t, o->label_map);
    if (!e) p->unit = t.format.unit;
    task_free(&t);
    return e;
}

static err open_predictor(predictor *p, const char *folder) {
    const options *o = p->options;
    device_options wish = {.threads = o->threads};
    const source_options from = {.cased = o->cased};
    err e = device_precision_find(&wish.precision, o->precision);
    if (!e) e = scorer_open(&p->scorer, folder, &from, o->device, &wish);
    if (e) return e;
    p->in_units = answer_in_units(p->scorer.model.head->target.kind);
    if ((e = match_labels(p))) return e;
    bool trees = p->scorer.model.head->target.kind == ANSWER_ARCS;
    if (trees) p->unit = UNIT_WORD;
    if (p->in_units && (o->pair || o->has_top_k))
        return err_set(ERR_USAGE, "%s: a model of %s takes no --%s", p->scorer.source.folder,
                       trees ? "trees" : "entities", o->pair ? "pair" : "top-k");
    p->classes = p->scorer.source.config.classes;
    p->batch_size =
        o->has_per_device_eval_batch_size ? o->per_device_eval_batch_size : BATCH_SENTENCES;
    p->top = o->has_top_k ? o->top_k : 1;
    if (p->top > p->classes) p->top = p->classes; // as the pipeline: all there are
    p->max_length = source_max_length(&p->scorer.source, o->max_length, UINT32_MAX);
    return mem_new(&p->scores, p->classes);
}

err verb_predict(const options *o) {
    predictor p = {.options = o};
    char *folder = NULL;
    err e = check_arguments(o);
    if (e) return e;
    if ((e = find_run(&folder, o->checkpoint, o->task))) goto done;
    if ((e = open_predictor(&p, folder))) goto done;
    e = o->arg_count ? predict_arguments(&p) : predict_input(&p);
    if (!e && p.cut)
        log_note("%zu sentences are longer than %u tokens and were cut", p.cut, p.max_length);
done:
    if (p.evaluator_is_open) evaluator_free(&p.evaluator);
    mem_free(p.scores);
    scorer_close(&p.scorer);
    mem_free(folder);
    return e;
}
