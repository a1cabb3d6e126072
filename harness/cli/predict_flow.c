#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/output.h"
#include "cli/predict_job.h"
#include "platform/file.h"
#include "platform/interrupt.h"
#include "platform/stream.h"
#include "train/step/courier.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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
    if (stream_is_terminal(STREAM_OUT)) return show_lines(bytes, count);
    (void)fwrite(bytes, 1, count, stdout);
    return output_check();
}

/* All of it or nothing: what a full disk took of a window is taken back. */
err predict__write(predict_job *j, const char *bytes, size_t count) {
    if (j->fd < 0) return write_output(bytes, count);
    int64_t begin = stream_place(j->fd);
    if (stream_write(j->fd, bytes, count) == count) {
        sha256_add(&j->written, bytes, count);
        j->written_bytes += count;
        return ERR_OK;
    }
    int why = errno;
    bool whole = begin >= 0 && stream_cut(j->fd, begin);
    return err_set(ERR_IO, "%s: cannot write: %s; %s rows are %s (--resume goes on)",
                   j->options->output, strerror(why), SHOWN_COUNT(j->rows),
                   whole ? "there, whole" : "there, and perhaps a part of more");
}

static err write_window(predict_job *j, window *w) {
    err e = predict__begin(j);
    if (!e && w->count) e = predict__write(j, w->out.text, w->out.length);
    if (e) return e;
    j->rows += w->count;
    return predict__maker_keep_some(j);
}

/* `behind`: byte of the input up to which rows are written. */
static void show_progress(const predict_job *j, uint64_t behind) {
    uint64_t all_bytes = j->table.file_bytes;
    double seconds = clock_seconds() - j->begin;
    double share = all_bytes ? (double)behind / (double)all_bytes : 0;
    double speed = seconds > 0 ? (double)(j->rows - j->resumed) / seconds : 0;
    char left[LOG_DURATION_BYTES];
    if (share <= 0 || speed <= 0) {
        log_progress("%s rows  %s rows/s", SHOWN_COUNT(j->rows), SHOWN_COUNT(speed + 0.5));
        return;
    }
    double all = (double)j->rows / share;
    log_progress("%s rows  %.0f %%  %s left  %s rows/s", SHOWN_COUNT(j->rows), 100 * share,
                 log_duration(left, (all - (double)j->rows) / speed), SHOWN_COUNT(speed + 0.5));
}

static err label_in_turn(predict_job *j) {
    window *w = &j->windows[0];
    err e = ERR_OK;
    while (!e && !j->ended) {
        if (!(e = predict__window_read(j, w))) e = predict__window_score(j, w);
        if (!e) e = predict__window_make(j, w, SIZE_MAX);
        if (!e) e = write_window(j, w);
        if (!e && !j->ended && interrupt_seen()) e = err_set(ERR_INTERRUPTED, "interrupted");
        if (!e) show_progress(j, w->behind);
    }
    return e;
}

/* An error that is told when those of earlier rows had their turn. */
typedef struct fault {
    err e;
    char message[1024];
} fault;

static void fault_keep(fault *f, err e) {
    f->e = e;
    if (e) snprintf(f->message, sizeof f->message, "%s", err_message(e));
}

static err fault_tell(const fault *f) {
    return f->e ? err_set(f->e, "%s", f->message) : ERR_OK;
}

enum { PIECE_ROWS = 64 }; /* of what is done beside: as many as a device that is done waits for */

/* What there is to do beside the scoring of a window. */
typedef struct errand {
    predict_job *job;
    window *last, *next; /* of which rows are made, and that is read; NULL: none */
    fault making, reading;
    bool is_encoded; /* next */
} errand;

static bool has_to_make(const errand *at) {
    return at->last && !at->making.e && !at->last->is_made;
}

static bool has_to_read(const errand *at) {
    return at->next && !at->reading.e && !at->next->is_read;
}

static void make_some(errand *at, size_t rows) {
    if (has_to_make(at)) fault_keep(&at->making, predict__window_make(at->job, at->last, rows));
}

static void read_some(errand *at, size_t rows) {
    if (has_to_read(at)) fault_keep(&at->reading, predict__window_rows(at->job, at->next, rows));
}

static void encode_next(errand *at) {
    if (!at->next || at->reading.e || at->is_encoded) return;
    fault_keep(&at->reading, predict__window_encode(at->job, at->next));
    at->is_encoded = true;
}

/* A piece of it. */
static err go(void *context, size_t i) {
    errand *at = context;
    (void)i;
    encode_alone();
    if (has_to_make(at))
        make_some(at, PIECE_ROWS);
    else if (has_to_read(at))
        read_some(at, PIECE_ROWS);
    else
        encode_next(at);
    return ERR_OK;
}

static size_t pieces_of(const errand *at) {
    size_t made = at->last ? at->last->count : 0, read = at->next ? at->job->most : 0;
    return made / PIECE_ROWS + read / PIECE_ROWS + 3; // two are begun, and token ids
}

/* What is left of it when the device is free: one thread makes rows while another reads, and all of
 * them find token ids. */
static void go_together(errand *at) {
#pragma omp parallel sections num_threads(2) if (encode_threads() > 1 && has_to_make(at) &&        \
                                                 has_to_read(at))
    {
#pragma omp section
        make_some(at, SIZE_MAX);
#pragma omp section
        read_some(at, SIZE_MAX);
    }
    encode_next(at);
}

/* Scores a window while the courier goes; then the rows of the one before are written. */
static err label_one(errand *at, courier *c, window *now) {
    predict_job *j = at->job;
    fault scoring;
    if (at->next) predict__window_empty(at->next);
    courier_begin(c);
    courier_release(c, pieces_of(at));
    fault_keep(&scoring, predict__window_score(j, now));
    courier_stop(c);
    if (scoring.e) at->next = NULL;
    go_together(at);
    err e = fault_tell(&at->making);
    if (!e && at->last) e = write_window(j, at->last);
    if (!e && at->last) show_progress(j, at->last->behind);
    return e ? e : fault_tell(&scoring);
}

/* Errors come in the order of the rows that they are about, as if one window were labelled after
 * the other. */
static err label_beside(predict_job *j, courier *c, errand *at) {
    window *now = &j->windows[0], *last = NULL;
    bool is_cut = false;
    err e = predict__window_read(j, now);
    for (size_t k = 1; !e && now; k++) {
        *at = (errand){
            .job = j, .last = last, .next = j->ended ? NULL : &j->windows[k % WINDOW_COUNT]};
        e = label_one(at, c, now);
        last = e ? NULL : now;
        now = at->reading.e ? NULL : at->next;
        is_cut = now && now->count && interrupt_seen();
        if (is_cut) now = NULL;
    }
    if (!e && last && !(e = predict__window_make(j, last, SIZE_MAX))) e = write_window(j, last);
    if (!e) e = fault_tell(&at->reading);
    return e || !is_cut ? e : err_set(ERR_INTERRUPTED, "interrupted");
}

static void tell_interrupted(const predict_job *j) {
    const bool goes_on = j->options->output && !file_is_input(j->options->input);
    if (!j->rows)
        log_note("nothing was written");
    else
        log_note("%s row%s labelled%s%s", SHOWN_COUNT(j->rows), j->rows == 1 ? " is" : "s are",
                 goes_on ? "; go on with the same command and --resume" : "",
                 goes_on && j->options->overwrite ? " in place of --overwrite" : "");
}

err predict__flow(predict_job *j) {
    courier *c = NULL;
    errand at = {0};
    err e = ERR_OK;
    if (file_is_input(j->options->input)) // who waits for it keeps back no rows that are scored
        e = label_in_turn(j);
    else if (!(e = courier_open(&c, go, &at)))
        e = label_beside(j, c, &at);
    courier_close(c);
    log_progress_end();
    if (e == ERR_INTERRUPTED) tell_interrupted(j);
    return e;
}
