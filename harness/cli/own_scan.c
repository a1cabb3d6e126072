#include "cli/own_scan.h"

#include "base/ascii.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/name.h"
#include "base/shown.h"
#include "platform/file.h"
#include "text/unicode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 4 * OWN_VALUES_MAX };

/* Whatever its case, and with blanks around it. */
static bool is_called(const char *column, const char *name) {
    char word[32];
    size_t begin = strspn(column, " \t"), end = strlen(column);
    while (end > begin && strchr(" \t", column[end - 1])) end--;
    if (end - begin >= sizeof word) return false;
    snprintf(word, sizeof word, "%.*s", (int)(end - begin), column + begin);
    return ascii_equal_fold(word, name);
}

/* Whether it ends in the word, which is Korean: what a Korean name is of stands last in it, as in
 * '감정 라벨'. A word of one syllable ends many others. */
static bool ends_in(const char *column, const char *word) {
    size_t end = strlen(column), n = strlen(word);
    while (end && strchr(" \t", column[end - 1])) end--;
    return n > 3 && (*word & 0x80) && end > n && !memcmp(column + end - n, word, n);
}

err own_column_known(size_t *found, char *const *columns, size_t count, bool label) {
    static const char *const texts[] = {
        "text", "sentence", "document", "comment", "comments", "content", "review", "title",
        "문장", "본문",     "내용",     "텍스트",  "댓글",     "리뷰",    "질문",   "글"};
    static const char *const labels[] = {"label", "labels", "class", "category", "target",
                                         "라벨",  "레이블", "분류",  "감정",     "정답"};
    const char *const *known = label ? labels : texts;
    size_t names = label ? sizeof labels / sizeof *labels : sizeof texts / sizeof *texts;
    size_t matches = 0;
    err e = ERR_OK;
    *found = count;
    for (int ending = 0; ending < 2 && !matches; ending++)
        for (size_t i = 0; i < count && !e; i++) {
            char *name = NULL; // Hangul may be there in pieces
            e = unicode_compose(&name, columns[i]);
            for (size_t k = 0; k < names && !e; k++) {
                bool is = ending ? ends_in(name, known[k]) : is_called(name, known[k]);
                if (is) *found = i;
                matches += is;
            }
            mem_free(name);
        }
    if (matches != 1) *found = count;
    return e;
}

/* Columns of pairs, as the data sets that are called so everywhere have them. */
static bool is_pair(const char *first, const char *second) {
    static const char *const known[][2] = {
        {"sentence1", "sentence2"}, {"premise", "hypothesis"}, {"question1", "question2"},
        {"question", "sentence"},   {"text1", "text2"},        {"text_a", "text_b"},
        {"문장1", "문장2"},         {"전제", "가설"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (is_called(first, known[i][0]) && is_called(second, known[i][1])) return true;
    return false;
}

static bool is_taken(const own__scan *s, const char *name) {
    return (s->text && !strcmp(s->text, name)) || (s->pair && !strcmp(s->pair, name)) ||
           (s->label && !strcmp(s->label, name));
}

/* Both columns of a pair, where two are called so, no others are, and none was named. */
static err guess_pair(own__scan *s, const table *t) {
    size_t first = 0, second = 0, found = 0;
    for (size_t i = 0; i < t->column_count; i++)
        for (size_t k = 0; k < t->column_count; k++) {
            if (!is_pair(t->columns[i], t->columns[k])) continue;
            first = i;
            second = k;
            found++;
        }
    if (s->text || s->pair || found != 1 || is_taken(s, t->columns[first]) ||
        is_taken(s, t->columns[second]) || answer_in_units(s->kind) || s->kind == ANSWER_RELATION)
        return ERR_OK;
    log_note("text    columns '%s' and '%s' of %s, a pair by their names (--text-column NAME reads "
             "single texts, with --text-pair-column another pair)",
             t->columns[first], t->columns[second], t->path);
    err e = mem_strdup(&s->text, t->columns[first]);
    return e ? e : mem_strdup(&s->pair, t->columns[second]);
}

/* The column that alone is left, or the count. One without a name is the numbers of the rows, as
 * pandas writes them, and neither text nor label. */
static size_t only_left(const own__scan *s, const table *t) {
    size_t found = t->column_count;
    for (size_t i = 0; i < t->column_count; i++) {
        if (!*t->columns[i] || is_taken(s, t->columns[i])) continue;
        if (found < t->column_count) return t->column_count;
        found = i;
    }
    return found;
}

static err take_guess(char **name, const own__scan *s, const table *t, size_t index, bool label,
                      const char *why) {
    if (*name || index >= t->column_count || is_taken(s, t->columns[index])) return ERR_OK;
    log_note("%s column '%s' of %s, %s (--%s-column names another)", label ? "label  " : "text   ",
             t->columns[index], t->path, why, label ? "label" : "text");
    return mem_strdup(name, t->columns[index]);
}

/* What a file may be instead, where no column is what is looked for. */
static const char *doubt(const table *t) {
    const cJSON *only = t->object ? t->object->child : NULL;
    if (t->kind == TASK_FORMAT_DELIMITED)
        return t->column_count && !strncmp(t->columns[0], "sep=", 4)
                   ? ", by the first line, which is for a spreadsheet alone: remove it"
                   : ", by the first line, which has to hold their names";
    return only && !only->next && cJSON_IsArray(only)
               ? ", and that is a list: rows are expected at the top, as `jq '.[]'` gives them"
               : "";
}

static err must_be_named(const table *t, bool label) {
    char *list = NULL;
    err e = table_columns_text(&list, t);
    if (e) return e;
    e = err_set(ERR_USAGE,
                "%s: which column holds the %s? name it with --%s-column%s; the columns "
                "are %s%s",
                t->path, label ? "label" : "text", label ? "label" : "text",
                label ? "" : " (of pairs the second with --text-pair-column)", list, doubt(t));
    mem_free(list);
    return e;
}

static err take_named(char **name, const table *t, const char *wish, const char *flag) {
    size_t index;
    err e = wish ? table_find(&index, t, wish, flag) : ERR_OK;
    return e || !wish ? e : mem_strdup(name, table_own_name(t, index, wish));
}

static err choose_columns(own__scan *s, const table *t) {
    const own_files *w = s->wish;
    err e = take_named(&s->text, t, w->text, "text-column");
    if (!e) e = take_named(&s->pair, t, w->text_pair, "text-pair-column");
    if (!e) e = take_named(&s->label, t, w->label, "label-column");
    if (!e) e = guess_pair(s, t);
    for (int pass = 0; pass < 2 && !e; pass++) {
        // by its name, then what is left beside the other
        for (int label = 0; label < 2 && !e; label++) {
            char **name = label ? &s->label : &s->text;
            if (pass && !(label ? s->text : s->label)) continue;
            size_t found = only_left(s, t);
            if (!pass) e = own_column_known(&found, t->columns, t->column_count, label);
            if (!e)
                e = take_guess(name, s, t, found, label,
                               pass ? "the only one left" : "by its name");
        }
    }
    if (!e && !s->text) e = must_be_named(t, false);
    if (!e && !s->label) e = must_be_named(t, true);
    if (!e && (!strcmp(s->text, s->label) ||
               (s->pair && (!strcmp(s->pair, s->label) || !strcmp(s->pair, s->text)))))
        e = err_set(ERR_USAGE,
                    "text, second text and label are different columns, found '%s', '%s' "
                    "and '%s'",
                    s->text, s->pair ? s->pair : "", s->label);
    if (!e && s->kind == ANSWER_SET && t->kind == TASK_FORMAT_DELIMITED && !w->label_separator)
        e = err_set(ERR_USAGE,
                    "%s: what stands between the labels of column '%s'? name it with "
                    "--label-separator",
                    t->path, s->label);
    return e;
}

/* The value of these bytes, made where it is new; NULL when there are too many. */
static err find_value(own__value **out, own__scan *s, const char *text, size_t bytes) {
    size_t i = hash_keyed(text, bytes) % SLOTS;
    err e = ERR_OK;
    *out = NULL;
    if (!s->slots && (e = mem_new(&s->slots, SLOTS))) return e;
    for (; s->slots[i]; i = (i + 1) % SLOTS) {
        own__value *v = &s->values[s->slots[i] - 1];
        if (strlen(v->text) != bytes || memcmp(v->text, text, bytes) != 0) continue;
        *out = v;
        return ERR_OK;
    }
    if (s->value_count == OWN_VALUES_MAX) {
        s->more_values++;
        return ERR_OK;
    }
    e = mem_grow((void **)&s->values, &s->value_capacity, s->value_count + 1, sizeof *s->values);
    if (e) return e;
    own__value *v = &s->values[s->value_count];
    *v = (own__value){0};
    if ((e = mem_strndup(&v->text, text, bytes))) return e;
    s->slots[i] = (uint32_t)++s->value_count;
    *out = v;
    return ERR_OK;
}

static void count_fault(own__fault *f, const table *t) {
    if (!f->rows++)
        shown_snprintf(f->first, sizeof f->first, SHOWN_TERMINAL, "%.150s:%zu", t->path, t->line);
}

static err take_label(own__scan *s, const table *t, own_role role, const char *text, size_t bytes) {
    own__value *v;
    if (!bytes) {
        count_fault(&s->unlabelled, t);
        return ERR_OK;
    }
    err e = find_value(&v, s, text, bytes);
    if (e || !v) return e;
    if (role != OWN_TRAIN && !v->train) {
        if (!s->unknown.rows)
            shown_snprintf(s->unknown_value, sizeof s->unknown_value, SHOWN_TERMINAL, "%.70s",
                           v->text);
        count_fault(&s->unknown, t);
    }
    if (role == OWN_TRAIN && !v->train++) v->line = t->line;
    v->all++;
    return ERR_OK;
}

static err take_number(own__scan *s, const table *t, const char *text, size_t bytes) {
    char buffer[48], *end;
    if (!bytes) {
        count_fault(&s->unlabelled, t);
        return ERR_OK;
    }
    snprintf(buffer, sizeof buffer, "%.*s", bytes > 40 ? 40 : (int)bytes, text);
    double value = strtod(buffer, &end);
    if (*end || bytes > 40 || !isfinite(value))
        return err_set(ERR_FORMAT, "%s:%zu: column '%s' holds '%s', which is no number", t->path,
                       t->line, s->label, buffer);
    if (fabs(value) > TASK_SCORE_MOST)
        return err_set(ERR_FORMAT,
                       "%s:%zu: column '%s' holds %s, numbers from -%g to %g are allowed", t->path,
                       t->line, s->label, buffer, TASK_SCORE_MOST, TASK_SCORE_MOST);
    s->low = fmin(s->low, value);
    s->high = fmax(s->high, value);
    return ERR_OK;
}

/* The labels of a row's list. */
static err take_set(own__scan *s, const table *t, own_role role, size_t column) {
    const char *separator = s->wish->label_separator;
    const cJSON *list = NULL;
    text_span all = {0};
    char number[32];
    err e = ERR_OK;
    if (!separator && table_lacks(t, s->label)) {
        count_fault(&s->unlabelled, t);
        return ERR_OK;
    }
    if (!separator) {
        e = table_list(&list, t, s->label);
        for (const cJSON *item = list ? list->child : NULL; item && !e; item = item->next)
            if (!cJSON_IsString(item))
                e = err_set(ERR_FORMAT, "%s:%zu: key '%s' lists something that is no string",
                            t->path, t->line, s->label);
            else if (!*item->valuestring)
                count_fault(&s->half, t);
            else
                e = take_label(s, t, role, item->valuestring, strlen(item->valuestring));
        return e;
    }
    if ((e = table_label(&all, number, t, s->label, column, ANSWER_SET))) return e;
    for (const char *at = all.text; all.bytes && !e;) {
        const char *stop = strstr(at, separator);
        size_t bytes = stop ? (size_t)(stop - at) : strlen(at);
        if (bytes)
            e = take_label(s, t, role, at, bytes);
        else
            count_fault(&s->half, t);
        if (!stop) break;
        at = stop + strlen(separator);
    }
    return e;
}

/* A list of JSON, or a number with a fraction, where one label is expected. */
static err check_one(const own__scan *s, const table *t) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(t->object, s->label);
    bool has_fraction = cJSON_IsNumber(value) && value->valuedouble != floor(value->valuedouble);
    if (has_fraction && s->kind != ANSWER_NUMBER)
        return err_set(ERR_USAGE,
                       "%s:%zu: key '%s' is the number %g, and a label is expected (--kind "
                       "regression learns numbers)",
                       t->path, t->line, s->label, value->valuedouble);
    if (!cJSON_IsArray(value)) return ERR_OK;
    return err_set(ERR_USAGE,
                   "%s:%zu: key '%s' is a list, and one %s a row is expected (--kind multi_label "
                   "takes lists of labels)",
                   t->path, t->line, s->label, s->kind == ANSWER_NUMBER ? "number" : "label");
}

static err take_text(own__scan *s, text_span text) {
    if (!text.bytes) return ERR_OK;
    if (!s->texts++) return mem_strndup(&s->first_text, text.text, text.bytes);
    s->texts_differ = s->texts_differ || strlen(s->first_text) != text.bytes ||
                      memcmp(s->first_text, text.text, text.bytes) != 0;
    return ERR_OK;
}

static err take_row(own__scan *s, const table *t, own_role role, const size_t columns[3]) {
    text_span text = {0}, label = {0};
    char number[32];
    err e = table_text(&text, t, s->text, columns[0]);
    if (!e && role == OWN_TRAIN) e = take_text(s, text);
    if (!e && s->pair) e = table_text(&text, t, s->pair, columns[1]);
    if (e) return e;
    if (s->kind == ANSWER_SET) return take_set(s, t, role, columns[2]);
    if ((e = check_one(s, t))) return e;
    if ((e = table_label(&label, number, t, s->label, columns[2], s->kind))) return e;
    return s->kind == ANSWER_NUMBER ? take_number(s, t, label.text, label.bytes)
                                    : take_label(s, t, role, label.text, label.bytes);
}

/* A manifest describes all its files at once. */
static err check_same(own__scan *s, const table *t) {
    table *a = &s->shape;
    if (a->kind != t->kind || (a->kind == TASK_FORMAT_DELIMITED && a->delimiter != t->delimiter))
        return err_set(ERR_DATA, "%s is %s and %s is %s: all files have to be of one form", a->path,
                       table_kind_name(a), t->path, table_kind_name(t));
    a->quoted |= t->quoted;
    for (size_t i = 0; a->kind == TASK_FORMAT_DELIMITED; i++) {
        const char *have = i < t->column_count ? t->columns[i] : "(none)";
        const char *want = i < a->column_count ? a->columns[i] : "(none)";
        if (i >= t->column_count && i >= a->column_count) break;
        bool is_read = is_taken(s, want) || is_taken(s, have);
        bool is_there = i < t->column_count && i < a->column_count;
        if (is_there && !is_read) continue; // whatever that column is called
        if (strcmp(have, want) != 0)
            return err_set(ERR_DATA,
                           "column %zu of %s is '%s', of %s it is '%s': all files have to "
                           "have as many columns, and those that are read in the same places",
                           i + 1, t->path, have, a->path, want);
    }
    return ERR_OK;
}

/* Keeps what a manifest says of the form, without the reader. */
static void keep_shape(own__scan *s, table *t) {
    s->shape = (table){.path = t->path,
                       .kind = t->kind,
                       .delimiter = t->delimiter,
                       .quoted = t->quoted,
                       .columns = t->columns,
                       .column_count = t->column_count};
    t->columns = NULL;
    t->column_count = 0;
}

static err scan_file(own__scan *s, own_role role) {
    table t;
    own__file *f = &s->files[role];
    char blanks[TABLE_BLANKS_BYTES];
    size_t columns[3] = {0};
    bool more = true;
    err e = table_open(&t, s->wish->paths[role]);
    if (!e) e = role == OWN_TRAIN ? choose_columns(s, &t) : check_same(s, &t);
    if (!e) e = table_find(&columns[0], &t, s->text, "text-column");
    if (!e && s->pair) e = table_find(&columns[1], &t, s->pair, "text-pair-column");
    if (!e) e = table_find(&columns[2], &t, s->label, "label-column");
    while (!e && more) {
        if ((e = table_next(&t, &more)) || !more) break;
        e = take_row(s, &t, role, columns);
    }
    f->rows = t.rows;
    if (!e) e = table_finish(&t, f->sha256, &f->bytes);
    if (!e && !f->rows) e = err_set(ERR_DATA, "%s: no rows there", t.path);
    if (!e)
        log_note("file    %s: %s%s, %s row%s%s", t.path, table_kind_name(&t),
                 t.kind != TASK_FORMAT_DELIMITED ? ""
                 : t.quoted                      ? ""
                                                 : " whose quotes are text",
                 SHOWN_COUNT(f->rows), shown_plural(f->rows), table_blanks_text(blanks, &t));
    if (role == OWN_TRAIN) keep_shape(s, &t);
    table_close(&t);
    return e;
}

err own__scan_all(own__scan *s, const own_files *w) {
    int k = w->kind ? name_place(OWN_KIND_WORDS, w->kind) : ANSWER_CLASS;
    *s = (own__scan){.wish = w, .low = INFINITY, .high = -INFINITY};
    if (k < 0) return err_set(ERR_USAGE, "unknown kind '%s' (known: %s)", w->kind, OWN_KIND_WORDS);
    s->kind = (answer_kind)k;
    if (w->label_separator && s->kind != ANSWER_SET)
        return err_set(ERR_USAGE, "--label-separator goes with --kind multi_label");
    for (int role = 0; role < OWN_ROLES; role++)
        if (w->paths[role] && file_is_input(w->paths[role]))
            return err_set(ERR_USAGE, "a file to train or test on is read more than once, which "
                                      "standard input (-) cannot be: name a file");
    err e = ERR_OK;
    for (int role = 0; role < OWN_ROLES && !e; role++)
        if (w->paths[role] && !(role == OWN_TEST && w->leaves_test))
            e = scan_file(s, (own_role)role);
    return e;
}

void own__scan_free(own__scan *s) {
    for (size_t i = 0; i < s->shape.column_count; i++) mem_free(s->shape.columns[i]);
    mem_free(s->shape.columns);
    for (size_t i = 0; i < s->value_count; i++) mem_free(s->values[i].text);
    mem_free(s->values);
    mem_free(s->slots);
    mem_free(s->text);
    mem_free(s->pair);
    mem_free(s->label);
    mem_free(s->first_text);
    *s = (own__scan){0};
}
