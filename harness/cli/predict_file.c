#include "cli/predict_file.h"

#include "base/ascii.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/output.h"
#include "cli/own_files.h"
#include "cli/predict_job.h"
#include "cli/predict_kept.h"
#include "platform/file.h"
#include "platform/interrupt.h"
#include "platform/lock.h"
#include "platform/stream.h"
#include "train/run/kept_task.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WINDOW_ROWS = 1024 };

/* Words of the file beside an unfinished output that only this program writes. */
static const char state_mark[] = "\"unfinished_predictions\":";

err predict_file_check(const options *o) {
    flag_value v;
    static const char *const with[] = {"output", "text_column", "text_pair_column", "skip_bad_rows",
                                       "scores", "resume",      "overwrite"};
    for (size_t i = 0; !o->input && i < sizeof with / sizeof *with; i++)
        if (options_given(&v, o, with[i]))
            return err_set(ERR_USAGE, "--%s goes with --input", v.flag);
    if (!o->input) return ERR_OK;
    if (o->arg_count)
        return err_set(ERR_USAGE, "--input labels the rows of a file; found also the sentence '%s'",
                       o->args[0]);
    if (o->json || o->pair || o->has_top_k)
        return err_set(ERR_USAGE, "--%s does not go with --input: %s",
                       o->json   ? "json"
                       : o->pair ? "pair"
                                 : "top-k",
                       o->json   ? "rows go out in the form that they came in"
                       : o->pair ? "--text-pair-column names the second text"
                                 : "--scores gives them all");
    if (o->resume && (!o->output || !strcmp(o->input, "-")))
        return err_set(ERR_USAGE, "--resume needs --output and an --input that can be read again");
    if (o->resume && o->overwrite)
        return err_set(ERR_USAGE, "--resume and --overwrite exclude each other");
    return ERR_OK;
}

static void take_column(const char **column, const table *t, const char *name, const char *what) {
    for (size_t i = 0; i < t->column_count && name && !*column; i++)
        if (!strcmp(t->columns[i], name)) *column = t->columns[i];
    if (*column) log_note("%s column '%s' of %s, as in training", what, *column, t->path);
}

/* The columns that the model's own run read, where that was of files like this one. */
static err take_trained(predict_job *j) {
    kept_task k = {0};
    task of = {0};
    bool found = false;
    const table *t = &j->table;
    err e = kept_task_read(&k, &found, j->p->scorer.base_model.folder);
    if (!e && found) e = kept_task_parse(&of, &k);
    if (!e && !j->text) take_column(&j->text, t, of.format.text, "text   ");
    if (!e && !j->pair && j->p->reads == MODEL_READS_PAIR)
        take_column(&j->pair, t, of.format.text_pair, "second ");
    task_free(&of);
    kept_task_free(&k);
    return e;
}

/* Whether the words are a sentence, and no name of a column. */
static bool is_sentence(const char *words) {
    static const char *const marks[] = {".", "!", "?", "\u2026", "\u3002"};
    enum { NAME_BYTES_MOST = 40 };
    size_t end = strlen(words);
    while (end && words[end - 1] == ' ') end--;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t n = strlen(marks[i]);
        if (end > n && !memcmp(words + end - n, marks[i], n)) return true;
    }
    return end > NAME_BYTES_MOST && memchr(words, ' ', end);
}

/* Whether the first line may be a text like the others: of a file that is called one of text, or of
 * one column that is called by a sentence. Its answer would be missing. */
static bool lacks_names(const table *t) {
    const char *dot = strrchr(path_name(t->path), '.');
    return t->kind == TASK_FORMAT_DELIMITED && ((dot && ascii_equal_fold(dot, ".txt")) ||
                                                (t->column_count == 1 && is_sentence(*t->columns)));
}

static err refuse_columns(const table *t) {
    char *list = NULL;
    char word[300];
    if (lacks_names(t)) {
        shown_snprintf(word, sizeof word, SHOWN_SHELL, "%s", t->path);
        return err_set(
            ERR_USAGE,
            "%s: its first line has to name the columns, and may be a sentence ('%.80s'): "
            "where it names them, name the text's with --text-column; a sentence a line "
            "goes through standard input, as in `harness predict < %s`",
            t->path, t->header.text, file_is_input(t->path) ? "FILE" : word);
    }
    err e = table_columns_text(&list, t);
    if (!e)
        e = err_set(ERR_USAGE,
                    "%s: which column holds the text? name it with --text-column; "
                    "the columns are %s",
                    t->path, list);
    mem_free(list);
    return e;
}

/* The column that nobody named, nor the training: the one by its name, else the only one. */
static err guess_text(predict_job *j) {
    const table *t = &j->table;
    if (j->text) return ERR_OK;
    size_t found;
    err e = own_column_known(&found, t->columns, t->column_count, false);
    if (e) return e;
    bool is_doubtful = lacks_names(t), is_only = t->column_count == 1 && !is_doubtful;
    // a sentence may end in such a word
    bool is_known = found < t->column_count && !(is_doubtful && strchr(t->columns[found], ' '));
    if (!is_known && !is_only) return refuse_columns(t);
    j->text = t->columns[is_known ? found : 0];
    log_note("text    column '%s' of %s, %s (--text-column names another)", j->text, t->path,
             is_known ? "by its name" : "the only one");
    return ERR_OK;
}

static err choose_text(predict_job *j) {
    const options *o = j->options;
    const table *t = &j->table;
    j->text = o->text_column;
    j->pair = o->text_pair_column;
    bool is_pair = j->p->reads == MODEL_READS_PAIR;
    err e = j->text && (j->pair || !is_pair) ? ERR_OK : take_trained(j);
    if (!e && !j->pair && is_pair)
        e = err_set(ERR_USAGE,
                    "%s: the model was trained on pairs of texts, which one text is not: "
                    "--text-pair-column names the second",
                    j->p->scorer.base_model.folder);
    if (!e) e = guess_text(j);
    if (!e) e = table_find(&j->text_column, t, j->text, "text-column");
    if (!e) j->text = table_own_name(t, j->text_column, j->text);
    if (!e && j->pair) e = table_find(&j->pair_column, t, j->pair, "text-pair-column");
    if (!e && j->pair) j->pair = table_own_name(t, j->pair_column, j->pair);
    if (!e && j->pair && !strcmp(j->text, j->pair))
        e = err_set(ERR_USAGE, "text and second text are different columns, found '%s' twice",
                    j->text);
    return e;
}

/* Whether `rest`, what stands between the kept bytes of a row and its line's end, is what this
 * program adds to such a row: of one that can be read an answer of this model, else the cells of
 * none, or nothing. */
static err check_addition(bool *fits, predict_job *j, text_span rest, text_span raw, bool is_cut) {
    const row_form *f = &j->form;
    size_t kept = row_kept_bytes(f, raw), blank = 0;
    bool is_good = is_cut;
    text_span text = {0};
    err e = is_cut ? predict__row_is_good(&is_good, &text, j) : ERR_OK;
    if (e) return e;
    if (is_good) {
        e = row_answer_fits(fits, &j->found, f, j->p, text, rest, row_is_empty(raw.text, kept));
        j->found.empty += !e && *fits && !j->p->in_units && !text.bytes;
        return e;
    }
    while (blank < rest.bytes && rest.text[blank] == f->delimiter) blank++;
    *fits = f->kind == TASK_FORMAT_DELIMITED
                ? blank == rest.bytes && blank == f->columns
                : rest.bytes == raw.bytes - kept && !memcmp(rest.text, raw.text + kept, rest.bytes);
    return ERR_OK;
}

/* Of the record of the names: those of the added columns. */
static bool is_named(const predict_job *j, const char *rest, size_t bytes) {
    const row_form *f = &j->form;
    for (size_t i = 0, n; i < f->columns; i++, rest += n, bytes -= n) {
        n = strlen(f->names[i]) + 1;
        if (bytes < n || *rest != f->delimiter || memcmp(rest + 1, f->names[i], n - 1) != 0)
            return false;
    }
    return !bytes;
}

#define PUT_BACK "cannot go on (put it back, or --overwrite begins anew)"

static err refuse_row(predict_job *j) {
    return err_set(ERR_DATA,
                   "%s: row %zu does not begin with the columns of line %zu of %s: " PUT_BACK,
                   j->options->output, j->table.rows, j->table.line, j->table.path);
}

/* `added`: what stands behind the columns. */
static err refuse_answer(predict_job *j, text_span added, bool is_first) {
    strbuf label = {0};
    err e = row_label_unknown(&label, &j->form, j->p, added, is_first);
    if (!e)
        e = err_set(
            ERR_DATA, "%s: row %zu: behind the columns of line %zu of %s %s%.80s%s: " PUT_BACK,
            j->options->output, j->table.rows, j->table.line, j->table.path,
            label.length ? "the label '" : "stands no answer of this model",
            label.length ? label.text : "", label.length ? "' is none of this model's" : "");
    strbuf_free(&label);
    return e;
}

static err refuse_names(predict_job *j) {
    return err_set(
        ERR_DATA,
        "%s: its first line does not name the columns of %s and those that labelling adds "
        "to them: cannot go on (--overwrite begins anew)",
        j->options->output, j->table.path);
}

/* A row that was cut into fields, one that could not be, or the names. */
typedef enum row_of { ROW_CUT, ROW_UNCUT, ROW_HEADER } row_of;

/* Whether from c on there are zeros alone, as a power cut leaves them. */
static bool is_torn(FILE *f, int c) {
    while (!c) c = getc(f);
    return c == EOF;
}

/* The next row that is there against the row of the input, to its end; not whole is one that a crash
 * cut. */
static err same_row(bool *whole, FILE *f, predict_job *j, text_span raw, row_of of) {
    size_t n = row_kept_bytes(&j->form, raw);
    strbuf *rest = &j->rest;
    int c = 0;
    err (*refuse)(predict_job *) = of == ROW_HEADER ? refuse_names : refuse_row;
    *whole = false;
    for (size_t i = 0; i < n && (c = getc(f)) != EOF; i++)
        if (c != (unsigned char)raw.text[i]) return is_torn(f, c) ? ERR_OK : refuse(j);
    rest->length = 0;
    err e = strbuf_add(rest, "");
    while (!e && c != EOF && (c = getc(f)) != EOF && c != '\n')
        e = strbuf_add_bytes(rest, &(char){(char)c}, 1);
    *whole = c == '\n';
    if (e || !*whole) return e;
    bool returns = rest->length && rest->text[rest->length - 1] == '\r';
    rest->length -= returns;
    bool fits = of == ROW_HEADER && is_named(j, rest->text, rest->length);
    const text_span added = {rest->text, rest->length};
    if (of != ROW_HEADER && (e = check_addition(&fits, j, added, raw, of == ROW_CUT))) return e;
    if (!fits && of == ROW_CUT) return refuse_answer(j, added, row_is_empty(raw.text, n));
    return fits && returns == (*j->table.line_end == '\r') ? ERR_OK : refuse(j);
}

/* How many rows of whole windows are there, where they end, and where the last whole row does. *all:
 * those of the whole input are, and nothing else. */
static err count_rows(size_t *rows, int64_t *end, int64_t *seen, bool *all, predict_job *j,
                      FILE *f) {
    bool whole = false, more = true, is_cut;
    text_span kept;
    size_t bytes = 0; // of the window
    err e = ERR_OK;
    *rows = 0;
    *end = *seen = 0;
    *all = false;
    if (j->table.kind == TASK_FORMAT_DELIMITED) {
        if (j->table.has_bom) (void)(getc(f), getc(f), getc(f));
        if ((e = predict__names_kept(&kept, j)) || (e = same_row(&whole, f, j, kept, ROW_HEADER)) ||
            !whole)
            return e;
    }
    *end = *seen = stream_file_place(f);
    while (!e) {
        e = table_next(&j->table, &more);
        is_cut = !e;
        if (e == ERR_FORMAT && more) { // the row is there as it is
            err_clear();
            e = ERR_OK;
        }
        if (!e && !more) *all = getc(f) == EOF;
        if (e || !more || (e = predict__row_kept(&kept, j, is_cut)) ||
            (e = same_row(&whole, f, j, kept, is_cut ? ROW_CUT : ROW_UNCUT)) || !whole)
            break;
        *seen = stream_file_place(f);
        bytes += kept.bytes;
        if (!predict__window_is_full(j, j->table.rows - *rows, bytes)) continue;
        bytes = 0;
        *rows = j->table.rows;
        *end = *seen;
        label_counts_copy(&j->labels, &j->found);
    }
    return e;
}

/* Finds what is there, and brings the input behind it. */
static err find_rest(predict_job *j) {
    void *stream = NULL;
    int64_t end = 0, seen = 0;
    size_t rows = 0;
    bool more = true, all;
    err e = file_open_stream(&stream, NULL, j->options->output);
    if (e) return e;
    e = count_rows(&rows, &end, &seen, &all, j, stream);
    j->rows = j->resumed = rows;
    if (!e) e = predict__maker_check_rows(j, stream, (uint64_t)end, (uint64_t)seen);
    fclose(stream);
    if (e) return e;
    const char *path = j->table.path;
    table_close(&j->table);
    if ((e = table_open(&j->table, path))) return e;
    table_unhashed(&j->table);
    while (!e && j->table.rows < rows) {
        window_row row = {0};
        e = table_next(&j->table, &more);
        if (!e) e = row_check(&j->form, &j->table);
        if (e) e = predict__take_fault(j, &row, e, more);
        j->bad += row.is_bad;
    }
    if (!e && !stream_cut(j->fd, end))
        e = err_set(ERR_IO, "%s: cannot write: %s", j->options->output, strerror(errno));
    if (!e)
        log_note("resume  %s row%s labelled already", SHOWN_COUNT(rows),
                 rows == 1 ? " is" : "s are");
    return e;
}

/* Whether the output's name still leads to the file that is open. */
bool predict__in_place(const predict_job *j) {
    return stream_is_named(j->fd, j->options->output);
}

static err refuse_moved(const predict_job *j) {
    return err_set(ERR_IO, "%s: removed or replaced by another while rows were written to it",
                   j->options->output);
}

/* Rows do not go where they come from, nor into a file that another process fills. */
static err check_output(const predict_job *j) {
    uint64_t there = 0;
    const char *path = j->options->output, *input = j->options->input;
    if (!stream_bytes(&there, j->fd))
        return err_set(ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    if (file_is_input(input) && stream_same(j->fd, STREAM_IN))
        return err_set(ERR_USAGE, "%s is both --input and --output", path);
    // a file system without locks is used without
    if (lock_take(j->fd) == LOCK_HELD)
        return err_set(ERR_IO, "%s: another process writes it; wait for it", path);
    // what one that began at the same moment made, or took away again
    if (!predict__in_place(j)) return refuse_moved(j);
    if (j->is_new && there && !j->options->overwrite)
        return err_set(ERR_DATA, "%s: there already (--overwrite replaces it)", path);
    return ERR_OK;
}

/* Of an output beside which nothing says that it is unfinished. */
static err check_finished(predict_job *j) {
    void *stream = NULL;
    int64_t end = 0, seen = 0;
    size_t rows = 0;
    bool all = false;
    err e = file_open_stream(&stream, NULL, j->options->output);
    if (e) return e;
    e = count_rows(&rows, &end, &seen, &all, j, stream);
    fclose(stream);
    if (!e && !all)
        e = err_set(ERR_DATA,
                    "%s: not all rows of %s are there, or more than these, and %s, which would say "
                    "how they were labelled, is not: cannot go on (--overwrite begins anew)",
                    j->options->output, j->table.path, path_name(j->state));
    if (!e)
        log_note(
            "%s: finished already (of a finished one nothing says which model and options made "
            "it)",
            j->options->output);
    return e;
}

/* Rows go into no file that they come from: its end would never be reached. */
static err check_standard_output(const predict_job *j) {
    const char *input = j->options->input;
    if (file_is_input(input)) return output_apart_of_input(STREAM_IN, "standard input");
    return output_apart_of_file(input);
}

/* The output, new or gone on with. *done: it is finished. What is there is not touched before the
 * first rows that replace it are made. */
static err open_output(predict_job *j, bool *done) {
    const options *o = j->options;
    *done = false;
    if (!o->output || !strcmp(o->output, "-")) return check_standard_output(j);
    err e = output_is_file(o->output);
    if (!e) e = output_apart(o->output, j->p->scorer.base_model.folder);
    if (!e) e = output_spares_run(o->output);
    if (!e) e = mem_printf(&j->state, "%s.unfinished.json", o->output);
    if (!e && !file_is_input(o->input)) e = output_apart(j->state, o->input);
    bool there = file_named(o->output), begun = !e && file_named(j->state);
    if (!e && there && !o->resume && !o->overwrite)
        return err_set(ERR_DATA, "%s: there already%s (--overwrite replaces it)", o->output,
                       begun ? ", unfinished: --resume goes on" : "");
    uint64_t bytes = 0;
    if (!e && there && o->resume && !begun && !(e = file_size(&bytes, o->output)) && bytes) {
        *done = true;
        return check_finished(j);
    }
    bool resumes = there && o->resume && begun;
    j->is_new = !there;
    if (!e) e = file_check_own(j->state, state_mark);
    if (!e) e = file_open_own(&j->fd, o->output);
    if (!e) e = check_output(j);
    j->is_locked = !e;
    if (!e) e = predict__maker_describe(j);
    if (!e && resumes && !(e = predict__maker_compare(j))) e = find_rest(j);
    return e;
}

/* The names of the columns, which stand before the first row. */
static err make_header(predict_job *j) {
    text_span names;
    int64_t at = j->fd < 0 ? 0 : stream_place(j->fd);
    // a resumed one may have them without rows
    if (j->rows || at > 0 || j->table.kind != TASK_FORMAT_DELIMITED) return ERR_OK;
    err e = strbuf_add(&j->header, j->table.has_bom ? "\xEF\xBB\xBF" : "");
    if (!e) e = predict__names_kept(&names, j);
    return e ? e : row_add_header(&j->header, &j->form, names, j->table.line_end);
}

err predict__begin(predict_job *j) {
    if (j->has_begun) return ERR_OK;
    err e = j->state ? predict__maker_write(j) : ERR_OK;
    j->has_begun = !e;
    return e || !j->header.length ? e : predict__write(j, j->header.text, j->header.length);
}

static err finish(predict_job *j) {
    err e = predict__begin(j);
    if (e || !j->state) return e;
    if (file_sync(j->fd))
        return err_set(ERR_IO, "%s: cannot write: %s", j->options->output, strerror(errno));
    return predict__in_place(j) ? file_remove(j->state) : refuse_moved(j);
}

/* An output that was not begun leaves no empty file where there was none. */
static void leave_output(const predict_job *j) {
    bool is_unused = j->is_locked && j->is_new && !j->has_begun;
    if (is_unused && file_is_empty(j->options->output) && predict__in_place(j))
        file_drop(j->options->output);
    if (j->fd >= 0) stream_close(j->fd);
}

static void show_end(const predict_job *j) {
    strbuf line = {0};
    char blanks[TABLE_BLANKS_BYTES];
    err e = ERR_OK;
    double seconds = clock_seconds() - j->begin;
    const label_counts *n = &j->labels;
    for (uint32_t k = 0; k < j->p->classes && !e; k++) {
        char fallback[24];
        if (n->of[k] && j->p->classes > 1) // a number's name says nothing
            e = strbuf_printf(&line, "%s%s %" PRIu64, line.length ? ", " : ": ",
                              predictor_label(j->p, k, fallback), n->of[k]);
    }
    if (!e && n->none)
        e = strbuf_printf(&line, "%sno label of them %" PRIu64, line.length ? ", " : ": ", n->none);
    if (!e && n->empty)
        e = strbuf_printf(&line, "%sof them %s with an empty text", line.length ? ", " : ": ",
                          SHOWN_COUNT(n->empty));
    if (!e)
        log_note("%s row%s%s, %s without %s%s (%s rows/s)", SHOWN_COUNT(j->rows),
                 shown_plural(j->rows), table_blanks_text(blanks, &j->table), SHOWN_COUNT(j->bad),
                 j->p->in_units ? "an answer" : "a label", line.length ? line.text : "",
                 SHOWN_COUNT(seconds > 0 ? (double)(j->rows - j->resumed) / seconds + 0.5 : 0));
    err_clear();
    strbuf_free(&line);
}

/* The output's name says how it is written, where it says anything; else it is as the input. Rows of
 * a table do not become JSON, nor the other way. */
static err choose_form(predict_job *j) {
    static const char *const ends[] = {"csv", "tsv", "jsonl"};
    const char *output = j->options->output, *dot = output ? strrchr(path_name(output), '.') : NULL;
    size_t end = 0;
    while (dot && end < 3 && !ascii_equal_fold(dot + 1, ends[end])) end++;
    if (!dot || end == 3) return ERR_OK;
    bool is_json = j->table.kind == TASK_FORMAT_JSONL;
    if (is_json != (end == 2))
        return err_set(ERR_USAGE,
                       "%s: the input is %s, and rows go out in the form that they came in: name "
                       "the output .%s",
                       output, table_kind_name(&j->table), is_json ? "jsonl" : "csv or .tsv");
    if (is_json || (end == 1) == (j->form.delimiter == '\t')) return ERR_OK;
    j->converts = true;
    j->form.delimiter = end == 1 ? '\t' : ',';
    j->form.quoted = true;
    log_note("output  %s, as the name %s says; the input is %s", end == 1 ? "TSV" : "CSV",
             path_name(output), table_kind_name(&j->table));
    return ERR_OK;
}

static err prepare(predict_job *j) {
    err e = table_open(&j->table, j->options->input);
    if (e) return e;
    table_unhashed(&j->table);
    if (j->table.kind == TASK_FORMAT_JSON)
        return err_set(ERR_USAGE, "%s is a JSON array: make lines of it first (jq -c '.[]')",
                       j->table.path);
    j->most = WINDOW_ROWS;
    if (j->most < 4 * (size_t)j->p->batch_size) j->most = 4 * (size_t)j->p->batch_size;
    if ((e = choose_text(j))) return e;
    if (j->p->in_units) {
        size_t count;
        const char *const *names = unit_answers_names(j->p, &count);
        e = row_form_init_of(&j->form, &j->table, names, count);
    } else {
        e = row_form_init(&j->form, &j->table, j->options->scores);
        if (predictor_says_several(j->p)) row_say_between(j->p->between);
    }
    if (e || (e = choose_form(j))) return e;
    for (size_t i = 0; i < WINDOW_COUNT && !e; i++)
        e = predict__window_init(&j->windows[i], j->most);
    if (!e) e = label_counts_init(&j->found, j->p->classes);
    return e ? e : label_counts_init(&j->labels, j->p->classes);
}

err predict_file(predictor *p) {
    predict_job j = {.p = p, .options = p->options, .fd = -1};
    bool done = false;
    sha256_begin(&j.written);
    err e = prepare(&j);
    if (!e) e = open_output(&j, &done);
    if (e || done) goto done;
    j.begin = clock_seconds();
    interrupt_begin();
    e = make_header(&j);
    if (!e) e = predict__flow(&j);
    if (e) e = predict__maker_keep(&j, e);
    interrupt_end();
    if (!e) e = finish(&j);
    if (!e) show_end(&j);
done:
    leave_output(&j);
    cJSON_Delete(j.maker);
    strbuf_free(&j.header);
    table_close(&j.table);
    row_form_free(&j.form);
    strbuf_free(&j.converted);
    strbuf_free(&j.rest);
    for (size_t i = 0; i < WINDOW_COUNT; i++) predict__window_free(&j.windows[i]);
    label_counts_free(&j.labels);
    label_counts_free(&j.found);
    mem_free(j.state);
    return e;
}
