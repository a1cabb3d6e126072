/* `harness predict`: the labels of sentences, from arguments or one a line from standard input.
 *
 * Sentences are scored in windows, which grow from one batch, so that the first answers come soon.
 * They are not sorted by length: batches hold no padding, and sorting was measured to gain nothing.
 */
#include "base/foreign.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/entities.h"
#include "cli/find_run.h"
#include "cli/line_reader.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/predict_file.h"
#include "cli/predict_tree.h"
#include "cli/predict_units.h"
#include "cli/predictor.h"
#include "cli/unknown_share.h"
#include "platform/stream.h"
#include "text/unicode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW_LINES = 4096 };

/* The labels that it says, best first. */
static err add_said(cJSON *root, const predictor *p) {
    cJSON *list = NULL;
    err e = json_add_array(&list, root, "labels");
    for (uint32_t k = 0; !e && k < predictor_said(p); k++) {
        char fallback[24];
        e = json_append(list, cJSON_CreateString(predictor_label(p, p->scores[k].id, fallback)));
    }
    return e;
}

static err print_object(const predictor *p, const example *of) {
    char fallback[24], *line = NULL;
    cJSON *root = cJSON_CreateObject(), *scores = NULL;
    const label_score *best = p->scores;
    err e = json_add_string(root, "text", of->texts[0].text);
    if (e) goto done;
    if (of->text_count > 1 && (e = json_add_string(root, "text_pair", of->texts[1].text)))
        goto done;
    if (predictor_says_several(p) && (e = add_said(root, p))) goto done;
    if ((e = json_put(root, "label %s label_id %u", predictor_label(p, best->id, fallback),
                      best->id)))
        goto done;
    if ((e = json_add_exact(root, "score", best->value))) goto done;
    if ((e = json_add_object(&scores, root, "scores"))) goto done;
    // all in the order of ids, or the best ones in theirs
    bool is_ranked = p->options->has_top_k;
    uint32_t shown = is_ranked ? p->top : p->classes;
    for (uint32_t k = 0; !e && k < shown; k++) {
        uint32_t id = is_ranked ? p->scores[k].id : k;
        e = json_add_exact(scores, predictor_label(p, id, fallback), p->values[id]);
    }
    if (!e && !(e = json_print(&line, root, false))) puts(line);
done:
    mem_free(line);
    cJSON_Delete(root);
    return e;
}

static err print_row(const predictor *p, const example *of) {
    strbuf line = {0};
    char fallback[24];
    uint32_t shown = p->top;
    err e = ERR_OK;
    if (predictor_says_several(p) &&
        !p->options->has_top_k) { // what it says, or that it says nothing
        shown = predictor_said(p);
        if (!shown && (e = text_column(&line, "-", p->label_columns + 9))) goto done;
    }
    for (uint32_t k = 0; !e && k < shown; k++) {
        e = text_column(&line, predictor_label(p, p->scores[k].id, fallback), p->label_columns);
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
    err e = ERR_OK;
    for (size_t i = 0; !e && i < count; i++) {
        predictor_rank(p, logits + i * p->classes);
        e = p->options->json ? print_object(p, &examples[i]) : print_row(p, &examples[i]);
    }
    return e ? e : output_check();
}

static err print_entities(const predictor *p, const tagged_text *t) {
    strbuf marked = {0}, line = {0};
    char *text = NULL;
    cJSON *root = NULL;
    err e = ERR_OK;
    if (p->options->json) {
        root = cJSON_CreateObject();
        e = json_add_string(root, "text", t->of->texts[0].text);
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

static err print_all_units(const predictor *p, const unit_answers *a) {
    err e = ERR_OK;
    if (p->scorer.model.head->target.kind == ANSWER_ARCS)
        return predict_tree_print(&p->scorer, a->examples, &a->rows, a->logits, p->options->json);
    for (size_t i = 0; !e && i < a->rows.count; i++) {
        tagged_text t = unit_answers_tagged(a, p, i);
        e = print_entities(p, &t);
    }
    return e ? e : output_check();
}

static err predict_units(predictor *p, example *examples, size_t count) {
    unit_answers a;
    err e = unit_answers_make(&a, p, examples, count, NULL);
    if (!e) e = print_all_units(p, &a);
    unit_answers_free(&a);
    return e;
}

static err predict_some(predictor *p, example *examples, size_t count) {
    float *logits = NULL;
    if (p->in_units) return predict_units(p, examples, count);
    err e = predictor_score(p, &logits, examples, count, NULL);
    if (!e) e = print_all(p, examples, logits, count);
    mem_free(logits);
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
        if (p->pairs)
            e = example_cut(&examples[good], line, "standard input", p->done + good + 1);
        else if (strchr(line, '\t'))
            p->tabs++;
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
    bool shows_progress = !stream_is_terminal(STREAM_IN) && !stream_is_terminal(STREAM_OUT);
    err e = ERR_OK;
    if (stream_is_terminal(STREAM_IN))
        log_note(p->pairs ? "a line is a pair, two texts with a tab between them; Ctrl-D ends"
                          : "one sentence a line; Ctrl-D ends");
    line_reader_init(&input, STREAM_IN, "standard input");
    if (input.is_typed) most = 1; // a line that is wrong takes no other with it
    while (!(e = line_reader_window(&input, most)) && input.count) {
        bool is_full = input.count == most && !input.is_typed;
        e = line_reader_go_on(&input, predict_lines(p, input.lines, input.count));
        if (e) break;
        if (is_full) most = 2 * most < WINDOW_LINES ? 2 * most : WINDOW_LINES;
        if (shows_progress) log_progress("%s sentences", SHOWN_COUNT(p->done));
    }
    log_progress_end();
    line_reader_free(&input);
    return e;
}

static err check_pairs(const options *o) {
    const char *who = o->pair ? "--pair" : "a model that was trained on pairs";
    if (o->arg_count % 2)
        return err_set(ERR_USAGE,
                       "%s takes two texts for each pair, found %zu (of standard input lines with "
                       "one tab between the two)",
                       who, o->arg_count);
    for (size_t i = 0; i < o->arg_count; i++)
        if (!*o->args[i])
            return err_set(ERR_USAGE, "%s takes two texts: text %zu of pair %zu is empty", who,
                           i % 2 + 1, i / 2 + 1);
    return ERR_OK;
}

static err predict_arguments(predictor *p) {
    const options *o = p->options;
    uint32_t each = p->pairs ? 2 : 1;
    size_t count = o->arg_count / each;
    example *examples = NULL;
    err e = p->pairs ? check_pairs(o) : ERR_OK;
    if (!e) e = mem_new(&examples, count);
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

static err check_numbers(const options *o) {
    if (o->has_per_device_eval_batch_size && !o->per_device_eval_batch_size)
        return err_set(ERR_USAGE, "--eval-batch-size expects 1 or more, found 0");
    return ERR_OK;
}

static err check_arguments(const options *o) {
    if (line_reader_wanted(o->args, o->arg_count)) return check_numbers(o);
    for (size_t i = 0; i < o->arg_count; i++) {
        char advice[FOREIGN_ADVICE_BYTES];
        size_t bad = 0;
        if (!utf8_valid(o->args[i], strlen(o->args[i]), &bad))
            return err_set(ERR_USAGE, "sentence %zu: byte %zu is not UTF-8; %s", i + 1, bad + 1,
                           foreign_advice(advice, ""));
    }
    err e = o->pair ? check_pairs(o) : ERR_OK;
    return e ? e : check_numbers(o);
}

/* What of the texts the model did not read as it was taught to. */
static void tell_notes(const predictor *p) {
    answer_kind kind =
        p->reads == MODEL_READS_ENTITIES ? ANSWER_RELATION : p->scorer.model.head->target.kind;
    encode_note_cut(kind, p->unit, p->cut, p->lost, p->max_length);
    if (p->options->input) // of one sentence it says nothing
        unknown_share_warn(&p->scorer.base_model.tokenizer, p->unknown, p->pieces);
    if (p->tabs)
        log_note("a tab in %zu line%s was read as text%s", p->tabs, shown_plural(p->tabs),
                 p->reads == MODEL_READS_UNKNOWN ? ": --pair makes pairs of such lines" : "");
    if (p->unmarked)
        log_note("%zu text%s the two entities between <subj> </subj> and <obj> </obj> that this "
                 "model asks about",
                 p->unmarked, p->unmarked == 1 ? " lacks" : "s lack");
    if (p->joined)
        log_note("punctuation at the rim of %zu word%s: to this model it is a word of its own, "
                 "between blanks, as in '갔다 .'",
                 p->joined, shown_plural(p->joined));
}

err verb_predict(const options *o) {
    predictor p = {0};
    char *folder = NULL;
    err e = check_arguments(o);
    if (!e) e = predict_file_check(o);
    if (e) return e;
    line_reader_tell_file(o->args, o->arg_count, "predict --input");
    if ((e = find_run(&folder, o->checkpoint, o->task, o->offline))) goto done;
    if ((e = predictor_open(&p, o, folder))) goto done;
    e = o->input                                    ? predict_file(&p)
        : line_reader_wanted(o->args, o->arg_count) ? predict_input(&p)
                                                    : predict_arguments(&p);
    if (!e) tell_notes(&p);
done:
    predictor_close(&p);
    mem_free(folder);
    return e;
}
