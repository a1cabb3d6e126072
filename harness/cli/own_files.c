#include "cli/own_files.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/name.h"
#include "base/shown.h"
#include "base/utf8.h"
#include "cli/own_scan.h"
#include "metric/confusion_cells.h"
#include "metric/score_text.h"
#include "platform/file.h"
#include "text/text_span.h"
#include "text/unicode.h"
#include "train/run/kept_task.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 90, MAX_LENGTH = 128, TEST_ONE_IN = 5, LABELS_SHOWN = 8, LABEL_BYTES = 80 };

static err check_faults(const own__scan *s) {
    bool skips = s->wish->skips_bad_rows;
    const char *advice = "; --skip-bad-rows leaves such rows out";
    if (s->unlabelled.rows && !skips)
        return err_set(ERR_DATA, "%s: column '%s' is empty (%s such row%s)%s", s->unlabelled.first,
                       s->label, SHOWN_COUNT(s->unlabelled.rows), shown_plural(s->unlabelled.rows),
                       advice);
    if (s->half.rows && !skips && !s->wish->label_separator)
        return err_set(ERR_DATA,
                       "%s: an empty label in the list at key '%s' (%zu in all): a row without "
                       "labels has an empty list there%s",
                       s->half.first, s->label, s->half.rows, advice);
    if (s->half.rows && !skips)
        return err_set(
            ERR_DATA,
            "%s: an empty label in column '%s' (%zu in all): labels have one '%s' between "
            "them, and a row without labels has nothing there%s",
            s->half.first, s->label, s->half.rows, s->wish->label_separator, advice);
    if (s->unknown.rows && !skips)
        return err_set(ERR_DATA,
                       "%s: no training row has the label '%s', so a model of them never answers "
                       "it (%s row%s with such labels)%s",
                       s->unknown.first, s->unknown_value, SHOWN_COUNT(s->unknown.rows),
                       shown_plural(s->unknown.rows), advice);
    if (s->unlabelled.rows)
        log_warn("%s row%s without label %s left out, the first is %s",
                 SHOWN_COUNT(s->unlabelled.rows), shown_plural(s->unlabelled.rows),
                 s->unlabelled.rows == 1 ? "is" : "are", s->unlabelled.first);
    if (s->half.rows)
        log_warn("%s empty label%s in lists, whose rows are left out, the first is %s",
                 SHOWN_COUNT(s->half.rows), shown_plural(s->half.rows), s->half.first);
    if (s->unknown.rows)
        log_warn("%s row%s left out whose label no training row has, the first is %s ('%s')",
                 SHOWN_COUNT(s->unknown.rows), s->unknown.rows == 1 ? " is" : "s are",
                 s->unknown.first, s->unknown_value);
    return ERR_OK;
}

static err check_texts(const own__scan *s) {
    const char *path = s->shape.path;
    if (!s->texts)
        return err_set(ERR_DATA, "%s: column '%s' is empty in all %zu rows", path, s->text,
                       s->files[OWN_TRAIN].rows);
    if (!s->texts_differ && !s->pair)
        return err_set(ERR_DATA,
                       "%s: all texts of column '%s' are alike: nothing can be learnt "
                       "from them",
                       path, s->text);
    return ERR_OK;
}

/* By the hash rule the first text of a label is for the test set. */
static void warn_rare(const own__scan *s, size_t count) {
    for (size_t i = 0; i < count && s->kind == ANSWER_CLASS && !s->wish->paths[OWN_TEST]; i++)
        if (s->values[i].train == 1)
            log_warn("label '%s' has one row, which goes to the test set: it is not learnt "
                     "(--test-file names another test set)",
                     s->values[i].text);
}

/* The text without white space of Unicode around it, also U+00A0 and U+3000. */
static text_span without_blanks(const char *text) {
    size_t begin = 0, end = 0, bytes = strlen(text);
    bool begun = false;
    for (size_t i = 0, n; i < bytes; i += n) {
        uint32_t point;
        n = utf8_decode_leniently(&point, text + i, bytes - i);
        if (unicode_is_whitespace(point)) continue;
        if (!begun) begin = i;
        begun = true;
        end = i + n;
    }
    return (text_span){text + begin, end - begin};
}

/* Of a label with blanks around it: whether another is the same without. */
static bool has_twin(const own__scan *s, size_t count, const char *label) {
    text_span bare = without_blanks(label);
    if (!bare.bytes || bare.bytes == strlen(label)) return false;
    for (size_t i = 0; i < count; i++)
        if (!strncmp(s->values[i].text, bare.text, bare.bytes) && !s->values[i].text[bare.bytes])
            return true;
    return false;
}

static void warn_blanks(const own__scan *s, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (has_twin(s, count, s->values[i].text)) {
            log_warn("label '%s' is another than the one without blanks around it, and each is "
                     "learnt as one of its own",
                     s->values[i].text);
            return;
        }
}

/* Labels that are numbers, not all of them whole, are scores. */
static void warn_scores(const own__scan *s, size_t count) {
    bool parts = false;
    for (size_t i = 0; i < count; i++) {
        char *end;
        double value = strtod(s->values[i].text, &end);
        if (*end || !isfinite(value)) return;
        parts = parts || value != floor(value);
    }
    if (parts && s->kind == ANSWER_CLASS)
        log_warn("the labels of column '%s' are numbers, and each is learnt as a class of its own "
                 "(--kind regression learns scores)",
                 s->label);
}

/* Whether a label is one of those that another lists. */
static bool lists_label(const char *list, char separator, const char *label, size_t bytes) {
    for (const char *at = list; at; at = strchr(at, separator)) {
        at += at != list;
        size_t n = strcspn(at, (const char[]){separator, '\0'});
        if (n == bytes && !memcmp(at, label, n)) return true;
    }
    return false;
}

/* Whether the label at `index` is a list of which each member stands in another label too. */
static bool is_list(const own__scan *s, size_t count, size_t index, char separator) {
    const char *text = s->values[index].text, one[2] = {separator, '\0'};
    if (!strchr(text, separator)) return false;
    for (const char *at = text; *at;) {
        size_t n = strcspn(at, one);
        bool found = false;
        for (size_t k = 0; k < count && !found; k++)
            found = k != index && lists_label(s->values[k].text, separator, at, n);
        if (!n || !found) return false;
        at += n + (at[n] == separator);
    }
    return true;
}

/* Labels that look like lists of labels. */
static void warn_lists(const own__scan *s, size_t count) {
    static const char separators[] = "|,;/";
    for (const char *c = separators; *c && s->kind == ANSWER_CLASS; c++)
        for (size_t i = 0; i < count; i++) {
            if (!is_list(s, count, i, *c)) continue;
            log_warn(
                "label '%s' looks like a list of labels, and is learnt as one label of its own "
                "(--kind multi_label --label-separator '%c' learns several labels a row)",
                s->values[i].text, *c);
            return;
        }
}

/* Nobody could tell two such labels apart. */
static err check_alike(const own__scan *s, size_t count) {
    char **seen = NULL;
    err e = mem_new(&seen, count);
    for (size_t i = 0; i < count && !e; i++) {
        e = unicode_visible(&seen[i], s->values[i].text);
        for (size_t k = 0; k < i && !e; k++)
            if (!strcmp(seen[i], seen[k]))
                e = err_set(ERR_DATA,
                            "%s:%zu: the label '%s' of column '%s' differs from that of line %zu "
                            "only in letters that do not show, or in how these are composed",
                            s->shape.path, s->values[i].line, s->values[i].text, s->label,
                            s->values[k].line);
    }
    for (size_t i = 0; seen && i < count; i++) mem_free(seen[i]);
    mem_free(seen);
    return e;
}

/* Of classification and sets: how many labels there are. Many of which most occur once are texts or
 * numbers of rows. */
static err check_labels(const own__scan *s, size_t count) {
    enum { FEW = 256 };
    const char *path = s->shape.path;
    size_t rows = s->files[OWN_TRAIN].rows;
    bool more = s->more_values > 0;
    if (count > LABELS_MOST || (count > FEW && 2 * count > rows))
        return err_set(ERR_DATA,
                       "%s: column '%s' holds %s%zu different values in %zu rows, at most %zu "
                       "labels are supported there: is it the label? (--label-column; numbers are "
                       "--kind regression)",
                       path, s->label, more ? "more than " : "", count, rows,
                       rows / 2 < FEW           ? (size_t)FEW
                       : rows / 2 < LABELS_MOST ? rows / 2
                                                : (size_t)LABELS_MOST);
    if (count > FEW)
        log_warn("column '%s' holds %s different values in %s rows, and each is learnt as a label "
                 "of its own: is it the label? (--label-column)",
                 s->label, SHOWN_COUNT(count), SHOWN_COUNT(rows));
    if (count < 2)
        return err_set(ERR_DATA,
                       "%s: all %zu rows have the label '%s': there is nothing to tell "
                       "apart",
                       path, s->files[OWN_TRAIN].rows, count ? s->values[0].text : "");
    if (s->kind == ANSWER_CLASS && !s->wish->paths[OWN_TEST] && count == rows)
        return err_set(
            ERR_DATA,
            "%s: each of its %zu labels has one row, which goes to the test set: nothing "
            "is left to learn from (--test-file)",
            path, count);
    return check_alike(s, count);
}

static err check_all(own__scan *s, size_t count) {
    const char *const *paths = s->wish->paths;
    for (int a = 0; a < OWN_ROLES; a++)
        for (int b = 0; b < a; b++)
            if (paths[a] && paths[b] && *s->files[a].sha256 &&
                !strcmp(s->files[a].sha256, s->files[b].sha256))
                return err_set(ERR_DATA, "%s and %s are the same file", paths[b], paths[a]);
    err e = check_texts(s);
    if (!e) e = check_faults(s);
    if (e) return e;
    if (s->kind != ANSWER_NUMBER) return check_labels(s, count);
    if (s->low < s->high) return ERR_OK;
    return err_set(ERR_DATA, "%s: column '%s' holds the same number in all rows", s->shape.path,
                   s->label);
}

static bool whole(int64_t *value, const char *text) {
    char *end;
    *value = strtoll(text, &end, 10);
    return *text && !*end && strlen(text) < 18 && (*text == '-' || (*text >= '0' && *text <= '9'));
}

static int by_size(const void *a, const void *b) {
    int64_t m, n;
    return whole(&m, ((const own__value *)a)->text) && whole(&n, ((const own__value *)b)->text)
               ? (m > n) - (m < n)
               : 0;
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(((const own__value *)a)->text, ((const own__value *)b)->text);
}

/* Orders the values that training has: by size where all are whole numbers, else by their bytes.
 * Returns how many these are. */
static size_t order_labels(own__scan *s) {
    size_t count = 0, numbers = 0;
    int64_t number;
    for (size_t i = 0; i < s->value_count; i++) {
        if (!s->values[i].train) continue;
        own__value kept = s->values[i];
        s->values[i] = s->values[count];
        numbers += whole(&number, kept.text);
        s->values[count++] = kept;
    }
    if (count) qsort(s->values, count, sizeof *s->values, numbers == count ? by_size : by_bytes);
    return count;
}

static void show_labels(const own__scan *s, size_t count) {
    strbuf line = {0};
    err e = ERR_OK;
    if (s->kind == ANSWER_NUMBER) {
        log_note("label   '%s': numbers from %g to %g", s->label, s->low, s->high);
        return;
    }
    for (size_t i = 0; i < count && i < LABELS_SHOWN && !e; i++) {
        const char *text = s->values[i].text;
        const size_t bytes = utf8_whole(text, strnlen(text, LABEL_BYTES));
        e = strbuf_printf(&line, "%s%.*s%s (%s)", i ? ", " : "", (int)bytes, text,
                          text[bytes] ? "..." : "", SHOWN_COUNT(s->values[i].train));
    }
    if (!e)
        log_note("label   '%s': %zu label%s: %s%s", s->label, count, shown_plural(count), line.text,
                 count > LABELS_SHOWN ? ", ..." : "");
    strbuf_free(&line);
}

/* "own-reviews" of "data/Reviews.csv", "own-내-댓글" of "내 댓글.csv"; where nothing of a name is left, or
 * no task may have it, eight digits of its hash. */
static err make_name(char **name, const char *path) {
    char *file = NULL, hex[HASH_HEX_BYTES];
    strbuf plain = {0};
    err e = unicode_compose(&file, path_name(path));
    if (e) return e;
    char *stop = strrchr(file, '.');
    if (stop && stop > file) *stop = '\0';
    hash_bytes_hex(file, strlen(file), hex);
    // a task's name has no dots
    for (char *at = file; *at; at++)
        if (*at == '.') *at = ' ';
    e = name_plain(&plain, file, NAME_BYTES);
    bool is_nothing =
        !e && ((!strcmp(plain.text, "x") && strlen(file) > 1) || !name_is_word(plain.text));
    if (!e)
        e = mem_printf(name, KEPT_TASK_PREFIX "%.*s", is_nothing ? 8 : NAME_BYTES,
                       is_nothing ? hex : plain.text);
    strbuf_free(&plain);
    mem_free(file);
    return e;
}

/* The file as the manifest finds it again; *out is owned. */
static err place_of(char **out, const own_files *w, const char *path) {
    err e = ERR_OK;
    if (!w->folder) return mem_strdup(out, path);
    char *real = path_real(path), *folder = path_real(w->folder); // the C library's
    size_t n = folder ? strlen(folder) : 0;
    if (!real)
        e = mem_strdup(out, path);
    else if (n && !strncmp(real, folder, n) && real[n] == '/')
        e = mem_strdup(out, real + n + 1);
    else
        e = mem_strdup(out, real);
    free(real);
    free(folder);
    return e;
}

/* A plain file name that no other file of the manifest has. */
static err file_title(char **out, const own_files *w, int role) {
    static const char *const roles[OWN_ROLES] = {"train", "test", "validation"};
    const char *name = path_name(w->paths[role]);
    bool twice = false;
    for (int i = 0; i < OWN_ROLES; i++)
        twice = twice || (i != role && w->paths[i] && !strcmp(path_name(w->paths[i]), name));
    err e =
        mem_printf(out, "%s%s%s", twice ? roles[role] : "", twice || *name == '.' ? "_" : "", name);
    for (char *at = *out; !e && *at; at++)
        if (*at == '\\') *at = '_';
    return e;
}

static err add_files(cJSON *root, const own__scan *s) {
    static const char *const roles[OWN_ROLES] = {"train", "test", "dev"};
    const own_files *w = s->wish;
    cJSON *list, *file;
    err e = json_add_array(&list, root, "files");
    for (int i = 0; i < OWN_ROLES && !e; i++) {
        char *title = NULL, *place = NULL;
        if (!w->paths[i]) continue;
        if (!(e = file_title(&title, w, i)) && !(e = place_of(&place, w, w->paths[i])) &&
            !(e = json_append_object(&file, list)))
            e = json_put(file, "role %s name %s path %s", w->paths[OWN_TEST] ? roles[i] : "all",
                         title, place);
        if (!e && *s->files[i].sha256)
            e = json_put(file, "bytes %f sha256 %s rows %zu", (double)s->files[i].bytes,
                         s->files[i].sha256, s->files[i].rows);
        mem_free(title);
        mem_free(place);
    }
    return e;
}

static err add_format(cJSON *root, const own__scan *s) {
    static const char *const kinds[] = {"delimited", "jsonl", "json"};
    const table *t = &s->shape;
    const char delimiter[2] = {t->delimiter, '\0'};
    cJSON *o, *columns;
    err e = json_add_object(&o, root, "format");
    if (!e) e = json_add_string(o, "kind", kinds[t->kind]);
    if (!e && t->kind == TASK_FORMAT_DELIMITED) {
        e = json_put(o, "delimiter %s quoting %s header %d", delimiter,
                     t->quoted ? "standard" : "none", 1);
        if (!e) e = json_add_array(&columns, o, "columns");
        for (size_t i = 0; i < t->column_count && !e; i++)
            e = json_append(columns, cJSON_CreateString(t->columns[i]));
    }
    if (!e) e = json_add_string(o, "text", s->text);
    if (!e && s->pair) e = json_add_string(o, "text_pair", s->pair);
    if (!e) e = json_add_string(o, "label", s->label);
    if (!e && s->wish->label_separator)
        e = json_add_string(o, "label_separator", s->wish->label_separator);
    return e;
}

static err add_labels(cJSON *root, const own__scan *s, size_t count) {
    cJSON *list, *label;
    const double range[] = {s->low, s->high};
    bool is_number = s->kind == ANSWER_NUMBER;
    err e = json_add_array(&list, root, is_number ? "range" : "labels");
    for (size_t i = 0; is_number && i < 2 && !e; i++) e = json_append_exact(list, range[i]);
    if (is_number) return e;
    for (size_t i = 0; i < count && !e; i++) {
        const char *value = s->values[i].text;
        if (!(e = json_append_object(&label, list)))
            e = json_put(label, "value %s name %s readable %s", value, value, value);
    }
    return e;
}

static err add_scores(cJSON *root, const own__scan *s, const char *name, size_t count) {
    static const char *const headlines[] = {"macro_f1", "spearman", "micro_f1"};
    cJSON *list;
    err e = json_add_array(&list, root, "metrics");
    for (size_t i = 0; i < metric_count() && !e; i++)
        if (metric_applies(metric_at(i), s->kind, count) && metric_tells(metric_at(i), name))
            e = json_append(list, cJSON_CreateString(metric_at(i)->name));
    if (!e)
        e = json_put(root, "headline %s max_length %u", headlines[s->kind], (unsigned)MAX_LENGTH);
    return e;
}

static err add_rules(cJSON *root, const own__scan *s) {
    bool official = s->wish->paths[OWN_TEST];
    cJSON *o;
    err e = json_put(root, "invalid_label %s", s->wish->skips_bad_rows ? "drop" : "error");
    if (!e) e = json_add_object(&o, root, "split");
    if (!e) e = json_add_string(o, "rule", official ? "files" : "hash");
    if (!e && !official) e = json_add_number(o, "one_in", TEST_ONE_IN);
    if (!e) e = json_add_object(&o, root, "cleaning");
    return e ? e : json_put(o, "drop_empty %d drop_duplicates %d", 1, 1);
}

static err build(cJSON *root, const own__scan *s, const char *name, size_t count) {
    char title[200];
    shown_snprintf(title, sizeof title, SHOWN_TERMINAL, "Own files: %.150s",
                   path_name(s->wish->paths[OWN_TRAIN]));
    err e =
        json_put(root,
                 "schema %u name %s version %u title %s source %s licence %s citation %s "
                 "kind %s",
                 1u, name, 1u, title, "own files", "not stated", "none", answer_kind_name(s->kind));
    if (!e) e = add_files(root, s);
    if (!e) e = add_format(root, s);
    if (!e) e = add_labels(root, s, count);
    if (!e) e = add_rules(root, s);
    return e ? e : add_scores(root, s, name, count);
}

err own_files_manifest(char **name, char **manifest, const own_files *w) {
    own__scan s = {0};
    cJSON *root = cJSON_CreateObject();
    err e = ERR_OK;
    *name = *manifest = NULL;
    if (w->paths[OWN_VALIDATION] && !w->paths[OWN_TEST])
        e = err_set(ERR_USAGE, "--validation-file needs --test-file: without one the test set is a "
                               "fifth of the training file, and validation rows are a tenth of it");
    if (e || (e = own__scan_all(&s, w))) goto done;
    size_t count = s.kind == ANSWER_NUMBER ? 0 : order_labels(&s);
    if ((e = check_all(&s, count))) goto done;
    show_labels(&s, count);
    warn_scores(&s, count);
    warn_lists(&s, count);
    warn_rare(&s, count);
    warn_blanks(&s, count);
    e = w->name ? mem_strdup(name, w->name) : make_name(name, w->paths[OWN_TRAIN]);
    if (!e) e = build(root, &s, *name, count);
    if (!e) e = json_print(manifest, root, true);
done:
    cJSON_Delete(root);
    own__scan_free(&s);
    return e;
}
