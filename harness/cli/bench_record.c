#include "cli/bench_record.h"

#include "base/memory.h"
#include "base/moment.h"
#include "base/shown.h"
#include "result/version.h"
#include "train/group/group.h"

#include <string.h>

static err add_spread(cJSON *to, const spread *s) {
    return json_put(to, "ms %f ms_p10 %f ms_p90 %f", s->median, s->low, s->high);
}

static err add_row(cJSON *ops, const bench_row *r) {
    cJSON *one;
    err e = json_append_object(&one, ops);
    if (!e) e = json_put(one, "op %s shape %s", op_name(r->kind), r->shape);
    if (e || (e = add_spread(one, &r->ms))) return e;
    if (r->invocations && (e = json_put(one, "invocations %f", (double)r->invocations))) return e;
    return json_put(one,
                    "calls %u dispatches %f share %f flop %f bytes %f gflop_per_s %f "
                    "gbyte_per_s %f",
                    r->calls, (double)r->dispatches, r->share, r->flops, r->bytes, r->gflops,
                    r->gbytes);
}

static err add_phase(cJSON *to, const char *key, const bench_phase *p) {
    cJSON *one = NULL, *ops = NULL;
    err e = json_add_object(&one, to, key);
    if (e || (e = add_spread(one, &p->ms))) return e;
    e = json_put(one,
                 "steps %f sentences %f tokens %f sentences_per_s %f tokens_per_s %f flop %f "
                 "gflop_per_s %f dispatches %f packing_ms %f ops_ms %f product_share %f",
                 (double)p->steps, (double)p->sentences, (double)p->tokens, p->sentences_per_s,
                 p->tokens_per_s, p->flops, p->gflops, (double)p->dispatches, p->pack_ms, p->op_ms,
                 p->product_share);
    if (e || (e = json_add_array(&ops, one, "ops"))) return e;
    for (size_t i = 0; !e && i < p->row_count; i++) e = add_row(ops, &p->rows[i]);
    return e;
}

static err add_device(cJSON *to, const device *opened) {
    const device_info *d = &opened->info;
    cJSON *one = NULL;
    err e = json_add_object(&one, to, "device");
    if (e) return e;
    if (d->resident && (e = json_put(one, "resident_invocations %f", (double)d->resident)))
        return e;
    return json_put(one,
                    "kind %s name %s driver %s isa %s libraries %s kernels %s precision %s "
                    "threads %u",
                    device_record_kind(d), d->name, d->driver, d->isa, d->libraries, d->kernels,
                    device_precision_name(opened->options.precision), d->threads);
}

static err add_program(cJSON *to) {
    cJSON *one = NULL;
    err e = json_add_object(&one, to, "harness");
    return e ? e
             : json_put(one, "version %s commit %s dirty %d", version_string(), version_commit(),
                        version_is_dirty());
}

/* The command that measures the same again. */
static err add_command(cJSON *to, const bench_subject *s) {
    const bench_options *o = s->options;
    bool is_list = s->flags->device && strchr(s->flags->device, ',');
    strbuf text = {0};
    err e =
        shown_printf(&text, SHOWN_SHELL, "harness bench --model %s --task %s", s->model, s->task);
    if (!e && s->is_pretraining) e = strbuf_add(&text, " --pretrain");
    if (!e && s->sample) e = strbuf_add(&text, " --sample");
    if (!e)
        e = is_list ? options_add(&text, s->flags, "device")
                    : shown_printf(&text, SHOWN_SHELL, " --device %s", s->device->info.name);
    if (!e) e = options_add(&text, s->flags, "threads");
    if (!e && !group_is_alone(o->group)) e = strbuf_printf(&text, " --ranks %u", o->group->size);
    if (!e) e = strbuf_printf(&text, " --batch-size %u", o->batch_size);
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

/* What a group exchanges, and what of it computing did not hide. */
static err add_group(cJSON *to, const struct group *g, const bench_exchange *x,
                     const char *devices) {
    cJSON *one = NULL;
    if (group_is_alone(g)) return ERR_OK;
    err e = json_add_object(&one, to, "group");
    if (!e && devices) e = json_add_string(one, "devices", devices);
    return e ? e
             : json_put(
                   one,
                   "ranks %u engine %s exchange_bytes %f exchange_ms %f exchange_exposed_ms %f",
                   g->size, g->transport->engine, x->bytes, x->ms, x->exposed_ms);
}

err bench_record(cJSON **out, const bench_subject *s, const bench *b) {
    cJSON *root = cJSON_CreateObject(), *peak = NULL;
    char now[MOMENT_BYTES];
    *out = root;
    err e = json_put(root, "schema %s created %s", BENCH_SCHEMA, moment_now(now));
    if (e || (e = add_program(root)) || (e = add_command(root, s))) return e;
    if ((e = json_put(root,
                      "model %s task %s sample %d parameters %f vocabulary %f batch_size %u "
                      "device_bytes %f host_peak_bytes %f",
                      s->model, s->task, s->sample, (double)b->parameters, (double)s->vocabulary,
                      s->options->batch_size, (double)b->device_bytes, (double)b->host_peak_bytes)))
        return e;
    if ((e = add_device(root, s->device))) return e;
    if ((e = add_group(root, s->options->group, &b->exchange, s->rank_devices))) return e;
    if ((e = json_add_object(&peak, root, "peak"))) return e;
    if ((e = json_put(peak,
                      "product_size %f gflop_per_s %f gflop_per_s_worst %f gbyte_per_s %f "
                      "gbyte_per_s_worst %f",
                      (double)b->peak_size, b->peak_gflops, b->low_gflops, b->peak_gbytes,
                      b->low_gbytes)))
        return e;
    if (b->is_pretraining) return add_phase(root, "pretraining", &b->training);
    if ((e = add_phase(root, "training", &b->training))) return e;
    return add_phase(root, "evaluation", &b->evaluation);
}
