#include "report/compare.h"

#include "metric/statistics.h"
#include "report/report_internal.h"
#include "text/unicode.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static err same_text(const char *what, const char *a, const char *b) {
    if (!strcmp(a, b)) return ERR_OK;
    return err_set(ERR_DATA, "the two runs do not compare: %s is '%.40s' and '%.40s'", what, a, b);
}

err report__same_task(const record *a, const record *b) {
    err e;
    if ((e = same_text("the task", a->task.name, b->task.name))) return e;
    if (a->task.version != b->task.version) {
        return err_set(ERR_DATA,
                       "the two runs do not compare: the version of task '%s' is %lld and %lld",
                       a->task.name, (long long)a->task.version, (long long)b->task.version);
    }
    if (a->task.sample != b->task.sample) {
        return err_set(ERR_DATA, "the two runs do not compare: %s one used the bundled sample",
                       a->task.sample ? "the first" : "the second");
    }
    if ((e = same_text("the data hash", a->task.data_sha256, b->task.data_sha256)) ||
        (e = same_text("the hash of the test labels", a->gold_sha256, b->gold_sha256))) {
        return e;
    }
    return same_text("the headline metric", a->headline, b->headline);
}

static double relative(double a, double b) {
    double largest = fmax(fabs(a), fabs(b));
    return largest > 0 ? fabs(a - b) / largest : 0;
}

static void compare_predictions(comparison *c) {
    const record *a = c->a, *b = c->b;
    c->rows = (size_t)a->task.test_rows;
    for (size_t i = 0; i < c->rows; i++) {
        if (a->predicted[i] == b->predicted[i]) continue;
        if (c->first_row_count < COMPARE_ROWS_SHOWN)
            c->first_rows[c->first_row_count++] = (uint32_t)i;
        c->disagreements++;
        c->only_a_right += a->predicted[i] == a->gold[i];
        c->only_b_right += b->predicted[i] == b->gold[i];
    }
    c->mcnemar_p = mcnemar_exact(c->only_a_right, c->only_b_right);
}

static void compare_losses(comparison *c, double tolerance) {
    const record *a = c->a, *b = c->b;
    c->steps = a->loss_count < b->loss_count ? a->loss_count : b->loss_count;
    for (size_t i = 0; i < c->steps; i++) {
        double difference = relative(a->loss[i], b->loss[i]);
        if (!c->bits_part && memcmp(&a->loss[i], &b->loss[i], sizeof(float))) {
            c->bits_part = true;
            c->bit_step = i + 1;
        }
        if (!c->losses_part && difference > tolerance) {
            c->losses_part = true;
            c->part_step = i + 1;
        }
        if (i < COMPARE_FIRST_STEPS) c->largest_early = fmax(c->largest_early, difference);
        c->largest = fmax(c->largest, difference);
    }
}

err compare_records(comparison *c, const record *a, const record *b, double tolerance) {
    *c = (comparison){.a = a, .b = b, .tolerance = tolerance};
    err e = report__same_task(a, b);
    if (e) return e;
    c->score_a = record_metric(a, a->headline);
    c->score_b = record_metric(b, b->headline);
    c->difference = c->score_b - c->score_a;
    compare_predictions(c);
    compare_losses(c, tolerance);
    return ERR_OK;
}

/* text */

enum { LABEL_COLUMNS = 30, VALUE_COLUMNS = 30 };

static err add_padded(strbuf *out, const char *text, size_t columns) {
    size_t width = text_width(text);
    err e = strbuf_add(out, text);
    return e ? e : strbuf_printf(out, "%*s", width < columns ? (int)(columns - width) : 1, "");
}

static err add_line(strbuf *out, const char *label, const char *a, const char *b) {
    err e;
    if ((e = add_padded(out, label, LABEL_COLUMNS)) || (e = add_padded(out, a, VALUE_COLUMNS)) ||
        (e = strbuf_add(out, b))) {
        return e;
    }
    return strbuf_add(out, "\n");
}

static err add_numbers(strbuf *out, const char *label, const char *format, double a, double b) {
    char left[64], right[64];
    snprintf(left, sizeof left, format, a);
    snprintf(right, sizeof right, format, b);
    return add_line(out, label, left, right);
}

static const char *or_none(const char *text) {
    return text ? text : "-";
}

static err add_runs(strbuf *out, const comparison *c, const char *name_a, const char *name_b) {
    const record *a = c->a, *b = c->b;
    err e;
    if ((e = strbuf_printf(out, "%s, version %lld, %zu test rows\n\n", a->task.name,
                           (long long)a->task.version, c->rows)) ||
        (e = add_line(out, "", "A", "B")) || (e = add_line(out, "run", name_a, name_b)) ||
        (e = add_line(out, "model", a->model.name, b->model.name)) ||
        (e = add_numbers(out, "seed", "%.0f", (double)a->seed, (double)b->seed)) ||
        (e = add_line(out, "protocol", a->protocol, b->protocol)) ||
        (e = add_line(out, "device", a->device.name, b->device.name)) ||
        (e = add_line(out, "driver", or_none(a->device.driver), or_none(b->device.driver))) ||
        (e = add_line(out, "precision", a->device.precision, b->device.precision))) {
        return e;
    }
    char left[16], right[16];
    snprintf(left, sizeof left, "%.8s", a->recipe_sha256);
    snprintf(right, sizeof right, "%.8s", b->recipe_sha256);
    return add_line(out, "recipe", left, right);
}

static err add_scores(strbuf *out, const comparison *c) {
    const record *a = c->a, *b = c->b;
    err e = add_numbers(out, metric_find(a->headline)->title, "%.2f", 100 * c->score_a,
                        100 * c->score_b);
    if (e) return e;
    if ((e = add_numbers(out, "  deduplicated", "%.2f", 100 * record_metric_dedup(a, a->headline),
                         100 * record_metric_dedup(b, b->headline))) ||
        (e = add_numbers(out, "training s", "%.2f", a->timing.train_s, b->timing.train_s)) ||
        (e = add_numbers(out, "evaluation s", "%.2f", a->timing.eval_s, b->timing.eval_s)) ||
        (e = add_numbers(out, "tokens/s", "%.0f", a->timing.tokens_per_s,
                         b->timing.tokens_per_s)) ||
        (e = add_numbers(out, "sentences/s", "%.0f", a->timing.sentences_per_s,
                         b->timing.sentences_per_s))) {
        return e;
    }
    return add_numbers(out, "step ms (median)", "%.2f", a->timing.step_ms_p50,
                       b->timing.step_ms_p50);
}

static err add_disagreement(strbuf *out, const comparison *c) {
    err e;
    if ((e = strbuf_printf(out, "\nscore difference (B - A): %+.2f points\n",
                           100 * c->difference)) ||
        (e = strbuf_printf(out, "predictions that differ: %zu of %zu (%.2f %%)", c->disagreements,
                           c->rows, 100.0 * (double)c->disagreements / (double)c->rows))) {
        return e;
    }
    for (size_t i = 0; i < c->first_row_count; i++) {
        if ((e = strbuf_printf(out, "%s%u",
                               i                        ? ", "
                               : c->first_row_count > 1 ? "; rows "
                                                        : "; row ",
                               c->first_rows[i]))) {
            return e;
        }
    }
    if ((e = strbuf_printf(out, "%s\n", c->disagreements > c->first_row_count ? ", ..." : "")))
        return e;
    if (!c->disagreements) return ERR_OK;
    return strbuf_printf(
        out,
        "right in A alone: %zu, in B alone: %zu (McNemar p = %.3g, of these two runs "
        "only)\n",
        c->only_a_right, c->only_b_right, c->mcnemar_p);
}

static err add_losses(strbuf *out, const comparison *c) {
    err e;
    if (!c->steps) return strbuf_add(out, "losses: none to compare\n");
    if (!c->bits_part) {
        e = strbuf_printf(out, "losses: equal in every bit over %zu steps\n", c->steps);
    } else {
        e = strbuf_printf(out, "losses: first bit differs at step %zu; ", c->bit_step);
        if (!e && c->losses_part) {
            e = strbuf_printf(out, "beyond %g relative from step %zu of %zu\n", c->tolerance,
                              c->part_step, c->steps);
        } else if (!e) {
            e = strbuf_printf(out, "within %g relative over %zu steps\n", c->tolerance, c->steps);
        }
    }
    if (e) return e;
    e = strbuf_printf(out,
                      "largest relative loss difference: %.3g in the first %d steps, %.3g in all\n",
                      c->largest_early, COMPARE_FIRST_STEPS, c->largest);
    if (!e && c->a->loss_count != c->b->loss_count) {
        e = strbuf_printf(out, "A took %zu steps, B %zu\n", c->a->loss_count, c->b->loss_count);
    }
    return e;
}

err compare_text(strbuf *out, const comparison *c, const char *name_a, const char *name_b) {
    err e;
    if ((e = add_runs(out, c, name_a, name_b)) || (e = add_scores(out, c)) ||
        (e = add_disagreement(out, c)) || (e = add_losses(out, c))) {
        return e;
    }
    double a = c->a->timing.tokens_per_s, b = c->b->timing.tokens_per_s;
    if (a <= 0 || b <= 0) return ERR_OK;
    return strbuf_printf(out, "speed: B does %.2f times the tokens per second of A\n", b / a);
}

/* json */

static err add_side(cJSON *top, const char *key, const record *r, const char *name, double score) {
    cJSON *o;
    err e;
    if ((e = json_add_object(&o, top, key)) || (e = json_add_string(o, "name", name)) ||
        (e = json_add_string(o, "model", r->model.name)) ||
        (e = json_add_number(o, "seed", (double)r->seed)) ||
        (e = json_add_string(o, "protocol", r->protocol)) ||
        (e = json_add_string(o, "recipe_sha256", r->recipe_sha256)) ||
        (e = json_add_string(o, "device", r->device.name)) ||
        (e = json_add_string(o, "driver", r->device.driver)) ||
        (e = json_add_string(o, "precision", r->device.precision)) ||
        (e = json_add_number(o, "score", score)) ||
        (e = json_add_number(o, "score_dedup", record_metric_dedup(r, r->headline))) ||
        (e = json_add_number(o, "train_s", r->timing.train_s)) ||
        (e = json_add_number(o, "eval_s", r->timing.eval_s)) ||
        (e = json_add_number(o, "tokens_per_s", r->timing.tokens_per_s)) ||
        (e = json_add_number(o, "sentences_per_s", r->timing.sentences_per_s))) {
        return e;
    }
    return json_add_number(o, "step_ms_p50", r->timing.step_ms_p50);
}

static err add_predictions(cJSON *top, const comparison *c) {
    cJSON *o, *rows;
    err e;
    if ((e = json_add_object(&o, top, "predictions")) ||
        (e = json_add_number(o, "rows", (double)c->rows)) ||
        (e = json_add_number(o, "different", (double)c->disagreements)) ||
        (e = json_add_number(o, "different_percent",
                             100.0 * (double)c->disagreements / (double)c->rows)) ||
        (e = json_add_number(o, "only_a_right", (double)c->only_a_right)) ||
        (e = json_add_number(o, "only_b_right", (double)c->only_b_right)) ||
        (e = json_add_number(o, "mcnemar_p", c->mcnemar_p)) ||
        (e = json_add_array(&rows, o, "first_rows"))) {
        return e;
    }
    for (size_t i = 0; i < c->first_row_count && !e; i++) {
        e = json_append(rows, cJSON_CreateNumber(c->first_rows[i]));
    }
    return e;
}

// a step, or null when the losses never part so
static err add_step(cJSON *o, const char *key, bool parts, size_t step) {
    return parts ? json_add_number(o, key, (double)step) : json_add_string(o, key, NULL);
}

static err add_loss_object(cJSON *top, const comparison *c) {
    cJSON *o;
    err e;
    if ((e = json_add_object(&o, top, "loss")) ||
        (e = json_add_number(o, "steps", (double)c->steps)) ||
        (e = json_add_number(o, "tolerance", c->tolerance)) ||
        (e = add_step(o, "first_part_step", c->losses_part, c->part_step)) ||
        (e = add_step(o, "first_bit_step", c->bits_part, c->bit_step)) ||
        (e = json_add_number(o, "largest_relative_first_50", c->largest_early))) {
        return e;
    }
    return json_add_number(o, "largest_relative", c->largest);
}

err compare_json(strbuf *out, const comparison *c, const char *name_a, const char *name_b) {
    cJSON *top = cJSON_CreateObject();
    char *text = NULL;
    err e;
    if (!top) return err_set(ERR_MEMORY, "out of memory while building JSON");
    if ((e = json_add_string(top, "task", c->a->task.name)) ||
        (e = json_add_string(top, "metric", c->a->headline)) ||
        (e = add_side(top, "a", c->a, name_a, c->score_a)) ||
        (e = add_side(top, "b", c->b, name_b, c->score_b)) ||
        (e = json_add_number(top, "difference", c->difference)) || (e = add_predictions(top, c)) ||
        (e = add_loss_object(top, c)) || (e = json_print(&text, top, true)) ||
        (e = strbuf_add(out, text))) {
        goto done;
    }
    e = strbuf_add(out, "\n");
done:
    mem_free(text);
    cJSON_Delete(top);
    return e;
}
