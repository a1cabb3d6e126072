#include "data/stats.h"

#include "base/shown.h"
#include "text/unicode.h"

#include <stdio.h>
#include <string.h>

enum { NAME_COLUMNS = 34, NUMBER_COLUMNS = 12, NARROW_COLUMNS = 9 };
enum { BAR_COLUMNS = 40, BAR_BEGIN = 21 };

static size_t width_for(size_t max) {
    static const size_t steps[] = {1, 2, 5};
    for (size_t ten = 1;; ten *= 10) {
        for (size_t i = 0; i < 3; i++)
            if (max / (steps[i] * ten) < DATA_BINS) return steps[i] * ten;
    }
}

static void summarise(data_lengths *l, const size_t *lengths, size_t count, size_t limit) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)lengths[i];
        if (lengths[i] > l->max) l->max = lengths[i];
        l->cut += limit && lengths[i] > limit;
    }
    l->mean = count ? sum / (double)count : 0;
    l->bin_width = width_for(l->max);
    l->bin_count = l->max / l->bin_width + 1;
    for (size_t i = 0; i < count; i++) l->bins[lengths[i] / l->bin_width]++;
}

static err measure_split(data_split_stats *s, const tokenizer *t, size_t max_length) {
    const dataset_split *split = s->split;
    size_t *lengths = NULL;
    encoding encoded = {0};
    err e = mem_new(&lengths, split->row_count);
    if (e) return e;
    for (size_t i = 0; i < split->row_count; i++) {
        const example *x = &split->rows[i].example;
        for (uint32_t k = 0; k < x->text_count; k++)
            lengths[i] += utf8_count(x->texts[k].text, x->texts[k].bytes);
    }
    summarise(&s->characters, lengths, split->row_count, 0);
    for (size_t i = 0; t && i < split->row_count; i++) {
        const dataset_row *row = &split->rows[i];
        if ((e = example_encode(t, &encoded, &row->example, 0))) goto done;
        lengths[i] = encoded.count;
    }
    if (t) summarise(&s->tokens, lengths, split->row_count, max_length);
done:
    encoding_free(&encoded);
    mem_free(lengths);
    return e;
}

err data_stats_measure(data_stats *s, const task *of, const dataset *d, const tokenizer *t,
                       size_t max_length, bool sample) {
    *s = (data_stats){.task = of,
                      .dataset = d,
                      .tokenizer = t,
                      .sample = sample,
                      .max_length = max_length ? max_length : of->max_length};
    if (d->file_rows.row_count)
        s->splits[s->split_count++] = (data_split_stats){.name = "file", .split = &d->file_rows};
    s->splits[s->split_count++] = (data_split_stats){.name = "train", .split = &d->train};
    if (d->dev.row_count)
        s->splits[s->split_count++] = (data_split_stats){.name = "dev", .split = &d->dev};
    s->splits[s->split_count++] = (data_split_stats){.name = "test", .split = &d->test};
    for (size_t i = 0; i < s->split_count; i++) {
        err e = measure_split(&s->splits[i], t, s->max_length);
        if (e) return e;
    }
    return ERR_OK;
}

static bool is_narrow(const data_stats *s) {
    return shown_columns() < NAME_COLUMNS + s->split_count * NUMBER_COLUMNS;
}

static int number_columns(const data_stats *s) {
    return is_narrow(s) ? NARROW_COLUMNS : NUMBER_COLUMNS;
}

/* On a terminal too narrow for the table a name that is as well has a line of its own. */
static err add_name(strbuf *out, const char *indent, const char *name, const data_stats *s) {
    size_t columns = shown_columns(), figures = s->split_count * NARROW_COLUMNS,
           width = !is_narrow(s)       ? NAME_COLUMNS
                   : columns > figures ? columns - figures
                                       : 0;
    strbuf joined = {0};
    err e = strbuf_printf(&joined, "%s%s", indent, name);
    bool is_alone = !e && is_narrow(s) && shown_width(joined.text) > width;
    if (is_alone) e = shown_printf(out, SHOWN_TERMINAL, "%s\n", joined.text);
    if (!e) e = text_column(out, is_alone ? "" : joined.text, width);
    strbuf_free(&joined);
    return e;
}

/* One line of whole numbers, one for each split; SIZE_MAX leaves a column blank. */
static err add_counts(strbuf *out, const char *indent, const char *name, const data_stats *s,
                      const size_t *counts) {
    err e = add_name(out, indent, name, s);
    for (size_t i = 0; i < s->split_count && !e; i++) {
        char number[SHOWN_COUNT_BYTES] = "";
        if (counts[i] != SIZE_MAX) shown_count(number, counts[i]);
        e = strbuf_printf(out, "%*s", number_columns(s), number);
    }
    return e ? e : strbuf_add(out, "\n");
}

typedef size_t (*split_count)(const data_split_stats *s);

static size_t count_rows(const data_split_stats *s) {
    return s->split->row_count;
}
static size_t count_empty(const data_split_stats *s) {
    return s->split->empty_count;
}
static size_t count_duplicates(const data_split_stats *s) {
    return s->split->duplicate_count;
}
static size_t count_conflicts(const data_split_stats *s) {
    return s->split->conflict_count;
}
static size_t count_unique(const data_split_stats *s) {
    return s->split->row_count - s->split->duplicate_count;
}
static size_t count_unique_not_empty(const data_split_stats *s) {
    return count_unique(s) - (s->split->empty_count > 0); // all empty texts are one text
}
static size_t count_kept(const data_split_stats *s) {
    return strcmp(s->name, "train") ? SIZE_MAX : s->split->kept_count;
}
static size_t count_leaked(const data_split_stats *s) {
    return strcmp(s->name, "test") ? SIZE_MAX : s->split->leaked_count;
}
static size_t count_agreeing(const data_split_stats *s) {
    return strcmp(s->name, "test") ? SIZE_MAX : s->split->leaked_agreeing_count;
}
static size_t count_dedup(const data_split_stats *s) {
    return strcmp(s->name, "test") ? SIZE_MAX : s->split->dedup_count;
}
/* What a unit of entities or trees is. */
static bool in_words(const task *t) {
    return t->kind == ANSWER_ARCS || t->format.unit == UNIT_WORD;
}

static size_t count_units(const data_split_stats *s) {
    size_t count = 0;
    for (size_t i = 0; i < s->split->row_count; i++)
        count += s->split->rows[i].example.target.units.count;
    return count;
}
static size_t longest(const data_split_stats *s) {
    return s->characters.max;
}
static size_t longest_tokens(const data_split_stats *s) {
    return s->tokens.max;
}
static size_t cut(const data_split_stats *s) {
    return s->tokens.cut;
}

/* What is counted: key in JSON, words in the table. */
static const struct {
    const char *key, *indent, *name;
    split_count count;
} rows_of_table[] = {
    {"unique", "", "distinct texts", count_unique},
    {"unique_not_empty", "  ", "without the empty one", count_unique_not_empty},
    {"empty", "", "empty texts", count_empty},
    {"duplicates", "", "rows whose text came before", count_duplicates},
    {"conflicting", "", "texts under different labels", count_conflicts},
    {"kept", "", "kept for training", count_kept},
    {"leaked", "", "texts that are in train", count_leaked},
    {"leaked_agreeing", "  ", "with their label there", count_agreeing},
    {"dedup", "", "scored without these", count_dedup},
};
enum { TABLE_ROWS = sizeof rows_of_table / sizeof *rows_of_table };

static err add_row(strbuf *out, const char *indent, const char *name, const data_stats *s,
                   split_count count) {
    size_t counts[3];
    for (size_t i = 0; i < s->split_count; i++) counts[i] = count(&s->splits[i]);
    return add_counts(out, indent, name, s, counts);
}

static err add_means(strbuf *out, const char *name, const data_stats *s, bool tokens) {
    err e = add_name(out, "", name, s);
    for (size_t i = 0; i < s->split_count && !e; i++) {
        const data_lengths *l = tokens ? &s->splits[i].tokens : &s->splits[i].characters;
        e = strbuf_printf(out, "%*.1f", number_columns(s), l->mean);
    }
    return e ? e : strbuf_add(out, "\n");
}

static err add_numbers(strbuf *out, const data_stats *s) {
    static const char *const names[] = {"mean score", "least", "largest"};
    err e = ERR_OK;
    for (int k = 0; k < 3 && !e; k++) {
        e = add_name(out, "  ", names[k], s);
        for (size_t i = 0; i < s->split_count && !e; i++) {
            const dataset_split *split = s->splits[i].split;
            const double values[] = {split->mean, split->low, split->high};
            e = strbuf_printf(out, "%*.3f", number_columns(s), values[k]);
        }
        if (!e) e = strbuf_add(out, "\n");
    }
    return e;
}

static err add_table(strbuf *out, const data_stats *s) {
    err e = add_name(out, "", "", s);
    for (size_t i = 0; i < s->split_count && !e; i++)
        e = strbuf_printf(out, "%*s", number_columns(s), s->splits[i].name);
    if (e || (e = strbuf_add(out, "\n"))) return e;
    bool in_units = answer_in_units(s->dataset->kind);
    if ((e = add_row(out, "", in_units ? "sentences" : "rows", s, count_rows))) return e;
    if (in_units && (e = add_row(out, "", in_words(s->task) ? "words" : "characters without blanks",
                                 s, count_units)))
        return e;
    for (size_t c = 0; c < s->task->label_count; c++) {
        size_t counts[3];
        for (size_t i = 0; i < s->split_count; i++) counts[i] = s->splits[i].split->label_counts[c];
        if ((e = add_counts(out, "  ", s->task->labels[c].readable, s, counts))) return e;
    }
    if (s->dataset->kind == ANSWER_NUMBER && (e = add_numbers(out, s))) return e;
    for (size_t i = 0; i < TABLE_ROWS; i++)
        if ((e = add_row(out, rows_of_table[i].indent, rows_of_table[i].name, s,
                         rows_of_table[i].count)))
            return e;
    return ERR_OK;
}

static err add_lengths(strbuf *out, const data_stats *s) {
    char name[64];
    err e = add_means(out, "characters, mean", s, false);
    if (e || (e = add_row(out, "", "characters, most", s, longest)) || !s->tokenizer) return e;
    if ((e = add_means(out, "tokens, mean", s, true))) return e;
    if ((e = add_row(out, "", "tokens, most", s, longest_tokens))) return e;
    snprintf(name, sizeof name, "cut at %zu tokens", s->max_length);
    return add_row(out, "", name, s, cut);
}

/* Bars of one split, from the shortest length that occurs; the longest bar takes BAR_COLUMNS. */
static err add_histogram(strbuf *out, const char *of, const data_lengths *l, const char *unit,
                         size_t rows) {
    size_t most = 1, first = 0, columns = shown_columns();
    size_t bar = columns < BAR_BEGIN + BAR_COLUMNS
                     ? columns > BAR_BEGIN + 8 ? columns - BAR_BEGIN - 1 : 8
                     : BAR_COLUMNS;
    err e = strbuf_printf(out, "\n%s, %s\n", of, unit);
    for (size_t i = 0; i < l->bin_count; i++) most = l->bins[i] > most ? l->bins[i] : most;
    while (first < l->bin_count && !l->bins[first]) first++;
    for (size_t i = first; i < l->bin_count && !e; i++) {
        // eighths of a column, so that small shares show
        size_t eighths = (l->bins[i] * bar * 8 + most / 2) / most;
        e = strbuf_printf(out, "%5zu-%-5zu%6.2f %% ", i * l->bin_width, (i + 1) * l->bin_width - 1,
                          100.0 * (double)l->bins[i] / (double)rows);
        for (size_t k = 0; k < eighths / 8 && !e; k++) e = strbuf_add(out, "█");
        static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
        if (!e) e = strbuf_printf(out, "%s\n", parts[eighths % 8]);
    }
    return e;
}

err data_stats_text(strbuf *out, const data_stats *s) {
    const task *t = s->task;
    err e = shown_printf(out, SHOWN_TERMINAL, "%s (version %lld%s): %s\nsplit: %s\n\n", t->name,
                         (long long)t->version, s->sample ? ", sample" : "", t->title,
                         task_split_name(&t->split));
    if (e || (e = add_table(out, s)) || (e = add_lengths(out, s))) return e;
    if (s->dataset->invalid_count &&
        (e = strbuf_printf(out, "rows dropped for what they say: %zu\n",
                           s->dataset->invalid_count)))
        return e;
    for (size_t i = 0; i < s->split_count; i++) {
        const data_split_stats *split = &s->splits[i];
        if (!strcmp(split->name, "file")) continue;
        const data_lengths *l = s->tokenizer ? &split->tokens : &split->characters;
        const char *unit = s->tokenizer ? "tokens" : "characters";
        if ((e = add_histogram(out, split->name, l, unit, split->split->row_count))) return e;
    }
    return ERR_OK;
}

static err lengths_json(cJSON *object, const char *key, const data_lengths *l, size_t limit) {
    cJSON *o, *bins;
    err e = json_add_object(&o, object, key);
    if (!e) e = json_put(o, "mean %f max %zu", l->mean, l->max);
    if (!e && limit) e = json_put(o, "max_length %zu cut %zu", limit, l->cut);
    if (!e) e = json_put(o, "bin_width %zu", l->bin_width);
    if (!e) e = json_add_array(&bins, o, "histogram");
    for (size_t i = 0; i < l->bin_count && !e; i++)
        e = json_append(bins, cJSON_CreateNumber((double)l->bins[i]));
    return e;
}

static err split_json(cJSON *parent, const data_stats *s, const data_split_stats *split) {
    cJSON *o, *labels;
    err e;
    if ((e = json_add_object(&o, parent, split->name))) return e;
    if ((e = json_add_number(o, "rows", (double)split->split->row_count))) return e;
    if ((e = json_add_object(&labels, o, "labels"))) return e;
    for (size_t c = 0; c < s->task->label_count; c++) {
        double count = (double)split->split->label_counts[c];
        if ((e = json_add_number(labels, s->task->labels[c].name, count))) return e;
    }
    if (s->dataset->kind == ANSWER_NUMBER) {
        cJSON *numbers = NULL;
        if ((e = json_add_object(&numbers, o, "scores"))) return e;
        if ((e = json_put(numbers, "mean %f least %f largest %f", split->split->mean,
                          split->split->low, split->split->high)))
            return e;
    }
    if (answer_in_units(s->dataset->kind) &&
        (e = json_put(o, "unit %s units %zu", in_words(s->task) ? "word" : "character",
                      count_units(split))))
        return e;
    for (size_t i = 0; i < TABLE_ROWS; i++) {
        size_t count = rows_of_table[i].count(split);
        if (count == SIZE_MAX) continue;
        if ((e = json_add_number(o, rows_of_table[i].key, (double)count))) return e;
    }
    if ((e = json_add_string(o, "sha256", split->split->sha256))) return e;
    if ((e = lengths_json(o, "characters", &split->characters, 0))) return e;
    return s->tokenizer ? lengths_json(o, "tokens", &split->tokens, s->max_length) : ERR_OK;
}

err data_stats_json(cJSON **out, const data_stats *s) {
    cJSON *splits, *root = cJSON_CreateObject();
    const task *t = s->task;
    *out = NULL;
    err e = json_put(root,
                     "task %s version %f sample %d split %s manifest_sha256 %s data_sha256 %s "
                     "gold_sha256 %s invalid_rows %zu",
                     t->name, (double)t->version, s->sample, task_split_name(&t->split),
                     t->manifest_sha256, s->dataset->data_sha256, s->dataset->gold_sha256,
                     s->dataset->invalid_count);
    if (!e) e = json_add_object(&splits, root, "splits");
    for (size_t i = 0; i < s->split_count && !e; i++) e = split_json(splits, s, &s->splits[i]);
    if (e)
        cJSON_Delete(root);
    else
        *out = root;
    return e;
}

static err svg_panel(strbuf *out, const data_split_stats *split, int left, const char *color) {
    enum { TOP = 60, HEIGHT = 200, WIDTH = 300 };
    const data_lengths *l = &split->characters;
    size_t most = 1, rows = split->split->row_count;
    for (size_t i = 0; i < l->bin_count; i++) most = l->bins[i] > most ? l->bins[i] : most;
    err e =
        strbuf_printf(out, "<text x=\"%d\" y=\"48\">%s: %zu row%s, mean %.1f, most %zu</text>\n",
                      left, split->name, rows, shown_plural(rows), l->mean, l->max);
    double step = (double)WIDTH / (double)l->bin_count;
    for (size_t i = 0; i < l->bin_count && !e; i++) {
        double height = HEIGHT * (double)l->bins[i] / (double)most, x = left + step * (double)i;
        e = strbuf_printf(out,
                          "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\">"
                          "<title>%zu to %zu characters: %zu row%s (%.2f %%)</title></rect>\n",
                          x, TOP + HEIGHT - height, step * 0.9, height, color, i * l->bin_width,
                          (i + 1) * l->bin_width - 1, l->bins[i], shown_plural(l->bins[i]),
                          100.0 * (double)l->bins[i] / (double)rows);
        if (e || i % 4) continue;
        e = strbuf_printf(out, "<text x=\"%.1f\" y=\"%d\" font-size=\"11\">%zu</text>\n", x,
                          TOP + HEIGHT + 16, i * l->bin_width);
    }
    return e;
}

err data_stats_svg(strbuf *out, const data_stats *s) {
    const char *const colors[] = {"#4477aa", "#cc6677"};
    err e =
        shown_printf(out, SHOWN_HTML,
                     "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 700 300\" "
                     "font-family=\"sans-serif\" "
                     "font-size=\"13\" role=\"img\" aria-label=\"%s" DATA_STATS_SVG_MARK "\">\n"
                     "<rect width=\"700\" height=\"300\" fill=\"white\"/>\n"
                     "<text x=\"30\" y=\"24\" font-size=\"15\">%s" DATA_STATS_SVG_MARK "</text>\n",
                     s->task->name, s->task->name);
    for (size_t i = 0; i < 2 && !e; i++)
        e = svg_panel(out, &s->splits[s->split_count - 2 + i], i ? 370 : 30, colors[i]);
    return e ? e : strbuf_add(out, "</svg>\n");
}
