/* `harness bench`: what a training step and an evaluation batch cost, whole and op by op. */
#include "base/log.h"
#include "base/memory.h"
#include "cli/bench_against.h"
#include "cli/bench_record.h"
#include "cli/bench_svg.h"
#include "cli/bench_table.h"
#include "cli/model_flag.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/rank_flags.h"
#include "cli/terminal_text.h"
#include "data/dataset.h"
#include "platform/file.h"
#include "result/device_text.h"
#include "task/task.h"
#include "train/group/launch.h"
#include "train/group/rank_device.h"
#include "train/run/labels.h"
#include "train/run/run_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* PRETRAIN_TOKENS: of a step of pretraining, about, as `harness pretrain` takes. */
enum { BATCH_DEFAULT = 32, BATCH_MOST = 4096, SEED_DEFAULT = 42, PRETRAIN_TOKENS = 4096 };
static const double MLM_PROBABILITY = 0.15;

/* What is measured, opened. */
typedef struct work {
    task task;
    dataset data;
    bool sample;
    base_model base_model;
    device device;
    bool device_is_open;
    char *rank_devices; /* of ranks whose devices differ; owned */
    encoded train, test;
    bench_options options;
    bench *result; /* owned */
} work;

static void work_free(work *w) {
    encoded_free(&w->train);
    encoded_free(&w->test);
    group_watch(w->options.group, WATCH_BEGIN, NULL);
    if (w->device_is_open) device_close(&w->device);
    base_model_free(&w->base_model);
    dataset_free(&w->data);
    task_free(&w->task);
    mem_free(w->result);
    mem_free(w->rank_devices);
}

static err choose(work *w, const options *o) {
    w->options = (bench_options){.batch_size = o->has_per_device_train_batch_size
                                                   ? o->per_device_train_batch_size
                                                   : BATCH_DEFAULT,
                                 .steps = o->max_steps,
                                 .dropout = o->has_dropout ? o->dropout : -1,
                                 .seed = o->has_seed ? o->seed : SEED_DEFAULT};
    char found[32];
    if (w->options.batch_size < 1 || w->options.batch_size > BATCH_MOST) {
        snprintf(found, sizeof found, "%u", o->per_device_train_batch_size);
        return options_range_error("batch-size", found, "1 to 4096");
    }
    if (w->options.steps > BENCH_STEPS_MAX) {
        snprintf(found, sizeof found, "%u", o->max_steps);
        return options_range_error("max-steps", found, "1 to 200");
    }
    if (o->has_dropout && !(o->dropout >= 0 && o->dropout < 1)) {
        snprintf(found, sizeof found, "%g", o->dropout);
        return options_range_error("dropout", found, "0 to below 1");
    }
    device_precision precision;
    return device_precision_find(&precision, o->precision);
}

/* Real data if it is there; else, with a note, the sample: lengths differ, shapes do not. */
static err open_data(work *w, const options *o) {
    dataset_options wanted = {.data_dir = o->data_dir, .sample = o->sample};
    bool here = true;
    err e = wanted.sample ? ERR_OK : dataset_is_here(&here, &w->task, &wanted);
    if (e) return e;
    if (!here)
        log_note("the data of %s is not here: the sentence lengths are those of the bundled sample",
                 w->task.name);
    w->sample = wanted.sample = wanted.sample || !here;
    return dataset_load(&w->data, &w->task, &wanted);
}

static err set_labels(work *w) {
    err e = base_model_add_tokens(&w->base_model, &w->task, false);
    return e ? e : labels_set(&w->base_model.config, &w->task);
}

static err open_device(work *w, const options *o, struct group *g) {
    device_options wish = {.threads = o->threads, .validation = o->validation};
    char *name = NULL;
    err e = device_precision_find(&wish.precision, o->precision);
    if (!e) e = rank_device(&name, &wish.threads, g, o->device);
    if (!e) e = device_open_named(&w->device, name, &wish);
    w->device_is_open = !e;
    if (!e) rank_device_watch(g, &w->device);
    if (!e) e = rank_device_names(&w->rank_devices, g, &w->device.info, false);
    mem_free(name);
    return e;
}

/* A work and the options that it is opened by. */
typedef struct opening {
    work *work;
    const options *options;
} opening;

/* What may be downloaded, and is so once. */
static err open_base_model(void *context) {
    const opening *at = context;
    const options *o = at->options;
    work *w = at->work;
    base_model_options wish = {.from_scratch = true, .cased = o->cased}; // shapes are enough
    err e = model_flag_arch(&wish.arch, o);
    if (e || (e = open_data(w, o))) return e;
    wish.marked = w->task.kind == ANSWER_RELATION;
    return base_model_open(&w->base_model, o->model ? o->model : "tiny", &w->data.train, &wish);
}

static err work_open(work *w, const options *o, struct group *g) {
    opening at = {w, o};
    err e = choose(w, o);
    w->options.group = g;
    if (o->task && (!strcmp(o->task, "all") || strchr(o->task, ',')))
        return err_set(ERR_USAGE, "bench takes one task, found --task %s", o->task);
    if (e || (o->model && (e = base_model_check_name(o->model)))) return e;
    if ((e = task_find(&w->task, o->task ? o->task : "nsmc", NULL))) return e;
    if ((e = open_device(w, o, g)) || (e = group_first(g, open_base_model, &at))) return e;
    if (o->pretrain)
        w->base_model.config.head = &head_masked_lm;
    else if ((e = set_labels(w)))
        return e;
    uint32_t length = base_model_max_length(&w->base_model, 0, (uint32_t)w->task.max_length);
    const tokenizer *words = &w->base_model.tokenizer;
    if ((e = encode_split(&w->train, words, &w->data.train, ENCODE_KEPT, length))) return e;
    if ((e = encode_split(&w->test, words, &w->data.test, ENCODE_ALL, length))) return e;
    if (o->pretrain && !o->has_per_device_train_batch_size) {
        double mean = (double)w->train.tokens / (double)w->train.count;
        w->options.batch_size = (uint32_t)fmax(1, fmin(BATCH_MOST, PRETRAIN_TOKENS / mean));
    }
    return mem_new(&w->result, 1);
}

/* Data that one host has and another lacks would divide other steps. */
static err compare_work(const work *w, struct group *g) {
    cJSON *own = cJSON_CreateObject();
    err e = json_put(own, "model %s data %s", w->base_model.name, w->data.data_sha256);
    if (!e) e = run_compare_plans(g, own);
    cJSON_Delete(own);
    return e;
}

static err write_svg(const work *w, const char *path) {
    strbuf svg = {0}, title = {0};
    err e = strbuf_printf(&title, "%s, batch %u of %s, on %s", w->base_model.name,
                          w->options.batch_size, w->task.name,
                          record_device_text((char[RECORD_DEVICE_BYTES]){""},
                                             group_size(w->options.group), w->device.info.name,
                                             w->rank_devices));
    if (!e) e = bench_svg(&svg, w->result, title.text);
    if (!e) e = file_write(path, svg.text, svg.length);
    if (!e) log_note("wrote %s", path);
    strbuf_free(&title);
    strbuf_free(&svg);
    return e;
}

/* The figures on standard output: the record, or its tables. */
static err print_result(const work *w, const options *o) {
    bench_subject subject = {.model = w->base_model.name,
                             .task = w->task.name,
                             .sample = w->sample,
                             .is_pretraining = w->result->is_pretraining,
                             .vocabulary = w->base_model.config.vocabulary,
                             .options = &w->options,
                             .flags = o,
                             .device = &w->device,
                             .rank_devices = w->rank_devices};
    cJSON *record = NULL;
    strbuf tables = {0};
    err e = bench_record(&record, &subject, w->result);
    if (o->json) return output_json_last(e, record, true);
    if (!e) e = bench_table(&tables, record, "bench");
    if (!e && o->verbose) e = bench_invocations(&tables, record, "bench");
    if (!e) e = terminal_text(tables.text);
    cJSON_Delete(record);
    strbuf_free(&tables);
    return e;
}

static err measure(work *w, const options *o) {
    masking mask = {0};
    if (!o->pretrain)
        return bench_measure(w->result, &w->device, &w->base_model.config, &w->train, &w->test,
                             &w->options);
    err e = masking_init(&mask, &w->base_model.tokenizer, w->base_model.config.vocabulary,
                         MLM_PROBABILITY, false, w->options.seed);
    if (!e)
        e = bench_measure_pretraining(w->result, &w->device, &w->base_model.config, &w->train,
                                      &mask, &w->options);
    masking_free(&mask);
    return e;
}

static err bench_command(const void *context, struct group *g) {
    const options *o = context;
    bool writes = group_writes(g);
    work w = {0};
    err e = rank_flags_compare(o, VERB_bench, g, NULL);
    if (!e && o->svg && writes) e = file_check_own(o->svg, BENCH_SVG_MARK);
    if (e || (e = work_open(&w, o, g)) || (e = compare_work(&w, g)) || (e = measure(&w, o)) ||
        !writes)
        goto done;
    if (o->svg && (e = write_svg(&w, o->svg))) goto done;
    e = print_result(&w, o);
done:
    work_free(&w);
    return e;
}

err verb_bench(const options *o) {
    if (o->performance) return performance_write(o->performance);
    if (o->against) return bench_against(o);
    if (o->has_rounds) return err_set(ERR_USAGE, "--rounds goes with --against");
    return launch_run("bench", bench_command, o, o->device, o->ranks);
}
