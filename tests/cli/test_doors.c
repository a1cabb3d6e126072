/* One evil text in every field of every input: nothing that comes out acts. */
#define _XOPEN_SOURCE 700
#include "base/json.h"
#include "base/shown.h"
#include "base/utf8.h"
#include "platform/file.h"
#include "result/store.h"
#include "support/fake_record.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"
#include "task/task.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A formula, an escape sequence, C1, a turned direction, HTML, markdown, a line end; no slash, so
 * that it is a file's name too. */
#define EVIL "=E\x1b[31m\xC2\x9b\xE2\x80\xAE<script>evil|`b`![x](javascript:a)\nz"

TestSuite(doors, .timeout = 300);

/* Nothing acts on a terminal: that holds for all that comes out. */
static void check_terminal(const char *text, const char *what) {
    size_t bytes = strlen(text), bad = 0;
    cr_expect(utf8_valid(text, bytes, &bad), "%s: not UTF-8 at byte %zu", what, bad);
    for (size_t i = 0, n; i < bytes; i += n) {
        uint32_t point;
        n = utf8_decode_leniently(&point, text + i, bytes - i);
        if (point != '\n' && point != '\t' && shown_acts(point)) {
            cr_expect(false, "%s: U+%04X after: %.*s", what, point, (int)(i < 60 ? i : 60),
                      text + (i < 60 ? 0 : i - 60));
            return;
        }
    }
}

static bool ends_with(const char *name, const char *end) {
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

/* What a page or a table would take for its own. */
static void check_medium(const char *text, const char *name) {
    bool is_page = ends_with(name, ".html") || ends_with(name, ".md") || ends_with(name, ".svg");
    check_terminal(text, name);
    if (ends_with(name, ".md")) {
        // what stands in a model card's front matter is YAML
        const char *end = strncmp(text, "---\n", 4) ? NULL : strstr(text, "\n---\n");
        if (end) text = end;
        for (const char *at = text; (at = strstr(at, "[x")); at++)
            cr_expect_eq(at[-1], '\\', "%s: a link at %.40s", name, at);
        for (const char *at = text; (at = strstr(at, "evil|")); at++)
            cr_expect(false, "%s: a cell ends at %.40s", name, at);
    }
    if (is_page) cr_expect_null(strstr(text, "<script>evil"), "%s", name);
    if (ends_with(name, ".csv")) {
        cr_expect_null(strstr(text, ",=E"), "%s", name);
        cr_expect_null(strstr(text, "\"=E"), "%s", name);
        cr_expect_not_null(strstr(text, ",\"'=E"), "%s", name);
    }
}

/* Every file below a folder; returns how many were looked at. */
static size_t check_files(const char *folder) {
    folder_list list = {0};
    size_t seen = 0;
    MUST(folder_list_read(&list, folder));
    for (size_t i = 0; i < list.count; i++) {
        char *path = NULL, *text = NULL;
        void *bytes = NULL;
        size_t count = 0;
        MUST(path_join(&path, folder, list.names[i]));
        if (folder_exists(path)) {
            seen += check_files(path);
        } else if (!ends_with(path, ".safetensors") && !ends_with(path, ".txt")) {
            MUST(file_read(&bytes, &count, path, 0));
            MUST(mem_strndup(&text, bytes, count));
            check_medium(text, list.names[i]);
            seen++;
        }
        mem_free(text);
        mem_free(bytes);
        mem_free(path);
    }
    folder_list_free(&list);
    return seen;
}

/* Runs the program; what it says must be harmless, and hold a trace of the text ("" for none). */
static void check_verb(int exit_code, const char *trace, const char *const *arguments) {
    program_result r = program_run(NULL, 120, arguments);
    char what[200];
    snprintf(what, sizeof what, "harness %s %s", arguments[0], arguments[1] ? arguments[1] : "");
    cr_expect_eq(r.exit_code, exit_code, "%s: %d: %s", what, r.exit_code, r.err);
    check_terminal(r.out, what);
    check_terminal(r.err, what);
    cr_expect(strstr(r.out, trace) || strstr(r.err, trace), "%s: no trace of it: %s%s", what, r.out,
              r.err);
}
#define VERB(exit_code, trace, ...)                                                                \
    check_verb(exit_code, trace, (const char *const[]){__VA_ARGS__, NULL})

/* The nth string below a value, or NULL. */
static cJSON *string_at(cJSON *value, size_t *nth) {
    if (cJSON_IsString(value) && !(*nth)--) return value;
    cJSON *child, *found = NULL;
    for (child = value->child; child && !found; child = child->next) found = string_at(child, nth);
    return found;
}

static cJSON *read_json(const char *path) {
    cJSON *value = NULL;
    MUST(json_read(&value, path, 0));
    return value;
}

static void spoil(cJSON *item) {
    cr_assert_not_null(cJSON_SetValuestring(item, EVIL));
}

static void write_record(const char *folder, const char *name, cJSON *root, double seed) {
    char *path;
    cJSON_SetNumberValue(cJSON_GetObjectItem(root, "seed"), seed);
    MUST(path_join(&path, folder, name));
    fake_record_seal(path, root);
    mem_free(path);
}

static char *make_record(const char *folder) {
    record r;
    char *path = NULL;
    MUST(folder_make(folder));
    fake_record_make(&r, &(fake_record){.right = 0.5});
    MUST(record_text(&r.device.driver, "d"));
    MUST(record_text(&r.device.version, "d"));
    MUST(record_text(&r.device.isa, "avx2"));
    MUST(record_text(&r.device.libraries, "d"));
    MUST(record_text(&r.device.kernels, "cpu"));
    MUST(record_text(&r.command, "harness run"));
    MUST(store_write(folder, &r, &path));
    record_free(&r);
    return path;
}

/* One record for each string of a record's file, which that text stands for, then one with the text
 * in all that may hold it: all outputs of report and compare. */
Test(doors, records_to_board_pages_and_compare) {
    char *folder = NULL, *path = NULL;
    fake_folder(&folder);
    char *first = make_record(folder), *place = NULL;
    MUST(path_join(&place, folder, "fake_task"));
    size_t taken = 0, count = 0;
    cJSON *all = read_json(first);
    for (;; count++) {
        cJSON *one = read_json(first);
        size_t nth = count;
        char name[32];
        record r = {0};
        cJSON *item = string_at(one, &nth);
        if (item) spoil(item);
        snprintf(name, sizeof name, "evil-s%zu.json", count);
        if (item) write_record(place, name, one, 1000 + (double)count);
        cJSON_Delete(one);
        if (!item) break;
        MUST(path_join(&path, place, name));
        if (record_read(&r, path) == ERR_OK) {
            nth = count;
            spoil(string_at(all, &nth));
            taken++;
        }
        record_free(&r);
        mem_free(path);
    }
    cr_expect_geq(taken, 10, "%zu of %zu strings may be any text", taken, count);
    // of a task of their own: with other labels they contradict the rest
    cJSON_SetValuestring(cJSON_GetObjectItem(cJSON_GetObjectItem(all, "task"), "name"), "evil");
    write_record(place, "a.json", all, 1);
    write_record(place, "b.json", all, 2);
    write_record(place, "c.json", all, 3);
    cJSON_Delete(all);
    // what a record may not hold is left out by name
    VERB(1, "evil-s", "report", "--results", folder);
    cr_expect_geq(check_files(folder), 4);
    char *a = NULL, *b = NULL, *c = NULL;
    MUST(path_join(&a, place, "a.json"));
    MUST(path_join(&b, place, "b.json"));
    MUST(path_join(&c, place, "c.json"));
    VERB(0, "\\x1b", "compare", a, b);
    VERB(0, "\\x1b", "compare", a, b, c);
    VERB(0, "&lt;script&gt;evil", "compare", a, b, "-f", "html");
    VERB(0, "\\u001b", "compare", a, b, "--json");
    MUST(folder_remove(folder));
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(place);
    mem_free(first);
    mem_free(folder);
}

static void write_text(const char *folder, const char *name, const char *text) {
    char *path;
    MUST(path_join(&path, folder, name));
    MUST(file_write(path, text, strlen(text)));
    mem_free(path);
}

/* tasks/evil.json: any text where any text may stand. */
static void make_task(const char *folder) {
    static const char *const keys[] = {"title", "source", "licence", "citation"};
    char *path;
    cJSON *root = read_json(HARNESS_SOURCE_DIR "/tasks/kor_sarcasm.json"), *item;
    for (size_t i = 0; i < 4; i++) spoil(cJSON_GetObjectItem(root, keys[i]));
    cJSON_SetValuestring(cJSON_GetObjectItem(root, "name"), "evil");
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "files")) {
        static const char *const gone[] = {"url", "bytes", "sha256", "rows"};
        for (size_t k = 0; k < 4; k++) cJSON_DeleteItemFromObject(item, gone[k]);
    }
    size_t number = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "labels")) {
        char name[128];
        snprintf(name, sizeof name, "%s%zu", EVIL, number++);
        cJSON_SetValuestring(cJSON_GetObjectItem(item, "name"), name);
        spoil(cJSON_GetObjectItem(item, "readable"));
    }
    MUST(folder_make(folder));
    MUST(path_join(&path, folder, "evil.json"));
    MUST(json_write(path, root));
    mem_free(path);
    cJSON_Delete(root);
}

static void make_data(const char *folder, const char *label) {
    static const char *const names[] = {"train.csv", "test.csv"};
    MUST(folder_make(folder));
    for (size_t f = 0; f < 2; f++) {
        strbuf text = {0};
        MUST(strbuf_add(&text, ",tokens,label\n"));
        for (int i = 0; i < 12; i++)
            MUST(strbuf_printf(&text, "%d,\"가%s%s%d\",%s\n", i, EVIL, names[f], i,
                               i == 7  ? label
                               : i % 2 ? "1"
                                       : "0"));
        write_text(folder, names[f], text.text);
        strbuf_free(&text);
    }
}

Test(doors, tasks_data_models_and_arguments) {
    const char *tasks = temporary_path("tasks"), *data = temporary_path("data");
    const char *model = temporary_path(EVIL), *recipe = temporary_path(EVIL ".json");
    static const char *const labels[] = {EVIL "0", EVIL "1"};
    make_task(tasks);
    MUST(folder_make(data));
    make_data(temporary_path("data/evil"), "1");
    model_folder_make(model, labels, 2, NULL);
    VERB(0, "\\x1b[31m\\x9b\\u202e", "tasks", "--task-dir", tasks);
    VERB(0, "\\x1b[31m\\x9b\\u202e", "tasks", "show", "evil", "--task-dir", tasks);
    VERB(0, "\\u001b[31m\\u009b\\u202e", "tasks", "show", "evil", "--task-dir", tasks, "--json");
    VERB(0, "\\x1b", "data", "head", "evil", "--task-dir", tasks, "--data", data);
    VERB(0, "\\u001b", "data", "head", "evil", "--task-dir", tasks, "--data", data, "--json");
    VERB(0, "\\x1b", "data", "stats", "evil", "--task-dir", tasks, "--data", data);
    VERB(0, "\\x1b", "tokenize", "--model", model, EVIL);
    VERB(0, "\\x1b", "predict", "-c", model, "--device", "reference", EVIL);
    VERB(0, "\\u001b", "predict", "-c", model, "--device", "reference", "--json", EVIL);
    write_text(temporary_folder(), EVIL ".json", "{\"max_steps\": 1}");
    VERB(0, "\\x1b", "run", "--task", "evil", "--task-dir", tasks, "--data", data, "--model", model,
         "--recipe", recipe, "--max-steps", "1", "--device", "reference", "-o", "out\n\x1b",
         "--tensorboard");
    char *card = NULL;
    MUST(mem_printf(&card, "%s/model", temporary_path("out\n\x1b")));
    cr_expect_geq(check_files(card), 4);
    VERB(0, "\\x1b", "eval", "--task", "evil", "--task-dir", tasks, "--data", data, "-c", card,
         "--device", "reference");
    mem_free(card);
}

/* tasks/corpora/evil.json, of lines that hold the text. */
static void make_corpus(const char *tasks) {
    static const char *const keys[] = {"title", "source", "licence", "citation"};
    cJSON *root = read_json(HARNESS_SOURCE_DIR "/corpora/nsmc_raw.json"), *item;
    for (size_t i = 0; i < 4; i++) spoil(cJSON_GetObjectItem(root, keys[i]));
    cJSON_SetValuestring(cJSON_GetObjectItem(root, "name"), "evil");
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "files")) {
        static const char *const gone[] = {"bytes", "sha256", "rows"};
        for (size_t k = 0; k < 3; k++) cJSON_DeleteItemFromObject(item, gone[k]);
    }
    MUST(folder_make(tasks));
    MUST(folder_make(temporary_path("tasks/corpora")));
    MUST(json_write(temporary_path("tasks/corpora/evil.json"), root));
    cJSON_Delete(root);
    strbuf text = {0};
    for (int i = 0; i < 200; i++) MUST(strbuf_printf(&text, "%d 가 나%d " EVIL "\n", i, i));
    write_text(temporary_path("data/evil"), "reviews.txt", text.text);
    strbuf_free(&text);
}

Test(doors, corpora_and_what_is_trained_on_them) {
    const char *tasks = temporary_path("tasks"), *data = temporary_path("data");
    const char *lines = temporary_path("x" EVIL ".txt");
    make_task(tasks);
    MUST(folder_make(data));
    make_data(temporary_path("data/evil"), "1");
    make_corpus(tasks);
    VERB(0, "\\x1b", "corpus", "list", "--task-dir", tasks);
    VERB(0, "\\x1b", "corpus", "show", "evil", "--task-dir", tasks);
    VERB(0, "\\x1b", "corpus", "stats", "evil", "--task-dir", tasks, "--data", data);
    VERB(0, "", "pretrain", "--corpus", "evil", "--task-dir", tasks, "--data", data, "--model",
         "tiny", "--max-steps", "2", "--device", "cpu", "-o", "pre\n\x1b", "-b", "4");
    cr_expect_geq(check_files(temporary_path("pre\n\x1b/model")), 4);
    VERB(0, "\\x1b", "fill-mask", "--model", temporary_path("pre\n\x1b"), "가 [MASK]" EVIL);
    // what is trained on names its corpus
    write_text(temporary_folder(), "x" EVIL ".txt", "가 나 " EVIL "\n다 라 마바사\n가 나 다 라\n");
    VERB(0, "", "pretrain", "--corpus", lines, "--model", "tiny", "--max-steps", "1", "--device",
         "cpu", "-o", "lines", "-b", "2");
    cr_expect_geq(check_files(temporary_path("lines/model")), 4);
    strbuf rows = {0};
    MUST(strbuf_add(&rows, "text,label\n"));
    for (int i = 0; i < 24; i++)
        MUST(strbuf_printf(&rows, "\"가%s%d\",\"%s%d\"\n", EVIL, i, EVIL, i % 2));
    write_text(temporary_folder(), EVIL ".csv", rows.text);
    strbuf_free(&rows);
    VERB(0, "\\x1b", "run", "--train-file", temporary_path(EVIL ".csv"), "--model",
         temporary_path("lines"), "--max-steps", "1", "--device", "cpu", "-o", "own");
    cr_expect_geq(check_files(temporary_path("own/model")), 4);
    VERB(0, "\\x1b", "errors", "own");
    VERB(0, "\\u001b", "errors", "own", "--json");
    VERB(0, "\\x1b", "predict", "-c", "own", "--device", "cpu", "가");
    VERB(0, "", "runs", temporary_folder());
}

Test(doors, refusals) {
    const char *tasks = temporary_path("tasks"), *data = temporary_path("data");
    make_task(tasks);
    MUST(folder_make(data));
    make_data(temporary_path("data/evil"), EVIL);
    VERB(1, "\\x1b", "data", "stats", "evil", "--task-dir", tasks, "--data", data);
    VERB(1, "\\x1b", "report", "--results", EVIL, "--texts", "-o", "/dev/null/" EVIL);
    VERB(2, "\\x1b", EVIL);
    VERB(2, "\\x1b", "run", "--task", EVIL);
    VERB(2, "\\x1b", "run", "--task", "kor_hate", "--sample", "--model", EVIL);
    VERB(2, "\\x1b", "run", "--task", "kor_hate", "--sample", "--device", EVIL);
    VERB(2, "\\x1b", "run", "--task", "kor_hate", "--sample", "--recipe", EVIL);
    VERB(2, "\\x1b", "run", "--task", "kor_hate", "--sample", "--lr", EVIL);
    VERB(2, "\\x1b", "run", "--" EVIL);
    VERB(2, "\\x1b", "data", EVIL, "kor_hate");
    VERB(1, "\\x1b", "predict", "-c", EVIL, "a");
    VERB(1, "\\x1b", "compare", EVIL, EVIL);
    VERB(2, "\\x1b", "tokenize", "--model", "org/" EVIL, "--offline", "a");
}
