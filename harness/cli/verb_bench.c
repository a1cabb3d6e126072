/* `harness bench`: what a training step and an evaluation batch cost, whole and op by op. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/bench_svg.h"
#include "cli/options.h"
#include "data/dataset.h"
#include "task/task.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BATCH_DEFAULT = 32, SEED_DEFAULT = 42 };

/* What is measured, opened. */
typedef struct work {
    task task;
    dataset data;
    bool sample;
    source source;
    device device;
    bool device_is_open;
    encoded train, test;
    bench_options options;
    bench *result; /* owned */
} work;

static void work_free(work *w) {
    encoded_free(&w->train);
    encoded_free(&w->test);
    if (w->device_is_open) device_close(&w->device);
    source_free(&w->source);
    dataset_free(&w->data);
    task_free(&w->task);
    mem_free(w->result);
}

/* --- opening -------------------------------------------------------------------------------------
 */

static err choose(work *w, const options *o) {
    w->options = (bench_options){.batch_size = o->has_batch_size ? o->batch_size : BATCH_DEFAULT,
                                 .steps = o->max_steps,
                                 .dropout = o->has_dropout ? o->dropout : -1,
                                 .seed = o->has_seed ? o->seed : SEED_DEFAULT};
    char found[32];
    if (w->options.batch_size < 1 || w->options.batch_size > 4096) {
        snprintf(found, sizeof found, "%u", o->batch_size);
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
    if (o->precision && strcmp(o->precision, "fp32") != 0 && strcmp(o->precision, "auto") != 0)
        return err_set(ERR_USAGE, "precision '%s' is not built yet (known: fp32, auto)",
                       o->precision);
    return ERR_OK;
}

/* Real data if it is there; else, with a note, the sample: lengths differ, shapes do not. */
static err open_data(work *w, const options *o) {
    dataset_options wanted = {.data_dir = o->data_dir, .sample = o->sample};
    for (size_t i = 0; !wanted.sample && i < w->task.file_count; i++) {
        char *path = NULL;
        err e = dataset_path(&path, &w->task, &w->task.files[i], &wanted);
        if (e) return e;
        if (!file_exists(path)) {
            log_note("%s is not there: the sentence lengths are those of the bundled sample", path);
            wanted.sample = true;
        }
        mem_free(path);
    }
    w->sample = wanted.sample;
    return dataset_load(&w->data, &w->task, &wanted);
}

static err set_labels(work *w) {
    const char *names[256];
    if (w->task.label_count > sizeof names / sizeof *names)
        return err_set(ERR_UNSUPPORTED, "task %s has %zu labels", w->task.name,
                       w->task.label_count);
    for (size_t i = 0; i < w->task.label_count; i++) names[i] = w->task.labels[i].name;
    return bert_config_set_labels(&w->source.config, names, w->task.label_count);
}

static err work_open(work *w, const options *o) {
    device_options device_wanted = {.threads = o->threads, .validation = o->validation};
    err e = choose(w, o);
    if (e || (e = task_find(&w->task, o->task ? o->task : "nsmc", NULL))) return e;
    if ((e = device_open_named(&w->device, o->device, &device_wanted))) return e;
    w->device_is_open = true;
    if ((e = open_data(w, o))) return e;
    if ((e = source_open(&w->source, o->model ? o->model : "tiny", &w->data.train, false)))
        return e;
    if ((e = set_labels(w))) return e;
    uint32_t length = source_max_length(&w->source, 0, (uint32_t)w->task.max_length);
    const tokenizer *words = &w->source.words;
    if ((e = encode_split(&w->train, words, &w->data.train, ENCODE_KEPT, length))) return e;
    if ((e = encode_split(&w->test, words, &w->data.test, ENCODE_ALL, length))) return e;
    return mem_new(&w->result, 1);
}

/* --- tables --------------------------------------------------------------------------------------
 */

static double percent(double part, double whole) {
    return whole > 0 ? 100 * part / whole : 0;
}

static void print_phase(const bench *b, const bench_phase *p, const char *name) {
    printf("\n## %s, op by op\n\n", name);
    if (!p->row_count) {
        printf("This device does not time single ops.\n");
        return;
    }
    printf("| op | shape | calls | dispatches | ms | 10 to 90 %% | share | GFLOP/s | of product "
           "peak | GB/s | of copy peak |\n");
    printf("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for (size_t i = 0; i < p->row_count; i++) {
        const bench_row *r = &p->rows[i];
        printf("| %s | %s | %u | %.0f | %.3f | %.3f to %.3f | %.1f %% | %.1f | %.0f %% | %.1f | "
               "%.0f %% |\n",
               op_name(r->kind), r->shape, r->calls, r->dispatches, r->ms.median, r->ms.low,
               r->ms.high, 100 * r->share, r->gflops, percent(r->gflops, b->peak_gflops), r->gbytes,
               percent(r->gbytes, b->peak_gbytes));
    }
    printf(
        "\nMatrix products: %.0f %% of the time of all ops (%.2f ms a step, timed one by one).\n",
        100 * p->product_share, p->op_ms);
}

static void print_whole(const bench *b, const bench_phase *p, const char *name) {
    printf("| %s | %.2f | %.2f to %.2f | %u | %.1f | %.0f | %.0f | %.0f | %.1f | %.0f %% | %.0f | "
           "%.3f |\n",
           name, p->ms.median, p->ms.low, p->ms.high, p->steps, p->sentences, p->tokens,
           p->sentences_per_s, p->tokens_per_s, p->gflops, percent(p->gflops, b->peak_gflops),
           p->dispatches, p->pack_ms);
}

static void print_tables(const work *w) {
    const bench *b = w->result;
    printf("# bench: %s on %s\n\n", w->source.name, w->device.info.name);
    printf(
        "%zu parameters, vocabulary %u; %s%s, batch %u; device %s (%s, %u thread%s), driver %s\n",
        b->parameters, w->source.config.vocabulary, w->task.name, w->sample ? " (sample)" : "",
        w->options.batch_size, w->device.info.name, device_class_name(w->device.info.class),
        w->device.info.threads, w->device.info.threads == 1 ? "" : "s",
        *w->device.info.driver ? w->device.info.driver : "none");
    printf(
        "\nThe device's own peak: product of %u cubed %.1f GFLOP/s (worst round %.1f), copy %.1f "
        "GB/s (%.1f).\n",
        b->peak_size, b->peak_gflops, b->low_gflops, b->peak_gbytes, b->low_gbytes);
    printf("Memory: device %.1f MiB, host peak %.1f MiB.\n\n", (double)b->device_bytes / 0x1p20,
           (double)b->host_peak_bytes / 0x1p20);
    printf("| whole | ms | 10 to 90 %% | steps | sentences | tokens | sentences/s | tokens/s | "
           "GFLOP/s | of product peak | dispatches | packing ms |\n");
    printf(
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    print_whole(b, &b->training, "training step");
    print_whole(b, &b->evaluation, "evaluation batch");
    print_phase(b, &b->training, "Training step");
    print_phase(b, &b->evaluation, "Evaluation batch");
}

/* --- JSON ----------------------------------------------------------------------------------------
 */

typedef struct named_number {
    const char *key;
    double value;
} named_number;

static err add_numbers(cJSON *to, const named_number *list, size_t count) {
    err e = ERR_OK;
    for (size_t i = 0; !e && i < count; i++) e = json_add_number(to, list[i].key, list[i].value);
    return e;
}
#define ADD_NUMBERS(to, ...)                                                                       \
    add_numbers(to, (const named_number[]){__VA_ARGS__},                                           \
                sizeof((const named_number[]){__VA_ARGS__}) / sizeof(named_number))

static err add_spread(cJSON *to, const bench_spread *s) {
    return ADD_NUMBERS(to, {"ms", s->median}, {"ms_p10", s->low}, {"ms_p90", s->high});
}

static err add_row(cJSON *ops, const bench_row *r) {
    cJSON *one = cJSON_CreateObject();
    if (!one) return err_set(ERR_MEMORY, "out of memory");
    err e = json_append(ops, one);
    if (e || (e = json_add_string(one, "op", op_name(r->kind)))) return e;
    if ((e = json_add_string(one, "shape", r->shape))) return e;
    if ((e = add_spread(one, &r->ms))) return e;
    return ADD_NUMBERS(one, {"calls", r->calls}, {"dispatches", r->dispatches}, {"share", r->share},
                       {"flop", r->flops}, {"bytes", r->bytes}, {"gflop_per_s", r->gflops},
                       {"gbyte_per_s", r->gbytes});
}

static err add_phase(cJSON *to, const char *key, const bench_phase *p) {
    cJSON *one = NULL, *ops = NULL;
    err e = json_add_object(&one, to, key);
    if (e || (e = add_spread(one, &p->ms))) return e;
    e = ADD_NUMBERS(one, {"steps", p->steps}, {"sentences", p->sentences}, {"tokens", p->tokens},
                    {"sentences_per_s", p->sentences_per_s}, {"tokens_per_s", p->tokens_per_s},
                    {"flop", p->flops}, {"gflop_per_s", p->gflops}, {"dispatches", p->dispatches},
                    {"packing_ms", p->pack_ms}, {"ops_ms", p->op_ms},
                    {"product_share", p->product_share});
    if (e || (e = json_add_array(&ops, one, "ops"))) return e;
    for (size_t i = 0; !e && i < p->row_count; i++) e = add_row(ops, &p->rows[i]);
    return e;
}

static err add_device(cJSON *to, const device_info *d) {
    cJSON *one = NULL;
    err e = json_add_object(&one, to, "device");
    if (e || (e = json_add_string(one, "kind", device_kind_name(d)))) return e;
    if ((e = json_add_string(one, "name", d->name))) return e;
    if ((e = json_add_string(one, "driver", d->driver))) return e;
    if ((e = json_add_string(one, "isa", d->isa))) return e;
    if ((e = json_add_string(one, "libraries", d->libraries))) return e;
    if ((e = json_add_string(one, "kernels", d->kernels))) return e;
    return json_add_number(one, "threads", d->threads);
}

static err print_json(const work *w) {
    const bench *b = w->result;
    cJSON *root = cJSON_CreateObject(), *peak = NULL;
    char *text = NULL;
    err e = root ? ERR_OK : err_set(ERR_MEMORY, "out of memory");
    if (e || (e = json_add_string(root, "model", w->source.name))) goto done;
    if ((e = json_add_string(root, "task", w->task.name))) goto done;
    if ((e = json_add_bool(root, "sample", w->sample))) goto done;
    if ((e = ADD_NUMBERS(root, {"parameters", (double)b->parameters},
                         {"vocabulary", w->source.config.vocabulary},
                         {"batch_size", w->options.batch_size},
                         {"device_bytes", (double)b->device_bytes},
                         {"host_peak_bytes", (double)b->host_peak_bytes})))
        goto done;
    if ((e = add_device(root, &w->device.info))) goto done;
    if ((e = json_add_object(&peak, root, "peak"))) goto done;
    if ((e = ADD_NUMBERS(peak, {"product_size", b->peak_size}, {"gflop_per_s", b->peak_gflops},
                         {"gflop_per_s_worst", b->low_gflops}, {"gbyte_per_s", b->peak_gbytes},
                         {"gbyte_per_s_worst", b->low_gbytes})))
        goto done;
    if ((e = add_phase(root, "training", &b->training))) goto done;
    if ((e = add_phase(root, "evaluation", &b->evaluation))) goto done;
    if (!(e = json_print(&text, root, true))) puts(text);
done:
    mem_free(text);
    cJSON_Delete(root);
    return e;
}

static err write_svg(const work *w, const char *path) {
    strbuf svg = {0}, title = {0};
    err e = strbuf_printf(&title, "%s, batch %u of %s, on %s", w->source.name,
                          w->options.batch_size, w->task.name, w->device.info.name);
    if (!e) e = bench_svg(&svg, w->result, title.text);
    if (!e) e = file_write(path, svg.text, svg.length);
    if (!e) log_note("wrote %s", path);
    strbuf_free(&title);
    strbuf_free(&svg);
    return e;
}

err verb_bench(const options *o) {
    work w = {0};
    if (o->arg_count) return err_set(ERR_USAGE, "bench takes no argument, found '%s'", o->args[0]);
    err e = work_open(&w, o);
    if (e) goto done;
    e = bench_measure(w.result, &w.device, &w.source.config, &w.train, &w.test, &w.options);
    if (e || (o->svg && (e = write_svg(&w, o->svg)))) goto done;
    if (o->json)
        e = print_json(&w);
    else
        print_tables(&w);
done:
    work_free(&w);
    return e;
}
