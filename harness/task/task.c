#include "task/task_internal.h"

#include "base/memory.h"
#include "base/name.h"
#include "metric/confusion_cells.h"
#include "metric/score.h"
#include "metric/tree.h"
#include "net/fetch.h"
#include "platform/file.h"
#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

enum { MANIFEST_LIMIT_BYTES = 8 << 20, FILES_MAX = 256 };

const char *task_role_name(task_role role) {
    static const char *const names[] = {"train", "test", "all", "dev"};
    return names[role];
}

const char *task_split_name(const task_split *s) {
    return s->rule == TASK_SPLIT_HASH ? "hash" : "official";
}

err task__join_names(strbuf *list, const char *const *names, size_t count) {
    err e = ERR_OK;
    for (size_t i = 0; i < count && !e; i++) {
        e = strbuf_printf(list, "%s%s", i ? ", " : "", names[i]);
    }
    return e;
}

err task__check_keys(const cJSON *object, const char *where, const char *const *allowed,
                     size_t count) {
    uint32_t seen = 0;
    for (const cJSON *item = object->child; item; item = item->next) {
        size_t i = 0;
        while (i < count && strcmp(item->string, allowed[i]) != 0) i++;
        if (i < count && seen >> i & 1) {
            return err_set(ERR_FORMAT, "%s: key '%s' stands there twice", where, item->string);
        }
        if (i < count) {
            seen |= UINT32_C(1) << i;
            continue;
        }
        strbuf list = {0};
        err e = task__join_names(&list, allowed, count);
        if (!e) {
            e = err_set(ERR_FORMAT, "%s: unknown key '%s' (allowed: %s)", where, item->string,
                        list.text);
        }
        strbuf_free(&list);
        return e;
    }
    return ERR_OK;
}

static int by_name(const void *a, const void *b) {
    const task__named *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* Sorts the names (count) and looks for one that is there twice: *first and *second are the lowest
 * such places, count when there is none. */
void task__find_double(size_t *first, size_t *second, task__named *names, size_t count) {
    *first = *second = count;
    if (count) qsort(names, count, sizeof *names, by_name);
    for (size_t i = 1; i < count; i++) {
        if (names[i].index >= *second || strcmp(names[i - 1].name, names[i].name) != 0) continue;
        *first = names[i - 1].index;
        *second = names[i].index;
    }
}

/* An array of least to most elements. */
err task__bounded_array(const cJSON **list, size_t *count, const cJSON *object, const char *key,
                        size_t least, size_t most, const char *where) {
    err e = json_array(list, object, key, where);
    if (e) return e;
    *count = (size_t)cJSON_GetArraySize(*list);
    if (*count >= least && *count <= most) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: key '%s' has %zu elements, %zu to %zu are allowed", where, key,
                   *count, least, most);
}

err task__choice(size_t *index, const cJSON *object, const char *key, const char *where,
                 const char *const *names, size_t count) {
    const char *value;
    err e = json_string(&value, object, key, where);
    if (e) return e;
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(value, names[i])) {
            *index = i;
            return ERR_OK;
        }
    }
    strbuf list = {0};
    if (!(e = task__join_names(&list, names, count))) {
        e = err_set(ERR_FORMAT, "%s: key '%s' is '%s', allowed: %s", where, key, value, list.text);
    }
    strbuf_free(&list);
    return e;
}

err task__filled_string(const char **out, const cJSON *object, const char *key, const char *where) {
    err e = json_string(out, object, key, where);
    if (!e && !**out) e = err_set(ERR_FORMAT, "%s: key '%s' is empty", where, key);
    return e;
}

/* "한글" has one spelling of many bytes: another, as macOS names files, would be another task. */
static err check_composed(const char *name, const char *key, const char *path) {
    char *composed = NULL;
    err e = unicode_compose(&composed, name);
    if (!e && strcmp(composed, name) != 0)
        e = err_set(ERR_FORMAT,
                    "%s: key '%s' is '%s' spelt in single letters (NFD), its syllables are "
                    "expected (NFC), in the file's name too",
                    path, key, name);
    mem_free(composed);
    return e;
}

err task__plain_name(const char **name, const cJSON *root, const char *key, const char *path) {
    err e = json_string(name, root, key, path);
    if (!e && name_is_word(*name)) return check_composed(*name, key, path);
    if (e) return e;
    return err_set(
        ERR_FORMAT,
        "%s: key '%s' is '%s', allowed: a-z, letters of other scripts, 0-9, '_' and '-', "
        "and in one word no letters of alphabets that look alike",
        path, key, *name);
}

static bool is_file_name(const char *s) {
    return *s && *s != '.' && !strchr(s, '/') && !strchr(s, '\\');
}

/* "PATH: part[index]", what messages about one element of a list start with. */
static err element_where(char **where, const char *path, const char *part, size_t index) {
    return mem_printf(where, "%s: %s[%zu]", path, part, index);
}

static err check_url(const char *url, const char *where) {
    if (!strncmp(url, "https://", 8) || url_is_local(url)) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: key 'url' is '%s', an https:// address is expected", where,
                   url);
}

/* A hash of so many digits, where the object has one. */
static err load_hash(const char **hash, const cJSON *object, const char *key, size_t digits,
                     const char *where) {
    if (!json_has(object, key)) return ERR_OK;
    err e = json_string(hash, object, key, where);
    if (e || (strlen(*hash) == digits && strspn(*hash, "0123456789abcdef") == digits)) return e;
    return err_set(ERR_FORMAT,
                   "%s: key '%s' is '%s', %zu lower-case hexadecimal digits are expected", where,
                   key, *hash, digits);
}

static err load_file(task_file *f, const cJSON *object, const char *where, bool has_roles) {
    err e;
    size_t role = TASK_ROLE_ALL;
    int64_t number = 0;
    if (!cJSON_IsObject(object)) return err_set(ERR_FORMAT, "%s is not an object", where);
    e = has_roles ? CHECK_KEYS(object, where, "role", "name", "path", "url", "bytes", "sha256",
                               "git_blob", "rows", "label")
                  : CHECK_KEYS(object, where, "name", "url", "bytes", "sha256", "git_blob", "rows");
    if (!e && has_roles) e = CHOICE(&role, object, "role", where, "train", "test", "all", "dev");
    if (e) return e;
    f->role = (task_role)role;
    if ((e = task__filled_string(&f->name, object, "name", where))) return e;
    if (!is_file_name(f->name)) {
        return err_set(ERR_FORMAT, "%s: key 'name' is '%s', a plain file name is expected", where,
                       f->name);
    }
    if (json_has(object, "path") && (e = task__filled_string(&f->path, object, "path", where)))
        return e;
    if (f->path && json_has(object, "url"))
        return err_set(ERR_FORMAT, "%s: a file with a 'path' is not fetched: no 'url'", where);
    if (json_has(object, "url")) {
        if ((e = json_string(&f->url, object, "url", where))) return e;
        if ((e = check_url(f->url, where))) return e;
    }
    if (json_has(object, "label") && (e = task__filled_string(&f->label, object, "label", where)))
        return e;
    if (json_has(object, "bytes")) {
        if ((e = json_whole(&number, object, "bytes", 1, UINT32_MAX, where))) return e;
        f->bytes = (uint64_t)number;
    }
    if (json_has(object, "rows")) {
        if ((e = json_whole(&number, object, "rows", 1, UINT32_MAX, where))) return e;
        f->rows = (uint64_t)number;
    }
    if ((e = load_hash(&f->sha256, object, "sha256", 64, where))) return e;
    return load_hash(&f->git_blob, object, "git_blob", 40, where);
}

/* A file that is listed twice would give each of its rows twice, or be learnt by heart and asked.
 */
static err check_new_file(const task *t, const char *where) {
    const task_file *f = &t->files[t->file_count];
    for (size_t i = 0; i < t->file_count; i++) {
        const task_file *o = &t->files[i];
        if (!strcmp(o->name, f->name))
            return err_set(ERR_FORMAT, "%s: '%s' is files[%zu] already", where, f->name, i);
        if (o->git_blob && f->git_blob && !strcmp(o->git_blob, f->git_blob))
            return err_set(ERR_FORMAT, "%s: '%s' has the git_blob of files[%zu], '%s'", where,
                           f->name, i, o->name);
        if (o->path && f->path && !strcmp(o->path, f->path))
            return err_set(ERR_FORMAT, "%s: '%s' has the path of files[%zu], '%s'", where, f->name,
                           i, o->name);
        if (o->sha256 && f->sha256 && !strcmp(o->sha256, f->sha256))
            return err_set(ERR_FORMAT, "%s: '%s' has the sha256 of files[%zu], '%s'", where,
                           f->name, i, o->name);
    }
    return ERR_OK;
}

err task__load_files(task *t, const cJSON *root, bool has_roles) {
    const cJSON *list;
    size_t count;
    err e =
        task__bounded_array(&list, &count, root, "files", has_roles ? 0 : 1, FILES_MAX, t->path);
    if (e || (e = mem_new(&t->files, count))) return e;
    for (const cJSON *item = list->child; item; item = item->next) {
        char *where = NULL;
        if ((e = element_where(&where, t->path, "files", t->file_count))) return e;
        e = load_file(&t->files[t->file_count], item, where, has_roles);
        if (!e) e = check_new_file(t, where);
        mem_free(where);
        if (e) return e;
        t->file_count++;
    }
    return ERR_OK;
}

static err load_files(task *t, const cJSON *root) {
    size_t of_role[TASK_ROLES] = {0};
    err e = task__load_files(t, root, true);
    if (e) return e;
    for (size_t i = 0; i < t->file_count; i++) of_role[t->files[i].role]++;
    if (t->split.rule == TASK_SPLIT_HASH) {
        if (t->file_count && of_role[TASK_ROLE_ALL] == t->file_count) return ERR_OK;
        return err_set(
            ERR_FORMAT,
            "%s: key 'files': with split rule 'hash' there is one, and every file has role 'all' "
            "(found %zu train, %zu test, %zu all)",
            t->path, of_role[0], of_role[1], of_role[2]);
    }
    if (of_role[TASK_ROLE_TRAIN] && of_role[TASK_ROLE_TEST] && !of_role[TASK_ROLE_ALL])
        return ERR_OK;
    return err_set(
        ERR_FORMAT,
        "%s: key 'files': with split rule 'files' there is a file of role 'train' and one "
        "of role 'test', and none of role 'all' (found %zu train, %zu test, %zu all)",
        t->path, of_role[0], of_role[1], of_role[2]);
}

static err load_label(task_label *label, const cJSON *object, const char *where) {
    err e;
    if (!cJSON_IsObject(object)) return err_set(ERR_FORMAT, "%s is not an object", where);
    if ((e = CHECK_KEYS(object, where, "value", "name", "readable"))) return e;
    if ((e = task__filled_string(&label->value, object, "value", where))) return e;
    if ((e = task__filled_string(&label->name, object, "name", where))) return e;
    return task__filled_string(&label->readable, object, "readable", where);
}

/* Fails when two labels' names, or their values, look alike: nobody could tell them apart. */
static err check_alike(const task *t, bool by_value) {
    task__named *names = NULL;
    size_t first, second, count = t->label_count;
    err e = mem_new(&names, count);
    for (size_t i = 0; i < count && !e; i++) {
        char *seen = NULL;
        e = unicode_visible(&seen, by_value ? t->labels[i].value : t->labels[i].name);
        names[i] = (task__named){seen, i};
    }
    if (!e) task__find_double(&first, &second, names, count);
    if (!e && first < count)
        e = err_set(ERR_FORMAT,
                    "%s: labels[%zu] and labels[%zu] look alike, '%s': their %ss differ only in "
                    "letters that do not show, or in how these are composed",
                    t->path, first, second, t->labels[first].name, by_value ? "value" : "name");
    for (size_t i = 0; names && i < count; i++) mem_free((char *)names[i].name);
    mem_free(names);
    return e;
}

/* Fails when two labels share a value or a name, and keeps the order of the values. */
static err order_labels(task *t) {
    task__named *names = NULL;
    size_t first, second, count = t->label_count;
    err e = mem_new(&names, count);
    if (e || (e = mem_new(&t->labels_by_value, count))) goto done;
    for (int by_value = 0; by_value < 2; by_value++) {
        for (size_t i = 0; i < count; i++)
            names[i] = (task__named){by_value ? t->labels[i].value : t->labels[i].name, i};
        task__find_double(&first, &second, names, count);
        if (first == count) continue;
        e = err_set(ERR_FORMAT, "%s: labels[%zu] and labels[%zu] share a value or a name", t->path,
                    first, second);
        goto done;
    }
    for (size_t i = 0; i < count; i++) t->labels_by_value[i] = &t->labels[names[i].index];
    if (!(e = check_alike(t, false))) e = check_alike(t, true);
done:
    mem_free(names);
    return e;
}

/* B-X and I-X of each type, then O. */
static err check_tags(const task *t) {
    size_t last = t->label_count - 1;
    for (size_t i = 0; i < t->label_count; i++) {
        const char *value = t->labels[i].value, *name = t->labels[i].name;
        const char *before = t->labels[i - i % 2].value;
        bool fits = i == last ? i % 2 == 0 && !strcmp(value, "O")
                              : !strncmp(value, i % 2 ? "I-" : "B-", 2) && value[2] &&
                                    !strcmp(value + 2, before + 2);
        if (fits && !strcmp(value, name)) continue;
        return err_set(ERR_FORMAT,
                       "%s: labels[%zu] has value '%s' and name '%s': expected, in both, B-X and "
                       "I-X of each type X and O as the last",
                       t->path, i, value, name);
    }
    return ERR_OK;
}

static err load_labels(task *t, const cJSON *root) {
    const cJSON *list;
    size_t count;
    if (t->kind == ANSWER_NUMBER)
        return json_has(root, "labels")
                   ? err_set(ERR_FORMAT, "%s: key 'labels': a regression has none", t->path)
                   : ERR_OK;
    err e = task__bounded_array(&list, &count, root, "labels", 2, LABELS_MOST, t->path);
    if (e || (e = mem_new(&t->labels, count))) return e;
    for (const cJSON *item = list->child; item; item = item->next) {
        char *where = NULL;
        if ((e = element_where(&where, t->path, "labels", t->label_count))) return e;
        e = load_label(&t->labels[t->label_count], item, where);
        mem_free(where);
        if (e) return e;
        t->label_count++;
    }
    if (t->kind == ANSWER_TAGS && (e = check_tags(t))) return e;
    return order_labels(t);
}

/* What a row is answered with, and a score's range. */
static err load_kind(task *t, const cJSON *root) {
    const cJSON *list;
    size_t kind = 0, count;
    const char *names[ANSWER_KINDS];
    for (int i = 0; i < ANSWER_KINDS; i++) names[i] = answer_kind_name((answer_kind)i);
    err e = json_has(root, "kind") ? task__choice(&kind, root, "kind", t->path, names, ANSWER_KINDS)
                                   : ERR_OK;
    if (e) return e;
    t->kind = (answer_kind)kind;
    if (t->kind != ANSWER_NUMBER) {
        return json_has(root, "range")
                   ? err_set(ERR_FORMAT, "%s: key 'range' goes with kind regression", t->path)
                   : ERR_OK;
    }
    if ((e = task__bounded_array(&list, &count, root, "range", 2, 2, t->path))) return e;
    const cJSON *low = list->child, *high = low->next;
    if (!cJSON_IsNumber(low) || !cJSON_IsNumber(high) || !(low->valuedouble < high->valuedouble))
        return err_set(ERR_FORMAT, "%s: key 'range': the least and the largest score are expected",
                       t->path);
    if (low->valuedouble < -TASK_SCORE_MOST || high->valuedouble > TASK_SCORE_MOST)
        return err_set(ERR_FORMAT, "%s: key 'range': %g to %g, scores from -%g to %g are allowed",
                       t->path, low->valuedouble, high->valuedouble, TASK_SCORE_MOST,
                       TASK_SCORE_MOST);
    t->low = low->valuedouble;
    t->high = high->valuedouble;
    return ERR_OK;
}

/* What trees keep to. */
static err load_tree(task *t, const cJSON *root) {
    const cJSON *object;
    const char *names[TREE_RULES];
    char *where = NULL;
    size_t gold = 0, decode = 0, piece = 0;
    if (t->kind != ANSWER_ARCS)
        return json_has(root, "tree")
                   ? err_set(ERR_FORMAT, "%s: key 'tree' goes with kind dependency_parsing",
                             t->path)
                   : ERR_OK;
    for (uint32_t i = 0; i < TREE_RULES; i++) names[i] = tree_rule_name(i);
    err e = json_object(&object, root, "tree", t->path);
    if (e || (e = mem_printf(&where, "%s: tree", t->path))) return e;
    if ((e = CHECK_KEYS(object, where, "gold", "decode", "pieces"))) goto done;
    if ((e = task__choice(&gold, object, "gold", where, names, TREE_RULES))) goto done;
    if ((e = task__choice(&decode, object, "decode", where, names, TREE_RULES))) goto done;
    if ((e = CHOICE(&piece, object, "pieces", where, "first", "last"))) goto done;
    t->tree = (task_tree){(uint32_t)gold, (uint32_t)decode, piece == 0};
done:
    mem_free(where);
    return e;
}

static err load_split(task_split *s, const cJSON *root, const char *key, const char *path) {
    const cJSON *object;
    char *where = NULL;
    size_t rule = 0;
    int64_t one_in = 0;
    err e = json_object(&object, root, key, path);
    if (e || (e = mem_printf(&where, "%s: %s", path, key))) return e;
    if ((e = CHOICE(&rule, object, "rule", where, "files", "hash"))) goto done;
    s->rule = (task_split_rule)rule;
    if (s->rule == TASK_SPLIT_FILES) {
        e = CHECK_KEYS(object, where, "rule");
        goto done;
    }
    if ((e = CHECK_KEYS(object, where, "rule", "one_in"))) goto done;
    if ((e = json_whole(&one_in, object, "one_in", 2, 1000, where))) goto done;
    s->one_in = (uint32_t)one_in;
done:
    mem_free(where);
    return e;
}

static err load_splits(task *t, const cJSON *root) {
    err e = load_split(&t->split, root, "split", t->path);
    if (e) return e;
    t->sample_split = t->split;
    if (!json_has(root, "sample_split")) return ERR_OK;
    if ((e = load_split(&t->sample_split, root, "sample_split", t->path))) return e;
    if (t->sample_split.rule != t->split.rule) {
        return err_set(ERR_FORMAT, "%s: key 'sample_split' has another rule than 'split'", t->path);
    }
    return ERR_OK;
}

static err load_cleaning(task *t, const cJSON *root) {
    const cJSON *object;
    char *where = NULL;
    err e = json_object(&object, root, "cleaning", t->path);
    if (e || (e = mem_printf(&where, "%s: cleaning", t->path))) return e;
    if ((e = CHECK_KEYS(object, where, "drop_empty", "drop_duplicates"))) goto done;
    if ((e = json_bool(&t->drop_empty, object, "drop_empty", where))) goto done;
    e = json_bool(&t->drop_duplicates, object, "drop_duplicates", where);
done:
    mem_free(where);
    return e;
}

static err load_metrics(task *t, const cJSON *root) {
    const cJSON *list;
    bool leads = false;
    size_t count;
    err e = task__bounded_array(&list, &count, root, "metrics", 1, metric_count(), t->path);
    if (e || (e = json_string(&t->headline, root, "headline", t->path))) return e;
    if ((e = mem_new(&t->metrics, count))) return e;
    for (const cJSON *item = list->child; item; item = item->next) {
        if (!cJSON_IsString(item)) {
            return err_set(ERR_FORMAT, "%s: key 'metrics[%zu]' is not a string", t->path,
                           t->metric_count);
        }
        const metric *known;
        if ((e = metric_lookup(&known, item->valuestring, t->kind, t->label_count))) {
            return err_wrap(e == ERR_MEMORY ? e : ERR_FORMAT, "%s: key 'metrics[%zu]'", t->path,
                            t->metric_count);
        }
        for (size_t i = 0; i < t->metric_count; i++)
            if (!strcmp(t->metrics[i], item->valuestring))
                return err_set(ERR_FORMAT, "%s: key 'metrics' has '%s' twice", t->path,
                               item->valuestring);
        leads = leads || !strcmp(item->valuestring, t->headline);
        t->metrics[t->metric_count++] = item->valuestring;
    }
    if (leads) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: key 'headline' is '%s', which is not in 'metrics'", t->path,
                   t->headline);
}

err task__load_heading(task *t, const cJSON *root) {
    err e;
    int64_t number = 0;
    const char *file = path_name(t->path);
    if ((e = json_whole(&number, root, "schema", 1, 1, t->path))) return e;
    if ((e = task__plain_name(&t->name, root, "name", t->path))) return e;
    size_t n = strlen(t->name);
    if (strncmp(file, t->name, n) || strcmp(file + n, ".json")) {
        return err_set(ERR_FORMAT, "%s: key 'name' is '%s', the file's name says '%.*s'", t->path,
                       t->name, (int)strcspn(file, "."), file);
    }
    if ((e = json_whole(&t->version, root, "version", 1, 1000000, t->path))) return e;
    if ((e = task__filled_string(&t->title, root, "title", t->path))) return e;
    if ((e = task__filled_string(&t->source, root, "source", t->path))) return e;
    if ((e = task__filled_string(&t->licence, root, "licence", t->path))) return e;
    if ((e = task__filled_string(&t->citation, root, "citation", t->path))) return e;
    t->data_folder = t->name;
    return json_has(root, "data_folder")
               ? task__plain_name(&t->data_folder, root, "data_folder", t->path)
               : ERR_OK;
}

static err load_manifest(task *t, const cJSON *root) {
    err e;
    size_t rule = 0;
    int64_t number = 0;
    if ((e = CHECK_KEYS(root, t->path, "schema", "name", "version", "title", "source", "licence",
                        "citation", "data_folder", "group", "kind", "range", "tree", "files",
                        "format", "labels", "invalid_label", "split", "sample_split", "cleaning",
                        "metrics", "headline", "max_length"))) {
        return e;
    }
    if ((e = task__load_heading(t, root))) return e;
    if ((e = json_whole(&number, root, "max_length", 3, 512, t->path))) return e;
    t->max_length = (size_t)number;
    if ((e = load_kind(t, root)) || (e = load_tree(t, root))) return e;
    if ((e = load_splits(t, root))) return e;
    if ((e = load_files(t, root))) return e;
    if ((e = task__load_format(t, root))) return e;
    if ((e = load_labels(t, root)) || (e = task__bind_labels(t))) return e;
    if ((e = CHOICE(&rule, root, "invalid_label", t->path, "error", "drop"))) return e;
    t->drop_invalid_labels = rule == 1;
    if ((e = load_cleaning(t, root))) return e;
    return (e = load_metrics(t, root)) ? e : task__load_group(t, root);
}

static err read_text(task *t, const char *text, size_t length, const char *path,
                     err (*load)(task *t, const cJSON *root)) {
    cJSON *root = NULL;
    const char *slash = strrchr(path, '/');
    if (length > MANIFEST_LIMIT_BYTES) // of one that is about to be written
        return err_set(ERR_DATA,
                       "%s: a manifest of %zu bytes, %d are allowed: are the labels texts?", path,
                       length, MANIFEST_LIMIT_BYTES);
    hash_bytes_hex(text, length, t->manifest_sha256);
    err e = mem_strdup(&t->path, path);
    if (e) goto done;
    e = slash ? mem_strndup(&t->folder, path, (size_t)(slash - path)) : mem_strdup(&t->folder, ".");
    if (e || (e = json_parse_part(&root, text, length, path, 1, 1))) goto done;
    t->manifest = root;
    e = cJSON_IsObject(root) ? load(t, root) : err_set(ERR_FORMAT, "%s: not a JSON object", path);
done:
    if (e) task_free(t);
    return e;
}

err task__read(task *t, const char *path, err (*load)(task *t, const cJSON *root)) {
    void *text = NULL;
    size_t length = 0;
    *t = (task){0};
    err e = file_read(&text, &length, path, MANIFEST_LIMIT_BYTES);
    if (!e) e = read_text(t, text, length, path, load);
    mem_free(text);
    return e;
}

err task_parse(task *t, const char *text, const char *path) {
    *t = (task){0};
    return read_text(t, text, strlen(text), path, load_manifest);
}

err task_load(task *t, const char *path) {
    return task__read(t, path, load_manifest);
}

void task_free(task *t) {
    cJSON_Delete(t->manifest);
    cJSON_Delete(t->places);
    mem_free(t->path);
    mem_free(t->folder);
    mem_free(t->files);
    mem_free(t->format.columns);
    mem_free(t->format.column_labels);
    mem_free(t->labels);
    mem_free(t->labels_by_value);
    mem_free(t->metrics);
    *t = (task){0};
}

/* The bytes of a file before, at or behind a label's value. */
typedef struct sought {
    const char *value;
    size_t bytes;
} sought;

static int compare_value(const void *key, const void *element) {
    const sought *s = key;
    const task_label *const *label = element;
    int order = strncmp(s->value, (*label)->value, s->bytes);
    return order ? order : -((*label)->value[s->bytes] != '\0');
}

size_t task_label_index(const task *t, const char *value, size_t bytes) {
    const sought key = {value, bytes};
    if (!t->label_count || memchr(value, 0, bytes)) return t->label_count;
    const task_label **found = bsearch(&key, t->labels_by_value, t->label_count,
                                       sizeof *t->labels_by_value, compare_value);
    return found ? (size_t)(*found - t->labels) : t->label_count;
}
