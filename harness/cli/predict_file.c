#define _GNU_SOURCE
#include "cli/predict_file.h"

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/output.h"
#include "cli/own_files.h"
#include "cli/predict_row.h"
#include "cli/predict_units.h"
#include "data/table.h"
#include "platform/file.h"
#include "platform/interrupt.h"
#include "train/run/kept_task.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW_ROWS = 1024, BAD_ROWS_SHOWN = 20 };

/* Words of the file beside an unfinished output that only this program writes. */
static const char state_mark[] = "\"max_length\":";

/* A row of the window: its bytes lie in window.raw, its texts in window.texts. */
typedef struct window_row {
    size_t raw, raw_bytes, text[2], text_bytes[2];
    const char *line_end;
    bool is_bad;
} window_row;

typedef struct window {
    strbuf raw, texts, out;
    window_row *rows; /* (count) of (most) owned */
    example *examples;
    size_t count, most, good;
} window;

typedef struct job {
    predictor *p;
    const options *options;
    table table;
    row_form form;
    const char *text, *pair; /* names of columns */
    size_t text_column, pair_column;
    window window;
    int fd;           /* of the output; -1: standard output */
    size_t resumed;   /* rows that were there */
    size_t rows, bad; /* of this run and of before */
    uint64_t *labels; /* (classes) rows labelled so, in this run */
    size_t unsaid;    /* rows of this run that have none of several labels */
    double begin, shown;
    bool ended;
    char *state; /* path of what says who makes the output, owned */
} job;

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

/* --- columns --- */

/* The column that the model's own run read, where that was of files like this one. */
static err take_trained(job *j) {
    kept_task k = {0};
    task of = {0};
    bool found = false;
    const table *t = &j->table;
    err e = kept_task_read(&k, &found, j->p->scorer.base_model.folder);
    if (!e && found) e = kept_task_parse(&of, &k);
    for (size_t i = 0; i < t->column_count && !e && of.format.text && !j->text; i++)
        if (!strcmp(t->columns[i], of.format.text)) j->text = t->columns[i];
    if (j->text) log_note("text    column '%s' of %s, as in training", j->text, t->path);
    task_free(&of);
    kept_task_free(&k);
    return e;
}

static err choose_text(job *j) {
    const options *o = j->options;
    const table *t = &j->table;
    char *list = NULL;
    size_t found = t->column_count == 1 ? 0 : own_column_known(t->columns, t->column_count, false);
    j->text = o->text_column;
    j->pair = o->text_pair_column;
    if (!j->text) {
        err e = take_trained(j);
        if (e) return e;
    }
    if (!j->text && found == t->column_count) {
        err e = table_columns_text(&list, t);
        if (!e)
            e = err_set(ERR_USAGE,
                        "%s: which column holds the text? name it with --text-column; "
                        "the columns are %s",
                        t->path, list);
        mem_free(list);
        return e;
    }
    if (!j->text) {
        j->text = t->columns[found];
        log_note("text    column '%s' of %s, by its name or as the only one (--text-column names "
                 "another)",
                 j->text, t->path);
    }
    err e = table_find(&j->text_column, t, j->text, "text-column");
    if (!e && j->pair) e = table_find(&j->pair_column, t, j->pair, "text-pair-column");
    if (!e && j->pair && !strcmp(j->text, j->pair))
        e = err_set(ERR_USAGE, "text and second text are different columns, found '%s' twice",
                    j->text);
    return e;
}

/* --- reading a window --- */

static err keep_text(job *j, window_row *row, int k, text_span text) {
    row->text[k] = j->window.texts.length;
    row->text_bytes[k] = text.bytes;
    err e = strbuf_add_bytes(&j->window.texts, text.text, text.bytes);
    return e ? e : strbuf_add_bytes(&j->window.texts, "", 1);
}

/* What the model reads of the row. */
static err take_texts(job *j, window_row *row) {
    text_span text = {0};
    err e = row_check(&j->form, &j->table);
    if (!e) e = table_text(&text, &j->table, j->text, j->text_column);
    if (!e) e = keep_text(j, row, 0, text);
    if (e || !j->pair) return e;
    if (!(e = table_text(&text, &j->table, j->pair, j->pair_column)))
        e = keep_text(j, row, 1, text);
    if (!e && !row->text_bytes[0] != !row->text_bytes[1])
        e = err_set(ERR_FORMAT, "%s:%zu: column '%s' is empty: a pair is two texts", j->table.path,
                    j->table.line, row->text_bytes[0] ? j->pair : j->text);
    return e;
}

/* A row that cannot be read ends the run, or passes. */
static err take_fault(job *j, window_row *row, err fault, bool more) {
    if (fault != ERR_FORMAT || !more) return fault;
    if (!j->options->skip_bad_rows)
        return err_set(fault, "%s (--skip-bad-rows passes such rows through)", err_message(fault));
    if (j->bad < BAD_ROWS_SHOWN) log_warn("%s: passed through without a label", err_message(fault));
    if (j->bad == BAD_ROWS_SHOWN) log_warn("further bad rows are counted alone");
    err_clear();
    row->is_bad = true;
    return ERR_OK;
}

static err read_row(job *j, bool *more) {
    window *w = &j->window;
    window_row *row = &w->rows[w->count];
    size_t texts = w->texts.length;
    *row = (window_row){0};
    err e = table_next(&j->table, more);
    if (!e && !*more) return ERR_OK;
    if (!e) e = take_texts(j, row);
    if (e && (e = take_fault(j, row, e, *more))) return e;
    if (row->is_bad) w->texts.length = texts;
    j->bad += row->is_bad;
    row->raw = w->raw.length;
    row->raw_bytes = j->table.raw.bytes;
    row->line_end = j->table.line_end;
    w->good += !row->is_bad;
    w->count++;
    return strbuf_add_bytes(&w->raw, j->table.raw.text, j->table.raw.bytes);
}

static err read_window(job *j) {
    window *w = &j->window;
    bool more = true;
    err e = ERR_OK;
    w->raw.length = w->texts.length = w->count = w->good = 0;
    while (w->count < w->most && more && !e) e = read_row(j, &more);
    j->ended = !more;
    for (size_t i = 0, k = 0; i < w->count && !e; i++) {
        const window_row *row = &w->rows[i];
        if (row->is_bad) continue;
        example *x = &w->examples[k++];
        *x = (example){.text_count = j->pair ? 2 : 1};
        for (uint32_t t = 0; t < x->text_count; t++)
            x->texts[t] = (text_span){w->texts.text + row->text[t], row->text_bytes[t]};
    }
    return e;
}

/* --- writing --- */

/* On a terminal rows are shown, line by line, and what is in them does not act. */
static err show_lines(const char *bytes, size_t count) {
    strbuf out = {0};
    err e = ERR_OK;
    for (size_t at = 0, n; at < count && !e; at += n + 1) {
        const char *stop = memchr(bytes + at, '\n', count - at);
        n = stop ? (size_t)(stop - bytes) - at : count - at;
        e = shown_add_bytes(&out, SHOWN_TERMINAL, bytes + at, n);
        if (!e) e = strbuf_add(&out, "\n");
    }
    if (!e && out.text) fputs(out.text, stdout);
    strbuf_free(&out);
    return e;
}

static err write_output(const char *bytes, size_t count) {
    if (isatty(STDOUT_FILENO)) return show_lines(bytes, count);
    return fwrite(bytes, 1, count, stdout) == count && !fflush(stdout)
               ? ERR_OK
               : err_set(ERR_IO, "cannot write standard output: %s", strerror(errno));
}

/* All of it or nothing: what a full disk took of a window is taken back. */
static err write_all(job *j, const char *bytes, size_t count) {
    if (j->fd < 0) return write_output(bytes, count);
    off_t begin = lseek(j->fd, 0, SEEK_CUR);
    for (size_t at = 0; at < count;) {
        ssize_t n = write(j->fd, bytes + at, count - at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            int why = errno;
            bool whole = begin >= 0 && !ftruncate(j->fd, begin);
            return err_set(ERR_IO, "%s: cannot write: %s; %zu rows are %s (--resume goes on)",
                           j->options->output, strerror(why), j->rows,
                           whole ? "there, whole" : "there, and perhaps a part of more");
        }
        at += (size_t)n;
    }
    return ERR_OK;
}

/* The label of the row that was ranked, or all that it has of several, which may be none. */
static void count_labels(job *j) {
    const predictor *p = j->p;
    uint32_t said = predictor_says_several(p) ? predictor_said(p) : 1;
    for (uint32_t k = 0; k < said; k++) j->labels[p->scores[k].id]++;
    j->unsaid += !said;
}

/* Row k of those that could be read. */
static err add_answer(job *j, const float *logits, const unit_answers *units, size_t k,
                      text_span raw, const char *line_end) {
    predictor *p = j->p;
    cJSON *members = NULL;
    if (!p->in_units) {
        predictor_rank(p, logits + k * p->classes);
        count_labels(j);
        return row_add(&j->window.out, &j->form, p, raw, line_end);
    }
    members = cJSON_CreateObject();
    err e = members ? unit_answers_json(members, units, p, k)
                    : err_set(ERR_MEMORY, "out of memory while writing a row");
    if (!e) e = row_add_json(&j->window.out, &j->form, members, raw, line_end);
    cJSON_Delete(members);
    return e;
}

static err write_window(job *j, const float *logits, const unit_answers *units) {
    window *w = &j->window;
    err e = ERR_OK;
    w->out.length = 0;
    for (size_t i = 0, k = 0; i < w->count && !e; i++) {
        const window_row *row = &w->rows[i];
        const text_span raw = {w->raw.text + row->raw, row->raw_bytes};
        if (row->is_bad) {
            e = row_add_bad(&w->out, &j->form, raw, row->line_end);
            continue;
        }
        e = add_answer(j, logits, units, k++, raw, row->line_end);
    }
    if (!e && w->count) e = write_all(j, w->out.text, w->out.length);
    if (!e) j->rows += w->count;
    return e;
}

static void show_progress(const job *j) {
    const table *t = &j->table;
    double seconds = clock_seconds() - j->begin;
    double share = t->file_bytes ? (double)t->bytes / (double)t->file_bytes : 0;
    double speed = seconds > 0 ? (double)(j->rows - j->resumed) / seconds : 0;
    char left[LOG_DURATION_BYTES];
    if (share <= 0 || speed <= 0) {
        log_progress("%zu rows  %.0f rows/s", j->rows, speed);
        return;
    }
    double all = (double)j->rows / share;
    log_progress("%zu rows  %.0f %%  %s left  %.0f rows/s", j->rows, 100 * share,
                 log_duration(left, (all - (double)j->rows) / speed), speed);
}

static err label_rows(job *j) {
    err e = ERR_OK;
    while (!e && !j->ended) {
        const window *w = &j->window;
        unit_answers units = {0};
        float *logits = NULL;
        if (!(e = read_window(j)))
            e = j->p->in_units
                    ? unit_answers_make(&units, j->p, w->examples, w->good, interrupt_seen)
                    : predictor_score(j->p, &logits, w->examples, w->good, interrupt_seen);
        if (!e) e = write_window(j, logits, &units);
        unit_answers_free(&units);
        mem_free(logits);
        if (!e && !j->ended && interrupt_seen()) e = err_set(ERR_INTERRUPTED, "interrupted");
        if (!e) show_progress(j);
    }
    log_progress_end();
    if (e == ERR_INTERRUPTED)
        log_note("%zu row%s labelled%s", j->rows, j->rows == 1 ? " is" : "s are",
                 j->options->output ? "; go on with the same command and --resume" : "");
    return e;
}

/* --- who makes the output, and going on --- */

static err describe(cJSON **root, const job *j) {
    const predictor *p = j->p;
    const device_info *d = &p->scorer.device.info;
    char digest[65];
    *root = cJSON_CreateObject();
    err e = *root ? ERR_OK : err_set(ERR_MEMORY, "out of memory while describing the output");
    if (!e) e = params_digest(&p->scorer.model.params, digest);
    if (!e)
        e = json_put(*root,
                     "weights %s vocabulary %s device %s precision %s max_length %u batch_size %u "
                     "text %s text_pair %s columns %s scores %d",
                     digest, p->scorer.base_model.vocab_sha256, d->name,
                     device_precision_name(p->scorer.device.options.precision), p->max_length,
                     p->batch_size, j->text, j->pair ? j->pair : "none", j->form.names[0],
                     j->options->scores);
    if (!e && p->in_units) // what --task says of the texts
        e = json_put(*root, "unit %s", p->unit == UNIT_WORD ? "word" : "character");
    return e;
}

/* What is there has to be made by the same. */
static err compare_state(const job *j, const cJSON *now) {
    cJSON *then = NULL;
    err e = json_read(&then, j->state, 1 << 20);
    for (const cJSON *item = now->child; item && !e; item = item->next) {
        const cJSON *was = cJSON_GetObjectItemCaseSensitive(then, item->string);
        if (!was || !cJSON_Compare(was, item, true))
            e = err_set(ERR_DATA,
                        "%s: cannot go on: %s is another one than the rows there were "
                        "labelled with (--overwrite begins anew)",
                        j->options->output, item->string);
    }
    cJSON_Delete(then);
    return e;
}

/* The next row that is there against the row of the input; false at a row that is not whole. */
static err same_row(bool *whole, FILE *f, const job *j, text_span raw) {
    size_t n = row_kept_bytes(&j->form, raw);
    int c = 0;
    *whole = false;
    for (size_t i = 0; i < n && (c = getc(f)) != EOF; i++)
        if (c != (unsigned char)raw.text[i])
            return err_set(ERR_DATA,
                           "%s: row %zu is not that of line %zu of %s: cannot go on "
                           "(--overwrite begins anew)",
                           j->options->output, j->table.rows, j->table.line, j->table.path);
    while (c != EOF && (c = getc(f)) != EOF && c != '\n') {
    }
    *whole = c == '\n';
    return ERR_OK;
}

/* How many rows of whole windows are there, and where they end. *all: those of the whole input are,
 * and nothing else. */
static err count_rows(size_t *rows, off_t *end, bool *all, job *j, FILE *f) {
    bool whole = false, more = true;
    err e = ERR_OK;
    *rows = 0;
    *end = 0;
    *all = false;
    if (j->table.kind == TASK_FORMAT_DELIMITED) {
        if (j->table.has_bom) (void)(getc(f), getc(f), getc(f));
        if ((e = same_row(&whole, f, j, j->table.header)) || !whole) return e;
    }
    *end = ftello(f);
    while (!e) {
        e = table_next(&j->table, &more);
        if (e == ERR_FORMAT && more) { // the row is there as it is
            err_clear();
            e = ERR_OK;
        }
        if (!e && !more) *all = getc(f) == EOF;
        if (e || !more || (e = same_row(&whole, f, j, j->table.raw)) || !whole) break;
        if (j->table.rows % j->window.most) continue;
        *rows = j->table.rows;
        *end = ftello(f);
    }
    return e;
}

/* Finds what is there, and brings the input behind it. */
static err find_rest(job *j) {
    void *stream = NULL;
    off_t end = 0;
    size_t rows = 0;
    bool more = true, all;
    err e = file_open_stream(&stream, NULL, j->options->output, 0);
    if (e) return e;
    e = count_rows(&rows, &end, &all, j, stream);
    fclose(stream);
    if (e) return e;
    const char *path = j->table.path;
    table_close(&j->table);
    if ((e = table_open(&j->table, path))) return e;
    while (!e && j->table.rows < rows) {
        window_row row = {0};
        e = table_next(&j->table, &more);
        if (!e) e = row_check(&j->form, &j->table);
        if (e) e = take_fault(j, &row, e, more);
        j->bad += row.is_bad;
    }
    j->rows = j->resumed = rows;
    if (!e && (ftruncate(j->fd, end) || lseek(j->fd, end, SEEK_SET) < 0))
        e = err_set(ERR_IO, "%s: cannot write: %s", j->options->output, strerror(errno));
    if (!e) log_note("resume  %zu row%s labelled already", rows, rows == 1 ? " is" : "s are");
    return e;
}

/* Rows go into no file that they come from, and into none that another process fills. */
static err check_output(const job *j) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct stat in, out;
    const char *path = j->options->output;
    if (fstat(j->fd, &out)) return err_set(ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    if (!stat(j->options->input, &in) && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
        return err_set(ERR_USAGE, "%s is both --input and --output", path);
    // a file system without locks is used without
    if (fcntl(j->fd, F_OFD_SETLK, &whole) && (errno == EACCES || errno == EAGAIN))
        return err_set(ERR_IO, "%s: another process writes it; wait for it", path);
    return ERR_OK;
}

/* Of an output beside which nothing says that it is unfinished. */
static err check_finished(job *j) {
    void *stream = NULL;
    off_t end = 0;
    size_t rows = 0;
    bool all = false;
    err e = file_open_stream(&stream, NULL, j->options->output, 0);
    if (e) return e;
    e = count_rows(&rows, &end, &all, j, stream);
    fclose(stream);
    if (!e && !all)
        e = err_set(ERR_DATA,
                    "%s: not all rows of %s are there, or more than these, and %s, which would say "
                    "how they were labelled, is not: cannot go on (--overwrite begins anew)",
                    j->options->output, j->table.path, path_name(j->state));
    if (!e) log_note("%s: finished already", j->options->output);
    return e;
}

/* The output, new or gone on with. *done: it is finished. */
static err open_output(job *j, bool *done) {
    const options *o = j->options;
    cJSON *now = NULL;
    *done = false;
    if (!o->output || !strcmp(o->output, "-")) return ERR_OK;
    err e = output_apart(o->output, j->p->scorer.base_model.folder);
    if (!e) e = mem_printf(&j->state, "%s.unfinished.json", o->output);
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
    if (!e) e = file_check_own(j->state, state_mark);
    if (!e) e = file_open_own(&j->fd, o->output);
    if (!e) e = check_output(j);
    if (!e) e = describe(&now, j);
    if (!e && resumes) e = compare_state(j, now);
    if (!e) e = json_write(j->state, now);
    if (e && !there && j->fd >= 0) (void)unlink(o->output); // nothing is in it
    if (!e && resumes)
        e = find_rest(j);
    else if (!e && ftruncate(j->fd, 0))
        e = err_set(ERR_IO, "%s: cannot write: %s", o->output, strerror(errno));
    cJSON_Delete(now);
    return e;
}

/* The names of the columns stand before the first row. */
static err write_header(job *j) {
    strbuf *out = &j->window.out;
    out->length = 0;
    if (j->rows || j->table.kind != TASK_FORMAT_DELIMITED) return ERR_OK;
    off_t at = j->fd < 0 ? 0 : lseek(j->fd, 0, SEEK_CUR);
    if (at > 0) return ERR_OK; // a resumed one without rows
    err e = strbuf_add(out, j->table.has_bom ? "\xEF\xBB\xBF" : "");
    if (!e) e = row_add_header(out, &j->form, j->table.header, j->table.line_end);
    return e ? e : write_all(j, out->text, out->length);
}

static err finish(job *j) {
    if (j->fd >= 0 && fsync(j->fd))
        return err_set(ERR_IO, "%s: cannot write: %s", j->options->output, strerror(errno));
    return j->state ? file_remove(j->state) : ERR_OK;
}

static void show_end(const job *j) {
    strbuf line = {0};
    err e = ERR_OK;
    double seconds = clock_seconds() - j->begin;
    for (uint32_t k = 0; k < j->p->classes && !e; k++) {
        char fallback[24];
        if (j->labels[k] && j->p->classes > 1) // a number's name says nothing
            e = strbuf_printf(&line, "%s%s %llu", line.length ? ", " : ": ",
                              predictor_label(j->p, k, fallback), (unsigned long long)j->labels[k]);
    }
    if (!e && j->unsaid)
        e = strbuf_printf(&line, "%sno label of them %zu", line.length ? ", " : ": ", j->unsaid);
    if (!e)
        log_note("%zu row%s, %zu without %s%s (%.0f rows/s)", j->rows, shown_plural(j->rows),
                 j->bad, j->p->in_units ? "an answer" : "a label", line.length ? line.text : "",
                 seconds > 0 ? (double)(j->rows - j->resumed) / seconds : 0);
    err_clear();
    strbuf_free(&line);
}

static err prepare(job *j) {
    window *w = &j->window;
    err e = table_open(&j->table, j->options->input);
    if (e) return e;
    if (j->table.kind == TASK_FORMAT_JSON)
        return err_set(ERR_USAGE, "%s is a JSON array: make lines of it first (jq -c '.[]')",
                       j->table.path);
    w->most = WINDOW_ROWS;
    if (w->most < 4 * (size_t)j->p->batch_size) w->most = 4 * (size_t)j->p->batch_size;
    if ((e = choose_text(j))) return e;
    if (j->p->in_units) {
        size_t count;
        const char *const *names = unit_answers_names(j->p, &count);
        e = row_form_init_of(&j->form, &j->table, names, count);
    } else {
        e = row_form_init(&j->form, &j->table, j->options->scores);
    }
    if (e) return e;
    if ((e = mem_new(&w->rows, w->most)) || (e = mem_new(&w->examples, w->most))) return e;
    return mem_new(&j->labels, j->p->classes);
}

err predict_file(predictor *p) {
    job j = {.p = p, .options = p->options, .fd = -1};
    bool done = false;
    err e = prepare(&j);
    if (!e) e = open_output(&j, &done);
    if (e || done) goto done;
    j.begin = clock_seconds();
    interrupt_begin();
    e = write_header(&j);
    if (!e) e = label_rows(&j);
    interrupt_end();
    if (!e) e = finish(&j);
    if (!e) show_end(&j);
done:
    if (j.fd >= 0) close(j.fd);
    table_close(&j.table);
    row_form_free(&j.form);
    strbuf_free(&j.window.raw);
    strbuf_free(&j.window.texts);
    strbuf_free(&j.window.out);
    mem_free(j.window.rows);
    mem_free(j.window.examples);
    mem_free(j.labels);
    mem_free(j.state);
    return e;
}
