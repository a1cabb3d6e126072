#include "base/memory.h"
#include "base/shown.h"
#include "result/regress/regress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *verdict_name(regress_verdict v) {
    return v == REGRESS_PASS ? "pass" : v == REGRESS_FELL ? "FELL" : "skipped";
}

/* A score's change is in points; that of everything else is relative. */
static void change_text(char text[32], const regress_figure *f) {
    if (f->kind == REGRESS_SCORE)
        snprintf(text, 32, "%+.2f points", 100 * f->change);
    else if (f->kind == REGRESS_KERNEL)
        snprintf(text, 32, "%+.1f %%", 100 * f->change);
    else
        snprintf(text, 32, "%+.1e", f->change);
}

static bool is_least_score(const regress_figure *f) {
    return f->kind == REGRESS_SCORE && f->bound > REGRESS_METRIC_BOUND;
}

static void bound_text(char text[32], const regress_figure *f) {
    if (f->kind == REGRESS_SCORE && !is_least_score(f) && f->bound >= 0)
        snprintf(text, 32, "equal");
    else if (f->kind == REGRESS_SCORE)
        snprintf(text, 32, "at least %.4f", f->bound);
    else if (f->kind == REGRESS_KERNEL)
        snprintf(text, 32, "+%.1f %%", 100 * f->bound);
    else
        snprintf(text, 32, "%.0e", f->bound);
}

static err add_row(strbuf *out, const regress_figure *f) {
    char change[32], bound[32];
    if (f->verdict == REGRESS_SKIPPED)
        return shown_printf(out, SHOWN_MARKDOWN, "| %s | %s |  |  |  |  | skipped: %s |\n",
                            f->group, f->name, f->note);
    change_text(change, f);
    bound_text(bound, f);
    return shown_printf(out, SHOWN_MARKDOWN, "| %s | %s | %.6g | %.6g | %s | %s | %s |\n", f->group,
                        f->name, f->before, f->after, change, bound, verdict_name(f->verdict));
}

/* Figures from `first` on that are of the same group and kind. */
static size_t stretch(const regress_report *r, size_t first) {
    size_t n = first;
    while (n < r->count && r->figures[n].kind == r->figures[first].kind &&
           !strcmp(r->figures[n].group, r->figures[first].group))
        n++;
    return n;
}

/* Many figures as one line: how many passed and the one that changed most. */
static err add_summary(strbuf *out, const regress_report *r, size_t first, size_t end) {
    const regress_figure *most = NULL;
    size_t passed = 0;
    char change[32], bound[32];
    for (size_t i = first; i < end; i++) {
        const regress_figure *f = &r->figures[i];
        if (f->verdict != REGRESS_PASS) continue;
        passed++;
        if (!most || fabs(f->change) > fabs(most->change)) most = f;
    }
    if (!most) return ERR_OK;
    change_text(change, most);
    bound_text(bound, most);
    return shown_printf(
        out, SHOWN_MARKDOWN, "| %s | %zu %s%s figures, most: %s | %.6g | %.6g | %s | %s | pass |\n",
        most->group, passed, regress_kind_name(most->kind), passed == end - first ? "" : " (other)",
        most->name, most->before, most->after, change, bound);
}

static err add_rows(strbuf *out, const regress_report *r, size_t first, size_t end) {
    bool whole = r->figures[first].kind == REGRESS_KERNEL || end - first == 1;
    err e = ERR_OK;
    for (size_t i = first; i < end && !e; i++)
        if (whole || r->figures[i].verdict != REGRESS_PASS) e = add_row(out, &r->figures[i]);
    return e || whole ? e : add_summary(out, r, first, end);
}

err regress_text(strbuf *out, const regress_report *r, const regress_state *before,
                 const regress_state *now) {
    err e = shown_printf(out, SHOWN_MARKDOWN,
                         "# regress: %s (%s, %s)\n\nBaseline: %s (%s), commit %.8s. Losses and "
                         "gradients: %.0e relative%s.\n\n",
                         now->device, now->kind, *now->isa ? now->isa : now->driver, before->device,
                         *before->isa ? before->isa : before->driver, before->commit, r->bound,
                         strcmp(before->device, now->device) ? " (another device than the "
                                                               "baseline's)"
                                                             : "");
    if (!e)
        e = strbuf_add(out, "| of | figure | before | after | change | bound | verdict |\n"
                            "| --- | --- | ---: | ---: | ---: | ---: | --- |\n");
    for (size_t i = 0; i < r->count && !e;) {
        size_t end = stretch(r, i);
        e = add_rows(out, r, i, end);
        i = end;
    }
    if (e) return e;
    return strbuf_printf(out, "\n%zu figure%s, %zu fell.\n", r->count, shown_plural(r->count),
                         r->fell);
}

static err add_json_figure(cJSON *list, const regress_figure *f) {
    cJSON *o;
    err e = json_append_object(&o, list);
    if (e ||
        (e = json_put(o, "kind %s of %s figure %s verdict %s", regress_kind_name(f->kind), f->group,
                      f->name, f->verdict == REGRESS_FELL ? "fell" : verdict_name(f->verdict))))
        return e;
    if (*f->note && (e = json_add_string(o, "note", f->note))) return e;
    if (f->verdict == REGRESS_SKIPPED) return ERR_OK;
    return json_put(o, "before %f after %f change %f bound %f", f->before, f->after, f->change,
                    f->bound);
}

static err add_json_device(cJSON *top, const char *key, const regress_state *s) {
    cJSON *o;
    err e = json_add_object(&o, top, key);
    return e ? e
             : json_put(o, "kind %s device %s driver %s isa %s threads %u commit %s", s->kind,
                        s->device, s->driver, s->isa, s->threads, s->commit);
}

err regress_json(strbuf *out, const regress_report *r, const regress_state *before,
                 const regress_state *now) {
    cJSON *top = cJSON_CreateObject(), *list;
    err e;
    if ((e = add_json_device(top, "baseline", before)) || (e = add_json_device(top, "run", now)) ||
        (e = json_put(top, "count %zu fell %zu", r->count, r->fell)) ||
        (e = json_add_array(&list, top, "figures")))
        goto done;
    for (size_t i = 0; i < r->count && !e; i++) e = add_json_figure(list, &r->figures[i]);
    if (!e) e = json_text(out, top);
done:
    cJSON_Delete(top);
    return e;
}

static err add_xml(strbuf *out, const char *text) {
    return shown_add(out, SHOWN_HTML, text);
}

/* The seconds of the run that the figure is of: all figures of a case come from one, so the first has
 * them, and viewers' sums are right. 0: none are known, or they stand with another.
 *   told  (now->result_count) whether a result's seconds stand already; set here */
static double seconds_of(bool *told, const regress_figure *f, const regress_state *now) {
    if (f->kind == REGRESS_KERNEL) return 0;
    for (size_t i = 0; i < now->result_count; i++) {
        if (!now->results[i].name || strcmp(now->results[i].name, f->group) != 0) continue;
        bool stands = told[i];
        told[i] = true;
        return stands ? 0 : now->results[i].seconds;
    }
    return 0;
}

static err add_testcase(strbuf *out, const regress_figure *f, double seconds) {
    char change[32], bound[32];
    err e;
    if ((e = strbuf_printf(out, "    <testcase classname=\"regress.%s.",
                           regress_kind_name(f->kind))) ||
        (e = add_xml(out, f->group)) || (e = strbuf_add(out, "\" name=\"")) ||
        (e = add_xml(out, f->name)) || (e = strbuf_printf(out, "\" time=\"%.3f\"", seconds)))
        return e;
    if (f->verdict == REGRESS_PASS) return strbuf_add(out, "/>\n");
    change_text(change, f);
    bound_text(bound, f);
    if (f->verdict == REGRESS_FELL) {
        // viewers show the body where they have no room for the attribute
        return strbuf_printf(out,
                             "><failure type=\"regression\" message=\"before %.9g, after %.9g\">"
                             "before %.9g, after %.9g, change %s, bound %s</failure></testcase>\n",
                             f->before, f->after, f->before, f->after, change, bound);
    }
    if ((e = strbuf_add(out, "><skipped message=\"")) || (e = add_xml(out, f->note))) return e;
    return strbuf_add(out, "\"/></testcase>\n");
}

err regress_junit(strbuf *out, const regress_report *r, const regress_state *now,
                  const regress_moment *when) {
    size_t skipped = 0;
    bool *told;
    for (size_t i = 0; i < r->count; i++) skipped += r->figures[i].verdict == REGRESS_SKIPPED;
    err e = mem_new(&told, now->result_count);
    if (!e)
        e = strbuf_printf(
            out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"harness regress\" "
            "tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"%.3f\">\n"
            "  <testsuite name=\"regress %s\" tests=\"%zu\" failures=\"%zu\" "
            "errors=\"0\" skipped=\"%zu\" time=\"%.3f\" timestamp=\"%s\" hostname=\"",
            r->count, r->fell, skipped, when->seconds, now->kind, r->count, r->fell, skipped,
            when->seconds, when->begun);
    if (!e) e = add_xml(out, when->host);
    if (!e) e = strbuf_add(out, "\">\n");
    for (size_t i = 0; i < r->count && !e; i++)
        e = add_testcase(out, &r->figures[i], seconds_of(told, &r->figures[i], now));
    mem_free(told);
    return e ? e : strbuf_add(out, "  </testsuite>\n</testsuites>\n");
}

static err add_point(cJSON *list, const regress_state *s, const char *of, const char *what,
                     const char *unit, double value) {
    cJSON *o;
    char name[200];
    snprintf(name, sizeof name, "%s: %s (%s)", of, what, s->kind);
    err e = json_append_object(&o, list);
    return e ? e : json_put(o, "name %s unit %s value %f extra %s", name, unit, value, s->device);
}

err regress_history(strbuf *bigger, strbuf *smaller, const regress_state *now) {
    cJSON *up = cJSON_CreateArray(), *down = cJSON_CreateArray();
    err e = ERR_OK;
    for (size_t i = 0; i < now->result_count && !e; i++) {
        const regress_result *r = &now->results[i];
        char what[64];
        if (!r->name) continue;
        snprintf(what, sizeof what, "loss at step %d", REGRESS_STEPS);
        if ((e = add_point(up, now, r->name, metric_said(r->headline), "points",
                           100 * metric_of(r->metrics, r->headline))) ||
            (e = add_point(up, now, r->name, "training", "sentences/s", r->sentences_per_s)))
            break;
        e = add_point(down, now, r->name, what, "nats", r->losses[REGRESS_STEPS - 1]);
    }
    for (size_t i = 0; i < now->kernel_count && i < REGRESS_KERNELS && !e; i++)
        e = add_point(down, now, "kernel", now->kernels[i].name, "x product", now->kernels[i].cost);
    if (!e && !(e = json_text(bigger, up))) e = json_text(smaller, down);
    cJSON_Delete(up);
    cJSON_Delete(down);
    return e;
}
