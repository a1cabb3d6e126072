/* harness verify: every operation of one device, or the named ones, against the f64 reference. */
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/options.h"
#include "cli/output.h"
#include "compute/verify/verify.h"

#include <stdio.h>
#include <string.h>

enum { TABLE_COLUMNS = 90 };

static err add_json(cJSON *array, const verify_result *r) {
    cJSON *o;
    err e = json_append_object(&o, array);
    if (e || (e = json_put(o,
                           "op %s cases %u failed %u worst_nmse %f worst_element %f worst_case %s "
                           "nmse_bound %f element_bound %f",
                           op_name(r->kind), r->cases, r->failed, r->worst_nmse, r->worst_element,
                           r->worst_case, r->nmse_bound, r->element_bound)))
        return e;
    return *r->failure ? json_add_string(o, "failure", r->failure) : ERR_OK;
}

static void print_line(const verify_result *r) {
    char nmse[16] = "-", element[16] = "-"; // judged otherwise: integers, an absolute bound
    if (r->nmse_bound > 0) snprintf(nmse, sizeof nmse, "%.0e", r->nmse_bound);
    if (r->element_bound > 0) snprintf(element, sizeof element, "%.0e", r->element_bound);
    if (shown_columns() < TABLE_COLUMNS) {
        shown_line("%s: %s, %u case%s", op_name(r->kind), r->failed ? "FAILED" : "ok", r->cases,
                   shown_plural(r->cases));
        shown_line("  NMSE %.1e of %s, element %.1e of %s, %s", r->worst_nmse, nmse,
                   r->worst_element, element, r->failed ? r->failure : r->worst_case);
        return;
    }
    printf("%-17s %5u  %9.1e  %6s  %9.1e  %6s  %-6s %s\n", op_name(r->kind), r->cases,
           r->worst_nmse, nmse, r->worst_element, element, r->failed ? "FAILED" : "ok",
           r->failed ? r->failure : r->worst_case);
}

static err print_json(device *d, cJSON *ops, uint32_t failed) {
    cJSON *root = cJSON_CreateObject();
    err e = json_add_item(root, "ops", ops);
    if (!e)
        e = json_put(root, "device %s isa %s precision %s failed %u", d->info.name, d->info.isa,
                     device_precision_name(d->options.precision), failed);
    return output_json_last(e, root, true);
}

static bool is_wanted(const options *o, op_kind kind) {
    for (size_t i = 0; i < o->arg_count; i++)
        if (!strcmp(o->args[i], op_name(kind))) return true;
    return !o->arg_count;
}

static err check_names(const options *o) {
    strbuf known = {0};
    err e = ERR_OK;
    for (size_t i = 0; i < o->arg_count && !e; i++) {
        bool is_known = false;
        for (int kind = 0; kind < OP_COUNT; kind++)
            is_known = is_known || !strcmp(o->args[i], op_name((op_kind)kind));
        if (is_known) continue;
        for (int kind = 0; kind < OP_COUNT && !e; kind++)
            e = strbuf_printf(&known, "%s%s", kind ? ", " : "", op_name((op_kind)kind));
        if (!e) e = err_set(ERR_USAGE, "no operation '%s' (known: %s)", o->args[i], known.text);
    }
    strbuf_free(&known);
    return e;
}

static err verify_all(device *d, const options *o, uint32_t *failed) {
    bool is_json = o->json;
    uint32_t tried = 0;
    cJSON *ops = is_json ? cJSON_CreateArray() : NULL;
    err e = ERR_OK;
    *failed = 0;
    if (!is_json) {
        shown_line("%s (%s) against the f64 reference: the errors that came nearest to their "
                   "bounds",
                   d->info.name, device_precision_name(d->options.precision));
        if (shown_columns() >= TABLE_COLUMNS)
            printf("%-17s %5s  %9s  %6s  %9s  %6s\n", "op", "cases", "NMSE", "bound", "element",
                   "bound");
    }
    for (int kind = 0; kind < OP_COUNT && !e; kind++) {
        verify_result r;
        if (!is_wanted(o, (op_kind)kind)) continue;
        log_progress("verifying %s", op_name((op_kind)kind));
        e = verify_op(&r, d, (op_kind)kind, VERIFY_FULL);
        log_progress_end();
        if (e) break;
        *failed += r.failed > 0;
        tried++;
        if (is_json) {
            e = add_json(ops, &r);
        } else {
            print_line(&r);
            e = output_check(); // an operation takes seconds: who follows a pipe sees each
        }
    }
    if (!is_json && !e && *failed)
        printf("%u of %u operations are beyond their bounds\n", *failed, tried);
    if (!is_json && !e && !*failed)
        printf("%u operation%s, all within %s bounds\n", tried, shown_plural(tried),
               tried == 1 ? "its" : "their");
    if (!is_json) return e;
    if (!e) return print_json(d, ops, *failed);
    cJSON_Delete(ops);
    return e;
}

err verb_verify(const options *o) {
    device_options wanted = {.threads = o->threads, .validation = o->validation};
    device d;
    uint32_t failed;
    err e = check_names(o);
    if (!e) e = device_precision_find(&wanted.precision, o->precision);
    if (e || (e = device_open_named(&d, o->device, &wanted))) return e;
    e = verify_all(&d, o, &failed);
    if (!e && failed)
        e = err_set(ERR_GATE, "%u operations of %s are beyond their bounds", failed, d.info.name);
    if (!e && d.validation_errors) {
        e = err_set(ERR_GATE, "%s: %llu messages of the validation layer", d.info.name,
                    (unsigned long long)d.validation_errors);
    }
    device_close(&d);
    return e;
}
