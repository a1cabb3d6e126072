/* The test rows on which two sides part: those whose answers differ most between the sides' runs. */
#include "base/shown.h"
#include "report/compare_internal.h"
#include "report/grid.h"

#include <math.h>
#include <stdlib.h>

typedef struct parted_row {
    size_t row, right[2]; /* runs of each side that are right */
    /* total variation between the shares of each answer; between the shares that are right */
    double distance, gap;
} parted_row;

typedef struct parted_list {
    parted_row *rows; /* (count) owned; most apart first */
    size_t count;
} parted_list;

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

/* counts: (classes) how many of the side's runs answer each. */
static void count_answers(size_t *counts, size_t classes, const compare_side *side, size_t row) {
    for (size_t c = 0; c < classes; c++) counts[c] = 0;
    for (size_t r = 0; r < side->count; r++) counts[side->runs[r]->predicted[row]]++;
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
    const record *any = widest(sides);
    size_t classes = any->task.label_count, rows = (size_t)any->task.test_rows;
    size_t *counts = NULL;
    *l = (parted_list){0};
    err e = mem_new(&counts, 2 * classes);
    if (!e) e = mem_new(&l->rows, rows);
    for (size_t i = 0; i < rows && !e; i++) {
        parted_row row = {.row = i};
        for (size_t s = 0; s < 2; s++) {
            count_answers(counts + s * classes, classes, &sides[s], i);
            row.right[s] = counts[s * classes + any->gold[i]];
        }
        for (size_t c = 0; c < classes; c++)
            row.distance += 0.5 * fabs((double)counts[c] / (double)sides[0].count -
                                       (double)counts[classes + c] / (double)sides[1].count);
        row.gap = fabs((double)row.right[0] / (double)sides[0].count -
                       (double)row.right[1] / (double)sides[1].count);
        if (row.distance > 1e-9) l->rows[l->count++] = row;
    }
    if (l->count) qsort(l->rows, l->count, sizeof *l->rows, most_apart);
    mem_free(counts);
    return e;
}

static bool has_parted(const compare_side sides[2], const compare_wish *wish) {
    return wish->rows && sides[0].runs[0]->task.kind == ANSWER_CLASS;
}

/* "hate", of several runs "hate 2, none 1". */
static err add_answers(grid *g, const compare_side *side, const record_task *task, size_t row) {
    strbuf said = {0};
    size_t *counts = NULL;
    err e = mem_new(&counts, task->label_count);
    if (!e) count_answers(counts, task->label_count, side, row);
    for (size_t c = 0; c < task->label_count && !e; c++) {
        if (!counts[c]) continue;
        e = strbuf_printf(&said, "%s%s", said.length ? ", " : "", task->labels[c]);
        if (!e && side->count > 1) e = strbuf_printf(&said, " %zu", counts[c]);
    }
    if (!e) grid_text(g, said.text);
    mem_free(counts);
    strbuf_free(&said);
    return e;
}

err compare__rows(strbuf *out, const compare_side sides[2], const compare_wish *wish) {
    static const char *const heads[] = {"row", "gold", "A", "B", "A right", "B right", "text"};
    const record *any = widest(sides);
    parted_list l;
    if (!has_parted(sides, wish)) return ERR_OK;
    err e = find_parted(&l, sides);
    size_t shown = l.count < wish->rows ? l.count : wish->rows;
    if (!e)
        e = strbuf_printf(out, "\n## Rows on which the sides part\n\n- %zu of %lld row%s%s\n",
                          l.count, (long long)any->task.test_rows,
                          shown_plural((unsigned long long)any->task.test_rows),
                          l.count ? "; those whose answers differ most come first" : "");
    if (e || !shown) goto done;
    if ((e = strbuf_add(out, "\n"))) goto done;
    grid g = grid_begin(wish->texts ? "lllllll" : "llllll");
    for (size_t i = 0; i < 6u + (wish->texts != NULL); i++) grid_text(&g, heads[i]);
    for (size_t i = 0; i < shown && !e; i++) {
        const parted_row *row = &l.rows[i];
        grid_cell(&g, "%zu", row->row + 1);
        grid_text(&g, any->task.labels[any->gold[row->row]]);
        for (size_t s = 0; s < 2 && !e; s++) e = add_answers(&g, &sides[s], &any->task, row->row);
        for (size_t s = 0; s < 2; s++) grid_cell(&g, "%zu of %zu", row->right[s], sides[s].count);
        if (wish->texts) grid_text(&g, wish->texts[row->row]);
    }
    err ended = grid_end(out, &g);
    e = e ? e : ended;
    if (!e && shown < l.count)
        e = strbuf_printf(out, "\n- and %zu more (--rows N)\n", l.count - shown);
done:
    mem_free(l.rows);
    return e;
}

/* As the model answers, where the record is new enough to say so. */
static const char *const *names_of(const record_task *task) {
    return (const char *const *)(task->names ? task->names : task->labels);
}

static err answers_json(cJSON *to, const char *key, const compare_side *side,
                        const record_task *task, size_t row) {
    const char *const *names = names_of(task);
    size_t classes = task->label_count, *counts = NULL;
    cJSON *o = NULL;
    err e = json_add_object(&o, to, key);
    if (!e) e = mem_new(&counts, classes);
    if (!e) count_answers(counts, classes, side, row);
    for (size_t c = 0; c < classes && !e; c++)
        if (counts[c]) e = json_add_number(o, names[c], (double)counts[c]);
    mem_free(counts);
    return e;
}

err compare__rows_json(cJSON *top, const compare_side sides[2], const compare_wish *wish) {
    const record *any = widest(sides);
    parted_list l;
    cJSON *list = NULL, *o = NULL;
    if (!has_parted(sides, wish)) return ERR_OK;
    err e = find_parted(&l, sides);
    if (!e) e = json_add_array(&list, top, "parted");
    for (size_t i = 0; i < l.count && !e; i++) {
        const parted_row *row = &l.rows[i];
        if ((e = json_append_object(&o, list)) ||
            (e = json_put(o, "row %zu gold %s distance %f", row->row + 1,
                          names_of(&any->task)[any->gold[row->row]], row->distance)) ||
            (e = answers_json(o, "a", &sides[0], &any->task, row->row)) ||
            (e = answers_json(o, "b", &sides[1], &any->task, row->row)))
            break;
        if (wish->texts) e = json_add_string(o, "text", wish->texts[row->row]);
    }
    mem_free(l.rows);
    return e;
}
