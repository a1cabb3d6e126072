/* `harness predict`: the labels of sentences, from arguments or one a line from standard input. */
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/find_run.h"
#include "cli/options.h"
#include "text/unicode.h"
#include "train/scorer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_LINES = 4096, LINE_LIMIT_BYTES = 1 << 20, LABEL_COLUMNS = 16 };

typedef struct predictor {
    scorer scorer;
    const options *options;
    uint32_t max_length, batch_size, top;
    size_t cut;
} predictor;

static const char *label_name(const predictor *p, uint32_t id, char room[24]) {
    const bert_config *c = &p->scorer.source.config;
    if (c->labels) return c->labels[id];
    snprintf(room, 24, "LABEL_%u", id);
    return room;
}

/* The ids of the p->top largest probabilities, largest first, the lower id first among equals. */
static void best_ids(uint32_t *ids, const double *probabilities, uint32_t classes, uint32_t top) {
    for (uint32_t k = 0; k < top; k++) {
        uint32_t best = classes;
        for (uint32_t c = 0; c < classes; c++) {
            bool is_taken = false;
            for (uint32_t i = 0; i < k; i++) is_taken |= ids[i] == c;
            if (!is_taken && (best == classes || probabilities[c] > probabilities[best])) best = c;
        }
        ids[k] = best;
    }
}

static err print_object(const predictor *p, const char *text, const double *probabilities,
                        const uint32_t *ids) {
    char room[24], *line = NULL;
    cJSON *root = cJSON_CreateObject(), *scores = NULL;
    err e = root ? ERR_OK : err_set(ERR_MEMORY, "out of memory while printing JSON");
    if (e || (e = json_add_string(root, "text", text))) goto done;
    if ((e = json_add_string(root, "label", label_name(p, ids[0], room)))) goto done;
    if ((e = json_add_number(root, "label_id", ids[0]))) goto done;
    if ((e = json_add_number(root, "score", probabilities[ids[0]]))) goto done;
    if ((e = json_add_object(&scores, root, "scores"))) goto done;
    uint32_t classes = p->scorer.source.config.classes,
             shown = p->options->has_top_k ? p->top : classes;
    for (uint32_t k = 0; !e && k < shown; k++) {
        uint32_t id = p->options->has_top_k ? ids[k] : k;
        e = json_add_number(scores, label_name(p, id, room), probabilities[id]);
    }
    if (!e && !(e = json_print(&line, root, false))) puts(line);
done:
    mem_free(line);
    cJSON_Delete(root);
    return e;
}

static err print_row(const predictor *p, const char *text, const double *probabilities,
                     const uint32_t *ids) {
    strbuf line = {0};
    char room[24];
    err e = ERR_OK;
    for (uint32_t k = 0; !e && k < p->top; k++) {
        e = text_column(&line, label_name(p, ids[k], room), LABEL_COLUMNS);
        if (!e) e = strbuf_printf(&line, " %.4f  ", probabilities[ids[k]]);
    }
    if (!e) e = strbuf_add(&line, text);
    if (!e) puts(line.text);
    strbuf_free(&line);
    return e;
}

static err predict_some(predictor *p, const char *const *texts, size_t count) {
    uint32_t classes = p->scorer.source.config.classes;
    encoded rows = {0};
    float *logits = NULL;
    double *probabilities = NULL;
    uint32_t *ids = NULL;
    err e = encode_texts(&rows, &p->scorer.source.words, texts, count, p->max_length);
    if (e || (e = mem_new(&logits, count * classes))) goto done;
    if ((e = mem_new(&probabilities, classes)) || (e = mem_new(&ids, p->top))) goto done;
    if ((e = scorer_run(&p->scorer, logits, NULL, &rows, p->batch_size, NULL))) goto done;
    p->cut += rows.cut;
    for (size_t i = 0; !e && i < count; i++) {
        predict_probabilities(probabilities, logits + i * classes, classes);
        best_ids(ids, probabilities, classes, p->top);
        e = p->options->json ? print_object(p, texts[i], probabilities, ids)
                             : print_row(p, texts[i], probabilities, ids);
    }
    if (!e && fflush(stdout)) e = err_set(ERR_IO, "cannot write standard output");
done:
    mem_free(logits);
    mem_free(probabilities);
    mem_free(ids);
    encoded_free(&rows);
    return e;
}

/* --- standard input ------------------------------------------------------------------------------
 */

/* Reads a line without its end into *line (owned); NULL at the end of the input. */
static err read_line(char **line, size_t number) {
    strbuf text = {0};
    int c = EOF;
    err e = ERR_OK;
    *line = NULL;
    while (!e && (c = getc(stdin)) != EOF && c != '\n') {
        char byte = (char)c;
        if (text.length == LINE_LIMIT_BYTES)
            e = err_set(ERR_FORMAT, "standard input:%zu: the line is longer than %d bytes", number,
                        LINE_LIMIT_BYTES);
        else if (!byte)
            e = err_set(ERR_FORMAT, "standard input:%zu: a 0 byte in the line", number);
        else
            e = strbuf_add_bytes(&text, &byte, 1);
    }
    if (!e && c == EOF && ferror(stdin)) e = err_set(ERR_IO, "cannot read standard input");
    if (!e && (c != EOF || text.length)) {
        if (text.length && text.text[text.length - 1] == '\r') text.text[--text.length] = '\0';
        e = mem_strdup(line, text.text ? text.text : "");
    }
    strbuf_free(&text);
    size_t bad = 0;
    if (!e && *line && !utf8_valid(*line, strlen(*line), &bad))
        e = err_set(ERR_FORMAT, "standard input:%zu: byte %zu is not UTF-8", number, bad);
    return e;
}

static err predict_input(predictor *p) {
    char *lines[CHUNK_LINES] = {0};
    // someone who types wants the answer after each line
    size_t most = isatty(STDIN_FILENO) ? 1 : CHUNK_LINES, number = 1;
    err e = ERR_OK;
    for (bool more = true; !e && more;) {
        size_t count = 0;
        while (!e && more && count < most) {
            if (!(e = read_line(&lines[count], number++)) && !lines[count]) more = false;
            if (!e && more) count++;
        }
        if (!e && count) e = predict_some(p, (const char *const *)lines, count);
        for (size_t i = 0; i <= count && i < most; i++) {
            mem_free(lines[i]);
            lines[i] = NULL;
        }
    }
    return e;
}

static err check_arguments(const options *o) {
    for (size_t i = 0; i < o->arg_count; i++) {
        size_t bad = 0;
        if (!utf8_valid(o->args[i], strlen(o->args[i]), &bad))
            return err_set(ERR_USAGE, "sentence %zu: byte %zu is not UTF-8", i + 1, bad);
    }
    return ERR_OK;
}

err verb_predict(const options *o) {
    predictor p = {.options = o, .batch_size = o->has_eval_batch_size ? o->eval_batch_size : 64};
    device_options device_wish = {.threads = o->threads};
    char *folder = NULL;
    err e = check_arguments(o);
    if (e) return e;
    if (!p.batch_size) return err_set(ERR_USAGE, "--eval-batch-size expects 1 or more, found 0");
    if ((e = find_run(&folder, o->checkpoint, o->task))) goto done;
    if ((e = scorer_open(&p.scorer, folder, o->device, &device_wish))) goto done;
    uint32_t classes = p.scorer.source.config.classes;
    p.top = o->has_top_k ? o->top_k : 1;
    if (p.top < 1 || p.top > classes) {
        e = err_set(ERR_USAGE, "--top-k expects 1 to %u, found %u", classes, p.top);
        goto done;
    }
    p.max_length = source_max_length(&p.scorer.source, o->max_length, 512);
    e = o->arg_count ? predict_some(&p, o->args, o->arg_count) : predict_input(&p);
    if (!e && p.cut)
        log_note("%zu sentences are longer than %u tokens and were cut", p.cut, p.max_length);
done:
    scorer_close(&p.scorer);
    mem_free(folder);
    return e;
}
