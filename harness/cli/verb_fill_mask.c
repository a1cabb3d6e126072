/* `harness fill-mask`: what a masked language model puts in place of [MASK], of texts from arguments
 * or one a line from standard input. */
#include "base/foreign.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/line_reader.h"
#include "cli/options.h"
#include "cli/output.h"
#include "platform/stream.h"
#include "result/sweep.h"
#include "text/unicode.h"
#include "train/evaluate/fill_mask.h"
#include "train/run/shipped.h"

#include <stdio.h>
#include <string.h>

enum { TOP = 5, TOKEN_COLUMNS = 12, WINDOW_LINES = 64 };

typedef struct filler {
    const options *options;
    fill_mask model;
    uint32_t *targets; /* (target_count) owned; NULL: all tokens */
    size_t target_count, done;
} filler;

/* The texts of a choice: the token's own, and the whole with it. Both are owned. */
static err texts_of(strbuf *token, strbuf *whole, const filler *f, const fill_answer *a, size_t m,
                    size_t c) {
    const uint32_t *id = &a->choices[m * a->top + c].token;
    err e = tokenizer_decode(&f->model.base_model.tokenizer, token, id, 1, false);
    return e ? e : fill_answer_sequence(whole, &f->model, a, m, c);
}

static err add_choice(cJSON *list, const filler *f, const fill_answer *a, size_t m, size_t c) {
    const fill_choice *choice = &a->choices[m * a->top + c];
    strbuf token = {0}, whole = {0};
    cJSON *o = NULL;
    err e = texts_of(&token, &whole, f, a, m, c);
    if (!e) e = json_append_object(&o, list);
    if (!e)
        e = json_put(o, "score %f token %u token_str %s sequence %s", choice->score, choice->token,
                     token.text, whole.text);
    strbuf_free(&token);
    strbuf_free(&whole);
    return e;
}

/* As the pipeline's answer: a list of choices, or of several masks a list of such lists. */
static err print_json(const filler *f, const fill_answer *a) {
    cJSON *root = cJSON_CreateArray();
    err e = ERR_OK;
    for (size_t m = 0; m < a->mask_count && !e; m++) {
        cJSON *list = a->mask_count == 1 ? root : cJSON_CreateArray();
        if (list != root) e = json_append(root, list);
        for (size_t c = 0; c < a->top && !e; c++) e = add_choice(list, f, a, m, c);
    }
    return output_json_last(e, root, false);
}

static err print_row(const filler *f, const fill_answer *a, size_t m, size_t c) {
    strbuf token = {0}, whole = {0}, line = {0};
    err e = texts_of(&token, &whole, f, a, m, c);
    if (!e) e = strbuf_printf(&line, "  %.4f  ", a->choices[m * a->top + c].score);
    if (!e) e = text_column(&line, token.text, TOKEN_COLUMNS);
    if (!e) e = strbuf_add(&line, "  ");
    if (!e) output_labelled(line.text, whole.text);
    strbuf_free(&token);
    strbuf_free(&whole);
    strbuf_free(&line);
    return e;
}

static err print_rows(const filler *f, const fill_answer *a, const char *text) {
    err e = ERR_OK;
    shown_out("%s\n", text);
    for (size_t m = 0; m < a->mask_count && !e; m++) {
        if (a->mask_count > 1) printf("%s%zu.\n", m ? "\n" : "", m + 1);
        for (size_t c = 0; c < a->top && !e; c++) e = print_row(f, a, m, c);
    }
    return e;
}

static err fill(filler *f, const char *text) {
    const options *o = f->options;
    fill_answer a = {0};
    err e = fill_mask_run(&a, &f->model, text, f->targets, f->target_count,
                          o->has_top_k ? o->top_k : TOP);
    f->done++;
    if (e) e = err_wrap(e, "text %zu", f->done);
    if (!e) e = o->json ? print_json(f, &a) : print_rows(f, &a, text);
    if (!e) e = output_check();
    fill_answer_free(&a);
    return e;
}

static err fill_input(filler *f) {
    line_reader input;
    err e = ERR_OK;
    if (stream_is_terminal(STREAM_IN)) log_note("one text with [MASK] a line; Ctrl-D ends");
    line_reader_init(&input, STREAM_IN, "standard input");
    while (!e && !(e = line_reader_window(&input, WINDOW_LINES)) && input.count)
        for (size_t i = 0; i < input.count && !e; i++)
            if (input.lines[i][strspn(input.lines[i], " \t")]) // lines without text are passed over
                e = line_reader_go_on(&input, fill(f, input.lines[i]));
    line_reader_free(&input);
    return e;
}

static err check(const options *o) {
    size_t bad = 0;
    for (size_t i = 0; i < o->arg_count; i++) {
        char advice[FOREIGN_ADVICE_BYTES];
        if (!utf8_valid(o->args[i], strlen(o->args[i]), &bad))
            return err_set(ERR_USAGE, "text %zu: byte %zu is not UTF-8; %s", i + 1, bad + 1,
                           foreign_advice(advice, ""));
    }
    if (o->targets && !utf8_valid(o->targets, strlen(o->targets), &bad))
        return err_set(ERR_USAGE, "--targets: byte %zu is not UTF-8", bad + 1);
    return ERR_OK;
}

static err open_all(filler *f) {
    const options *o = f->options;
    device_options wish = {.threads = o->threads, .validation = o->validation};
    const base_model_options from = {.offline = o->offline, .cased = o->cased};
    char **words = NULL;
    size_t count = 0;
    err e = device_precision_find(&wish.precision, o->precision);
    if (!e && o->targets) e = words_split(&words, &count, o->targets, "targets");
    if (!e)
        e = fill_mask_open(&f->model, o->model ? o->model : SHIPPED_DEFAULT, &from, o->device,
                           &wish);
    if (!e && o->targets)
        e = fill_mask_targets(&f->targets, &f->target_count, &f->model, (const char *const *)words,
                              count);
    words_free(words, count);
    return e;
}

err verb_fill_mask(const options *o) {
    filler f = {.options = o};
    err e = check(o);
    if (!e) line_reader_tell_file(o->args, o->arg_count, "fill-mask <");
    if (!e && !o->model) log_note("model   %s (--model names another)", SHIPPED_DEFAULT);
    if (!e) e = open_all(&f);
    if (!e && line_reader_wanted(o->args, o->arg_count))
        e = fill_input(&f);
    else
        for (size_t i = 0; i < o->arg_count && !e; i++) e = fill(&f, o->args[i]);
    mem_free(f.targets);
    fill_mask_close(&f.model);
    return e;
}
