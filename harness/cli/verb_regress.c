/* `harness regress`: the fixed suite against the baseline of its device's kind. */
#include "base/log.h"
#include "base/moment.h"
#include "cli/options.h"
#include "platform/assets.h"
#include "platform/file.h"
#include "platform/host.h"
#include "result/regress/regress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct work {
    regress_suite suite;
    regress_state now, before;
    regress_report report;
    char *folder, *runs, *baseline; /* owned */
    regress_moment when;
    double begin; /* clock_seconds */
} work;

static void note_moment(work *w) {
    char now[MOMENT_BYTES];
    w->begin = clock_seconds();
    moment_now(now);
    now[strcspn(now, "Z")] = '\0'; // JUnit's times name no zone
    snprintf(w->when.begun, sizeof w->when.begun, "%s", now);
    host_name(w->when.host, sizeof w->when.host);
}

static void work_free(work *w) {
    regress_report_free(&w->report);
    regress_state_free(&w->before);
    regress_state_free(&w->now);
    regress_suite_free(&w->suite);
    mem_free(w->folder);
    mem_free(w->runs);
    mem_free(w->baseline);
}

/* The folder of this name here, else what came with the program; an update is for here. */
static err find_baselines(char **folder, const options *o) {
    static const char here[] = "results/baselines";
    if (o->baselines || o->update || folder_exists(here))
        return mem_strdup(folder, o->baselines ? o->baselines : here);
    return asset_folder(folder, "baselines");
}

static err read_suite(work *w, const char *folder) {
    char path[PATH_MAX];
    err e = path_in(path, folder, "suite.json");
    if (!e && asset_is(folder, "baselines")) e = asset_need(path);
    return e ? e : regress_suite_read(&w->suite, path);
}

/* The baseline of the device's kind, found before anything is run. */
static err name_baseline(work *w, const char *folder, const options *o) {
    device_info found;
    err e = device_find(&found, o->device);
    return e ? e : mem_printf(&w->baseline, "%s/%s.json", folder, device_record_kind(&found));
}

static err write_text(const char *folder, const char *name, const strbuf *text) {
    char path[PATH_MAX];
    err e = path_in(path, folder, name);
    return e ? e : file_write(path, text->text, text->length);
}

/* Nothing is run when what would be written over is another's. mark: words of regress_output.c. */
static err check_files(const work *w, const options *o) {
    static const struct {
        const char *name, *mark;
    } files[] = {{"junit.xml", "<testsuite name=\"regress "},
                 {"bigger.json", "\"sentences/s\""},
                 {"smaller.json", "\"nats\""}};
    if (o->update) return file_check_own(w->baseline, "\"suite_sha256\"");
    err e = ERR_OK;
    for (size_t i = 0; i < sizeof files / sizeof *files && !e; i++) {
        char path[PATH_MAX];
        if (!(e = path_in(path, w->folder, files[i].name))) e = file_check_own(path, files[i].mark);
    }
    return e;
}

static err write_files(work *w) {
    strbuf junit = {0}, bigger = {0}, smaller = {0};
    w->when.seconds = clock_seconds() - w->begin;
    err e = folder_make(w->folder);
    if (e || (e = regress_junit(&junit, &w->report, &w->now, &w->when)) ||
        (e = regress_history(&bigger, &smaller, &w->now)) ||
        (e = write_text(w->folder, "junit.xml", &junit)) ||
        (e = write_text(w->folder, "bigger.json", &bigger)) ||
        (e = write_text(w->folder, "smaller.json", &smaller)))
        goto done;
    log_note("wrote %s/junit.xml, bigger.json and smaller.json", w->folder);
done:
    strbuf_free(&junit);
    strbuf_free(&bigger);
    strbuf_free(&smaller);
    return e;
}

/* Kernels that seem slower are timed again: a fall is three of three. */
static err settle_kernels(work *w, const regress_options *how) {
    err e = ERR_OK;
    for (int i = 1; i < REGRESS_TRIES && !e && regress_any_kernel_fell(&w->report); i++) {
        regress_state again = {.product_size = w->before.product_size};
        log_note("some kernels seem slower: measurement %d of %d", i + 1, REGRESS_TRIES);
        if (!(e = regress_time(&again, &w->suite, how)))
            e = regress_compare_again(&w->report, &w->before, &again);
        regress_state_free(&again);
    }
    return e;
}

static err verdict(const work *w) {
    for (size_t i = 0; i < w->report.count; i++) {
        const regress_figure *f = &w->report.figures[i];
        if (f->verdict != REGRESS_FELL) continue;
        return err_set(
            ERR_GATE, "%zu of %zu figures fell; the first: %s of %s was %.9g, is %.9g (bound %.3g)",
            w->report.fell, w->report.count, f->name, f->group, f->before, f->after, f->bound);
    }
    return ERR_OK;
}

static err check(work *w, const regress_options *how, const options *o) {
    strbuf out = {0};
    err e;
    if (!file_exists(w->baseline))
        return err_set(ERR_DATA, "%s: no baseline for this kind of device; --update makes one",
                       w->baseline);
    if ((e = regress_state_read(&w->before, w->baseline))) return e;
    if (strcmp(w->before.suite_sha256, w->suite.sha256) != 0)
        return regress_compare(&w->report, &w->before, &w->now, &w->suite); // says what is wrong
    regress_options now = *how;
    now.timing = how->timing && w->before.kernel_count;
    w->now.product_size = w->before.product_size;
    if ((e = regress_measure(&w->now, &w->suite, &now)) ||
        (e = regress_compare(&w->report, &w->before, &w->now, &w->suite)) ||
        (e = settle_kernels(w, how)) || (e = write_files(w)))
        return e;
    e = o->json ? regress_json(&out, &w->report, &w->before, &w->now)
                : regress_text(&out, &w->report, &w->before, &w->now);
    if (!e) fwrite(out.text, 1, out.length, stdout);
    strbuf_free(&out);
    return e ? e : verdict(w);
}

/* What the baseline holds stays, its times among it. */
static err add(work *w, regress_options how) {
    how.all_seeds = true;
    how.timing = false;
    how.known = &w->before;
    err e = regress_state_read(&w->before, w->baseline);
    if (e || (e = regress_measure(&w->now, &w->suite, &how)) ||
        (e = regress_add(&w->before, &w->now, &w->suite)) ||
        (e = regress_state_write(&w->before, &w->suite, w->baseline))) {
        return e;
    }
    log_note("wrote %s", w->baseline);
    return ERR_OK;
}

static err update(work *w, regress_options how) {
    how.all_seeds = true;
    err e = regress_measure(&w->now, &w->suite, &how);
    if (!e && w->now.kernel_count && !regress_is_steady(&w->now)) {
        log_warn("the machine does other work (the calibration product varied %.2f-fold): the "
                 "baseline holds no kernel times",
                 w->now.product_spread);
        w->now.kernel_count = 0;
    }
    if (!e) e = regress_state_write(&w->now, &w->suite, w->baseline);
    if (!e) log_note("wrote %s", w->baseline);
    return e;
}

err verb_regress(const options *o) {
    work w = {0};
    char *baselines = NULL;
    err e;
    note_moment(&w);
    if (o->add && !o->update) return err_set(ERR_USAGE, "--add goes with --update");
    if ((e = mem_strdup(&w.folder, o->output_dir ? o->output_dir : "runs/regress")) ||
        (e = path_join(&w.runs, w.folder, "work")) || (e = find_baselines(&baselines, o)) ||
        (e = read_suite(&w, baselines)) || (e = name_baseline(&w, baselines, o)) ||
        (e = check_files(&w, o)))
        goto done;
    regress_options how = {.device = o->device,
                           .data_dir = o->data_dir,
                           .threads = o->threads,
                           .folder = w.runs,
                           .timing = !o->no_timing};
    e = o->add ? add(&w, how) : o->update ? update(&w, how) : check(&w, &how, o);
done:
    mem_free(baselines);
    work_free(&w);
    return e;
}
