/* The test rows on which two sides part: those whose answers differ most between the sides' runs,
 * of every kind. */
#include "base/shown.h"
#include "report/answer_items.h"
#include "report/compare_internal.h"
#include "report/grid.h"

#include <math.h>
#include <stdlib.h>

typedef struct parted_row {
    size_t row;
    /* how far the two sides' answers are apart; how far their errors are */
    double distance, gap;
    double wrong[2]; /* mean error of each side's runs (record_row_error) */
} parted_row;

typedef struct parted_list {
    parted_row *rows; /* (count) owned; most apart first */
    size_t count;
} parted_list;

enum { GOLD = 2 }; // the column of items behind those of the sides

/* Of all runs the one whose model has most labels: their gold answers are the same, and what one
 * answers another may not know. */
static const record *widest(const compare_side sides[2]) {
    const record *found = sides[0].runs[0];
    for (size_t s = 0; s < 2; s++)
        for (size_t r = 0; r < sides[s].count; r++)
            if (sides[s].runs[r]->task.label_count > found->task.label_count)
                found = sides[s].runs[r];
    return found;
}

static err gather(answer_items *l, const compare_side sides[2], size_t row) {
    l->count = 0;
    err e = answer_items_add(l, sides[0].runs[0], row, true, GOLD);
    for (unsigned s = 0; s < 2; s++)
        for (size_t r = 0; r < sides[s].count && !e; r++)
            e = answer_items_add(l, sides[s].runs[r], row, false, s);
    answer_items_merge(l);
    return e;
}

static double share(const answer_item *item, const compare_side sides[2], size_t s) {
    return (double)item->in[s] / (double)sides[s].count;
}

static double mean_number(const compare_side *side, size_t row) {
    double sum = 0;
    for (size_t r = 0; r < side->count; r++) sum += (double)side->runs[r]->predicted_numbers[row];
    return sum / (double)side->count;
}

/* Of numbers between the means. Else the sum over items of what the shares of runs that have them
 * differ by: of one answer a row, or a word, half of it, which is the total variation. */
static double distance_of(const answer_items *l, const compare_side sides[2], size_t row) {
    answer_kind kind = sides[0].runs[0]->task.kind;
    double sum = 0, of_one = answer_is_label(kind) || kind == ANSWER_ARCS ? 0.5 : 1;
    if (kind == ANSWER_NUMBER)
        return fabs(mean_number(&sides[0], row) - mean_number(&sides[1], row));
    for (size_t i = 0; i < l->count; i++)
        sum += of_one * fabs(share(&l->list[i], sides, 0) - share(&l->list[i], sides, 1));
    return sum;
}

static double mean_error(const compare_side *side, size_t row) {
    double sum = 0;
    for (size_t r = 0; r < side->count; r++) sum += record_row_error(side->runs[r], row);
    return sum / (double)side->count;
}

static int most_apart(const void *a, const void *b) {
    const parted_row *x = a, *y = b;
    if (x->distance > y->distance || x->distance < y->distance)
        return x->distance > y->distance ? -1 : 1;
    // both wrong, or both as right: of less use
    if (x->gap > y->gap || x->gap < y->gap) return x->gap > y->gap ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static err find_parted(parted_list *l, const compare_side sides[2]) {
    size_t rows = (size_t)sides[0].runs[0]->task.test_rows;
    answer_items items = {0};
    *l = (parted_list){0};
    err e = mem_new(&l->rows, rows);
    for (size_t i = 0; i < rows && !e; i++) {
        parted_row row = {.row = i};
        if ((e = gather(&items, sides, i))) break;
        row.distance = distance_of(&items, sides, i);
        if (!(row.distance > 1e-9)) continue;
        for (size_t s = 0; s < 2; s++) row.wrong[s] = mean_error(&sides[s], i);
        row.gap = fabs(row.wrong[0] - row.wrong[1]);
        l->rows[l->count++] = row;
    }
    if (l->count) qsort(l->rows, l->count, sizeof *l->rows, most_apart);
    answer_items_free(&items);
    return e;
}

/* A row that is shown: its items, where they are in its text, and what labels are called. */
typedef struct shown_row {
    const compare_side *sides;
    answer_kind kind;
    const char *const *names;
    page_language language;
    size_t row;
    answer_items items;
    row_units units;
} shown_row;

static err shown_open(shown_row *x, size_t row, const compare_wish *wish) {
    x->row = row;
    err e = gather(&x->items, x->sides, row);
    row_units_free(&x->units);
    return e ? e
             : row_units_find(&x->units, x->sides[0].runs[0], row,
                              wish->texts ? wish->texts[row] : NULL);
}

static void shown_close(shown_row *x) {
    answer_items_free(&x->items);
    row_units_free(&x->units);
}

/* Of entities and words those alone on which the sides part. */
static bool is_shown(const shown_row *x, const answer_item *item, unsigned column) {
    if (!item->in[column]) return false;
    if (!answer_in_units(x->kind)) return true;
    for (size_t i = 0; i < x->items.count; i++) {
        const answer_item *other = &x->items.list[i];
        bool same = x->kind == ANSWER_ARCS ? other->key[0] == item->key[0] : other == item;
        if (same && fabs(share(other, x->sides, 0) - share(other, x->sides, 1)) > 1e-9) return true;
    }
    return false;
}

enum { ITEMS_SHOWN = 4 }; // of a cell

/* "hate", of several runs "hate 2, none 1"; of numbers the mean. */
static err add_answers(grid *g, const shown_row *x, unsigned column) {
    const record *any = x->sides[0].runs[0];
    size_t shown = 0, more = 0;
    strbuf said = {0};
    err e = strbuf_add(&said, "");
    if (x->kind == ANSWER_NUMBER) {
        grid_cell(g, "%.3f",
                  column == GOLD ? (double)any->gold_numbers[x->row]
                                 : mean_number(&x->sides[column], x->row));
        goto done;
    }
    for (size_t i = 0; i < x->items.count && !e; i++) {
        const answer_item *item = &x->items.list[i];
        if (!is_shown(x, item, column)) continue;
        if (shown == ITEMS_SHOWN) {
            more++;
            continue;
        }
        e = strbuf_add(&said, shown++ ? ", " : "");
        if (!e) e = answer_item_name(&said, item, x->kind, x->names, &x->units);
        if (!e && column != GOLD && x->sides[column].count > 1)
            e = strbuf_printf(&said, " %u", item->in[column]);
    }
    if (!e && more) e = strbuf_printf(&said, SAY_IN(x->language, and_others), more);
    if (!e) grid_text(g, said.length ? said.text : "-");
done:
    strbuf_free(&said);
    return e;
}

/* How many runs are right; of other kinds what is wrong, as a mean over runs. */
static void add_score(grid *g, const shown_row *x, const parted_row *row, size_t s) {
    size_t count = x->sides[s].count;
    if (answer_is_label(x->kind))
        grid_cell(g, SAY_IN(x->language, right_runs),
                  count - (size_t)lround(row->wrong[s] * (double)count), count);
    else
        grid_cell(g,
                  x->kind == ANSWER_NUMBER ? "%.3f"
                  : count > 1              ? "%.1f"
                                           : "%.0f",
                  row->wrong[s]);
}

/* What the columns of a side's errors count; NULL of labels. */
static const char *wrong_words(answer_kind kind, page_language language) {
    switch (kind) {
    case ANSWER_NUMBER: return SAY_IN(language, wrong_number);
    case ANSWER_SET: return SAY_IN(language, wrong_labels);
    case ANSWER_TAGS: return SAY_IN(language, wrong_entities);
    case ANSWER_ARCS: return SAY_IN(language, wrong_words);
    case ANSWER_CLASS:
    case ANSWER_RELATION: break;
    }
    return NULL;
}

static err add_intro(strbuf *out, const parted_list *l, const record *any, page_language language) {
    answer_kind kind = any->task.kind;
    const char *wrong = wrong_words(kind, language);
    unsigned long long rows = (unsigned long long)any->task.test_rows;
    char count[SHOWN_COUNT_BYTES], all[SHOWN_COUNT_BYTES];
    err e = compare__heading(out, SAY_IN(language, parted_rows));
    if (!e)
        e = strbuf_printf(out, SAY_IN(language, parted_of), shown_count(count, l->count),
                          shown_count(all, rows), language_plural(language, rows));
    bool apart = l->count && l->rows[0].distance - l->rows[l->count - 1].distance > 1e-9;
    const char *order =
        apart ? SAY_IN(language, parted_order) : SAY_IN(language, parted_right_first);
    if (!e) e = strbuf_add(out, l->count ? order : "");
    if (!e) e = strbuf_add(out, "\n");
    if (!e && l->count && wrong) e = strbuf_printf(out, SAY_IN(language, wrong_is), wrong);
    if (!e && l->count && answer_in_units(kind))
        e = strbuf_printf(out, SAY_IN(language, units_listed),
                          kind == ANSWER_ARCS ? SAY_IN(language, words)
                                              : SAY_IN(language, characters_or_words));
    return e;
}

err compare__rows(strbuf *out, const compare_side sides[2], const compare_wish *wish) {
    const record *any = widest(sides);
    bool labels = answer_is_label(any->task.kind);
    page_language language = wish->language;
    const char *const heads[] = {SAY_IN(language, row),
                                 SAY_IN(language, gold),
                                 "A",
                                 "B",
                                 labels ? SAY_IN(language, a_right) : SAY_IN(language, a_wrong),
                                 labels ? SAY_IN(language, b_right) : SAY_IN(language, b_wrong),
                                 SAY_IN(language, text)};
    shown_row x = {.sides = sides,
                   .kind = any->task.kind,
                   .names = (const char *const *)any->task.labels,
                   .language = language};
    parted_list l;
    if (!wish->rows) return ERR_OK;
    err e = find_parted(&l, sides);
    size_t shown = l.count < wish->rows ? l.count : wish->rows;
    if (!e) e = add_intro(out, &l, any, language);
    if (e || !shown) goto done;
    if ((e = strbuf_add(out, "\n"))) goto done;
    grid g = grid_begin(wish->texts ? "lllllll" : "llllll");
    for (size_t i = 0; i < 6u + (wish->texts != NULL); i++) grid_text(&g, heads[i]);
    for (size_t i = 0; i < shown && !e; i++) {
        const parted_row *row = &l.rows[i];
        grid_cell(&g, "%zu", row->row + 1);
        e = shown_open(&x, row->row, wish);
        if (!e) e = add_answers(&g, &x, GOLD);
        for (unsigned s = 0; s < 2 && !e; s++) e = add_answers(&g, &x, s);
        for (size_t s = 0; s < 2; s++) add_score(&g, &x, row, s);
        if (wish->texts) grid_text(&g, wish->texts[row->row]);
    }
    err ended = grid_end(out, &g);
    e = e ? e : ended;
    if (!e && shown < l.count) e = strbuf_printf(out, SAY_IN(language, more_rows), l.count - shown);
done:
    shown_close(&x);
    mem_free(l.rows);
    return e;
}

/* As the model answers, where the record is new enough to say so. */
static const char *const *names_of(const record_task *task) {
    return (const char *const *)(task->names ? task->names : task->labels);
}

static err numbers_json(cJSON *to, const char *key, const compare_side *side, size_t row) {
    cJSON *list = NULL;
    err e = json_add_array(&list, to, key);
    for (size_t r = 0; r < side->count && !e; r++)
        e = json_append(list, cJSON_CreateNumber((double)side->runs[r]->predicted_numbers[row]));
    return e;
}

/* Of a side {"hate": 2}, or its numbers; of gold a label, a number, or a list of what there is.
 * Keys are the same with texts and without. */
static err answers_json(cJSON *to, const char *key, const shown_row *x, unsigned column) {
    const row_units no_text = {0};
    cJSON *o = NULL;
    strbuf name = {0};
    bool one = column == GOLD && answer_is_label(x->kind);
    err e = ERR_OK;
    if (x->kind == ANSWER_NUMBER)
        return column == GOLD
                   ? json_add_number(to, key, (double)x->sides[0].runs[0]->gold_numbers[x->row])
                   : numbers_json(to, key, &x->sides[column], x->row);
    if (!one) e = column == GOLD ? json_add_array(&o, to, key) : json_add_object(&o, to, key);
    for (size_t i = 0; i < x->items.count && !e; i++) {
        const answer_item *item = &x->items.list[i];
        if (!is_shown(x, item, column)) continue;
        name.length = 0;
        if ((e = answer_item_name(&name, item, x->kind, x->names, &no_text))) break;
        e = one              ? json_add_string(to, key, name.text)
            : column == GOLD ? json_append(o, cJSON_CreateString(name.text))
                             : json_add_number(o, name.text, item->in[column]);
    }
    strbuf_free(&name);
    return e;
}

static err row_json(cJSON *list, const shown_row *x, const parted_row *row,
                    const compare_wish *wish) {
    cJSON *o = NULL;
    err e = json_append_object(&o, list);
    if (!e) e = json_put(o, "row %zu", row->row + 1);
    if (!e) e = answers_json(o, "gold", x, GOLD);
    if (!e) e = json_put(o, "distance %f", row->distance);
    if (!e) e = answers_json(o, "a", x, 0);
    if (!e) e = answers_json(o, "b", x, 1);
    if (!e && !answer_is_label(x->kind))
        e = json_put(o, "a_wrong %f b_wrong %f", row->wrong[0], row->wrong[1]);
    return e || !wish->texts ? e : json_add_string(o, "text", wish->texts[row->row]);
}

err compare__rows_json(cJSON *top, const compare_side sides[2], const compare_wish *wish) {
    const record *any = widest(sides);
    shown_row x = {.sides = sides, .kind = any->task.kind, .names = names_of(&any->task)};
    parted_list l;
    cJSON *list = NULL;
    if (!wish->rows) return ERR_OK;
    err e = find_parted(&l, sides);
    if (!e) e = json_add_array(&list, top, "parted");
    for (size_t i = 0; i < l.count && !e; i++)
        if (!(e = shown_open(&x, l.rows[i].row, &(compare_wish){0})))
            e = row_json(list, &x, &l.rows[i], wish);
    shown_close(&x);
    mem_free(l.rows);
    return e;
}
