#include "base/log.h"
#include "base/memory.h"
#include "cli/predict_job.h"
#include "platform/interrupt.h"

#include <string.h>

enum { BAD_ROWS_SHOWN = 20, WINDOW_BYTES = 64 << 20 };

/* Text of a cell, in quotes where it has to be; it stays what it is. */
static err add_text(strbuf *out, char delimiter, text_span text) {
    bool is_plain = !memchr(text.text, delimiter, text.bytes) &&
                    !memchr(text.text, '"', text.bytes) && !memchr(text.text, '\n', text.bytes) &&
                    !memchr(text.text, '\r', text.bytes);
    if (is_plain) return strbuf_add_bytes(out, text.text, text.bytes);
    err e = strbuf_add(out, "\"");
    for (size_t i = 0; i < text.bytes && !e; i++)
        e = strbuf_add_bytes(out, text.text[i] == '"' ? "\"\"" : text.text + i,
                             text.text[i] == '"' ? 2 : 1);
    return e ? e : strbuf_add(out, "\"");
}

static err convert(text_span *kept, predict_job *j, const text_span *cells, size_t count) {
    strbuf *out = &j->converted;
    err e = ERR_OK;
    out->length = 0;
    for (size_t i = 0; i < count && !e; i++) {
        if (i) e = strbuf_add_bytes(out, &j->form.delimiter, 1);
        if (!e) e = add_text(out, j->form.delimiter, cells[i]);
    }
    if (!e) e = strbuf_add(out, "");
    *kept = (text_span){out->text, out->length};
    return e;
}

err predict__row_kept(text_span *kept, predict_job *j, bool is_cut) {
    const table *t = &j->table;
    *kept = t->raw;
    return !j->converts ? ERR_OK
           : is_cut     ? convert(kept, j, t->fields, t->column_count)
                        : convert(kept, j, &t->raw, 1);
}

err predict__names_kept(text_span *kept, predict_job *j) {
    const table *t = &j->table;
    text_span *names = NULL;
    *kept = t->header;
    if (!j->converts) return ERR_OK;
    err e = mem_new(&names, t->column_count);
    for (size_t i = 0; i < t->column_count && !e; i++)
        names[i] = (text_span){t->columns[i], strlen(t->columns[i])};
    if (!e) e = convert(kept, j, names, t->column_count);
    mem_free(names);
    return e;
}

static err keep_text(window *w, window_row *row, int k, text_span text) {
    row->text[k] = w->texts.length;
    row->text_bytes[k] = text.bytes;
    err e = strbuf_add_bytes(&w->texts, text.text, text.bytes);
    return e ? e : strbuf_add_bytes(&w->texts, "", 1);
}

/* What the model reads of the row. */
static err find_texts(text_span texts[2], const predict_job *j) {
    err e = row_check(&j->form, &j->table);
    if (!e) e = table_text(&texts[0], &j->table, j->text, j->text_column);
    if (e || !j->pair) return e;
    e = table_text(&texts[1], &j->table, j->pair, j->pair_column);
    if (!e && !texts[0].bytes != !texts[1].bytes)
        e = err_set(ERR_FORMAT, "%s:%zu: column '%s' is empty: a pair is two texts", j->table.path,
                    j->table.line, texts[0].bytes ? j->pair : j->text);
    return e;
}

static err take_texts(const predict_job *j, window *w, window_row *row) {
    text_span texts[2] = {0};
    err e = find_texts(texts, j);
    for (int k = 0; k < 1 + (j->pair != NULL) && !e; k++) e = keep_text(w, row, k, texts[k]);
    return e;
}

err predict__row_is_good(bool *is_good, text_span *text, const predict_job *j) {
    text_span texts[2] = {0};
    err e = find_texts(texts, j);
    *text = texts[0];
    *is_good = !e;
    if (e == ERR_FORMAT) err_clear();
    return e == ERR_FORMAT ? ERR_OK : e;
}

err predict__take_fault(const predict_job *j, window_row *row, err fault, bool more) {
    if (fault != ERR_FORMAT || !more) return fault;
    if (!j->options->skip_bad_rows)
        return err_set(fault, "%s (--skip-bad-rows passes such rows through)", err_message(fault));
    if (j->bad < BAD_ROWS_SHOWN) log_warn("%s: passed through without a label", err_message(fault));
    if (j->bad == BAD_ROWS_SHOWN) log_warn("further bad rows are counted alone");
    err_clear();
    row->is_bad = true;
    return ERR_OK;
}

static err read_row(predict_job *j, window *w, bool *more) {
    window_row *row = &w->rows[w->count];
    size_t texts = w->texts.length;
    text_span kept;
    *row = (window_row){0};
    err e = table_next(&j->table, more);
    bool is_cut = !e;
    if (!e && !*more) return ERR_OK;
    if (!e) e = take_texts(j, w, row);
    if (e && (e = predict__take_fault(j, row, e, *more))) return e;
    if (row->is_bad) w->texts.length = texts;
    if ((e = predict__row_kept(&kept, j, is_cut))) return e;
    j->bad += row->is_bad;
    row->raw = w->raw.length;
    row->raw_bytes = kept.bytes;
    row->line_end = j->table.line_end;
    w->good += !row->is_bad;
    w->count++;
    return strbuf_add_bytes(&w->raw, kept.text, kept.bytes);
}

/* What the model is given of the rows that could be read. */
static void point_into(const predict_job *j, window *w) {
    for (size_t i = 0, k = 0; i < w->count; i++) {
        const window_row *row = &w->rows[i];
        if (row->is_bad) continue;
        example *x = &w->examples[k++];
        *x = (example){.text_count = j->pair ? 2 : 1};
        for (uint32_t t = 0; t < x->text_count; t++)
            x->texts[t] = (text_span){w->texts.text + row->text[t], row->text_bytes[t]};
    }
}

bool predict__window_is_full(const predict_job *j, size_t rows, size_t bytes) {
    return rows == j->most || bytes >= WINDOW_BYTES;
}

void predict__window_empty(window *w) {
    w->raw.length = w->texts.length = w->out.length = 0;
    w->count = w->good = w->made = w->answered = 0;
    w->is_read = w->is_made = false;
}

err predict__window_rows(predict_job *j, window *w, size_t rows) {
    bool more = true;
    err e = ERR_OK;
    for (size_t n = 0; n < rows && !w->is_read && !e; n++) {
        e = read_row(j, w, &more);
        w->is_read = !more || predict__window_is_full(j, w->count, w->raw.length);
    }
    j->ended = !more;
    w->behind = j->table.bytes;
    if (!e && w->is_read) point_into(j, w);
    return e;
}

err predict__window_encode(const predict_job *j, window *w) {
    return j->p->in_units ? ERR_OK : predictor_read(&w->encoded, j->p, w->examples, w->good);
}

err predict__window_read(predict_job *j, window *w) {
    predict__window_empty(w);
    err e = predict__window_rows(j, w, SIZE_MAX);
    return e ? e : predict__window_encode(j, w);
}

static void let_go(window *w) {
    unit_answers_free(&w->units);
    encoded_free(&w->encoded);
    mem_free(w->logits);
    w->logits = NULL;
}

err predict__window_score(predict_job *j, window *w) {
    return j->p->in_units
               ? unit_answers_make(&w->units, j->p, w->examples, w->good, interrupt_seen)
               : predictor_run(j->p, &w->logits, &w->encoded, w->examples, interrupt_seen);
}

/* Row k of those that could be read. */
static err add_answer(predict_job *j, window *w, size_t k, text_span raw, const char *line_end) {
    predictor *p = j->p;
    cJSON *members = NULL;
    if (!p->in_units) {
        predictor_rank(p, w->logits + k * p->classes);
        predictor_count(&j->labels, p);
        j->labels.empty += !w->examples[k].texts[0].bytes;
        return row_add(&w->out, &j->form, p, raw, line_end);
    }
    members = cJSON_CreateObject();
    err e = unit_answers_json(members, &w->units, p, k);
    if (!e) e = row_add_json(&w->out, &j->form, members, raw, line_end);
    cJSON_Delete(members);
    return e;
}

err predict__window_make(predict_job *j, window *w, size_t rows) {
    err e = ERR_OK;
    for (size_t n = 0; n < rows && w->made < w->count && !e; n++) {
        const window_row *row = &w->rows[w->made++];
        const text_span raw = {w->raw.text + row->raw, row->raw_bytes};
        e = row->is_bad ? row_add_bad(&w->out, &j->form, raw, row->line_end)
                        : add_answer(j, w, w->answered++, raw, row->line_end);
    }
    w->is_made = w->made == w->count;
    if (e || w->is_made) let_go(w);
    return e;
}

err predict__window_init(window *w, size_t most) {
    err e = mem_new(&w->rows, most);
    return e ? e : mem_new(&w->examples, most);
}

void predict__window_free(window *w) {
    let_go(w);
    strbuf_free(&w->raw);
    strbuf_free(&w->texts);
    strbuf_free(&w->out);
    mem_free(w->rows);
    mem_free(w->examples);
    *w = (window){0};
}
