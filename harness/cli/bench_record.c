#include "cli/bench_record.h"

#include "base/memory.h"
#include "base/shown.h"
#include "result/version.h"

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

static err add_spread(cJSON *to, const spread *s) {
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

static err add_device(cJSON *to, const device *opened) {
    const device_info *d = &opened->info;
    cJSON *one = NULL;
    err e = json_add_object(&one, to, "device");
    if (e || (e = json_add_string(one, "kind", device_record_kind(d)))) return e;
    if ((e = json_add_string(one, "name", d->name))) return e;
    if ((e = json_add_string(one, "driver", d->driver))) return e;
    if ((e = json_add_string(one, "isa", d->isa))) return e;
    if ((e = json_add_string(one, "libraries", d->libraries))) return e;
    if ((e = json_add_string(one, "kernels", d->kernels))) return e;
    if ((e = json_add_string(one, "precision", device_precision_name(opened->options.precision))))
        return e;
    return json_add_number(one, "threads", d->threads);
}

static err add_program(cJSON *to) {
    cJSON *one = NULL;
    err e = json_add_object(&one, to, "harness");
    if (e || (e = json_add_string(one, "version", version_string()))) return e;
    if ((e = json_add_string(one, "commit", version_commit()))) return e;
    return json_add_bool(one, "dirty", version_is_dirty());
}

/* The command that measures the same again. */
static err add_command(cJSON *to, const bench_subject *s) {
    const bench_options *o = s->options;
    strbuf text = {0};
    err e =
        shown_printf(&text, SHOWN_SHELL, "harness bench --model %s --task %s", s->model, s->task);
    if (!e && s->sample) e = strbuf_add(&text, " --sample");
    if (!e)
        e = shown_printf(&text, SHOWN_SHELL, " --device %s --batch-size %u", s->device->info.name,
                         o->batch_size);
    if (!e && s->device->options.precision != PRECISION_FP32)
        e = strbuf_printf(&text, " --precision %s",
                          device_precision_name(s->device->options.precision));
    if (!e && o->steps) e = strbuf_printf(&text, " --max-steps %u", o->steps);
    if (!e && o->dropout >= 0) e = strbuf_printf(&text, " --dropout %g", o->dropout);
    if (!e) e = strbuf_printf(&text, " --seed %u", o->seed);
    if (!e) e = json_add_string(to, "command", text.text);
    strbuf_free(&text);
    return e;
}

err bench_record(cJSON **out, const bench_subject *s, const bench *b) {
    cJSON *root = cJSON_CreateObject(), *peak = NULL;
    err e = root ? ERR_OK : err_set(ERR_MEMORY, "out of memory");
    *out = root;
    if (e || (e = json_add_string(root, "schema", BENCH_SCHEMA))) return e;
    if ((e = add_program(root)) || (e = add_command(root, s))) return e;
    if ((e = json_add_string(root, "model", s->model))) return e;
    if ((e = json_add_string(root, "task", s->task))) return e;
    if ((e = json_add_bool(root, "sample", s->sample))) return e;
    if ((e = ADD_NUMBERS(root, {"parameters", (double)b->parameters}, {"vocabulary", s->vocabulary},
                         {"batch_size", s->options->batch_size},
                         {"device_bytes", (double)b->device_bytes},
                         {"host_peak_bytes", (double)b->host_peak_bytes})))
        return e;
    if ((e = add_device(root, s->device))) return e;
    if ((e = json_add_object(&peak, root, "peak"))) return e;
    if ((e = ADD_NUMBERS(peak, {"product_size", b->peak_size}, {"gflop_per_s", b->peak_gflops},
                         {"gflop_per_s_worst", b->low_gflops}, {"gbyte_per_s", b->peak_gbytes},
                         {"gbyte_per_s_worst", b->low_gbytes})))
        return e;
    if ((e = add_phase(root, "training", &b->training))) return e;
    return add_phase(root, "evaluation", &b->evaluation);
}
