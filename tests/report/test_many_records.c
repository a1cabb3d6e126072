#define _XOPEN_SOURCE 700
#include "base/hash.h"
#include "base/memory.h"
#include "base/rng.h"
#include "platform/file.h"
#include "result/store.h"
#include "support/fake_record.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { TASKS = 5, RECORDS = 2000 };

static uint32_t number(const char *variable, uint32_t otherwise) {
    const char *text = getenv(variable);
    return text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

static double child_seconds(void) {
    struct rusage use;
    getrusage(RUSAGE_CHILDREN, &use);
    return (double)use.ru_utime.tv_sec + 1e-6 * (double)use.ru_utime.tv_usec;
}

/* Records of so many tasks, each of another kind of answer where kinds says so; labels: of classes, 0: few. */
typedef struct shape {
    uint32_t records, seeds, tasks, labels, rows;
    bool kinds, devices; // of all kinds of answers; each row of the board on a device of its own
} shape;

static char **label_names(uint32_t count) {
    char **names;
    MUST(mem_new(&names, count));
    for (uint32_t i = 0; i < count; i++) MUST(mem_printf(&names[i], "label %u", i));
    return names;
}

static void free_names(char **names, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) mem_free(names[i]);
    mem_free(names);
}

/* Answers of many labels, half of them right. */
static void answer_with(record *r, char **names, uint32_t labels, uint32_t rows, uint32_t key) {
    uint32_t *gold, *predicted;
    MUST(mem_new(&gold, rows));
    MUST(mem_new(&predicted, rows));
    for (uint32_t i = 0; i < rows; i++) {
        philox w = philox4x32((philox){{i, 0, 0, 0}}, key, 3);
        gold[i] = i % labels;
        predicted[i] = w.v[0] % 2 ? gold[i] : w.v[1] % labels;
    }
    MUST(record_labels(r, (const char *const *)names, labels));
    fake_record_forget(r);
    MUST(fake_record_test(r, gold, predicted, NULL, NULL, rows));
    fake_record_follow(r);
    r->slices[r->slice_count++] = (errors_slice){"text", "neither", rows, 0.5, 0.5};
    mem_free(gold);
    mem_free(predicted);
}

/* Returns how many. */
static uint32_t write_records(const char *folder, const shape *all) {
    static const char *const headlines[ANSWER_KINDS] = {
        [ANSWER_CLASS] = "macro_f1", [ANSWER_NUMBER] = "spearman",
        [ANSWER_SET] = "micro_f1",   [ANSWER_TAGS] = "entity_f1",
        [ANSWER_ARCS] = "las",       [ANSWER_RELATION] = "klue_auprc"};
    char **names = all->labels ? label_names(all->labels) : NULL;
    uint32_t models = all->records / all->tasks / all->seeds;
    for (uint32_t t = 0; t < all->tasks; t++) {
        answer_kind kind = all->kinds ? (answer_kind)(t % ANSWER_KINDS) : ANSWER_CLASS;
        for (uint32_t m = 0; m < models; m++) {
            for (uint32_t s = 0; s < all->seeds; s++) {
                char task[16], model[32];
                record r;
                snprintf(task, sizeof task, "task_%u", t);
                snprintf(model, sizeof model, "model %04u", m);
                fake_record_make(&r, &(fake_record){.task = task,
                                                    .model = model,
                                                    .kind = kind,
                                                    .headline = headlines[kind],
                                                    .right = 0.5 + 0.4 * m / models,
                                                    .rows = all->rows,
                                                    .seed = s,
                                                    .steps = 741});
                if (all->devices) MUST(record_text(&r.device.name, model));
                if (names && kind == ANSWER_CLASS)
                    answer_with(&r, names, all->labels, all->rows, (m << 8) + s);
                cr_assert_not(store_write(folder, &r, NULL), "%s", err_message(ERR_IO));
                record_free(&r);
            }
        }
    }
    free_names(names, all->labels);
    return all->tasks * models * all->seeds;
}

/* Two thousand records, of 471 test rows and 741 steps each, make their whole report in under ten
 * seconds of a processor. HARNESS_MANY_RECORDS names a folder that gets records, and nothing is
 * asked of them: HARNESS_MANY_COUNT in all, HARNESS_MANY_SEEDS in a row of the board, of
 * HARNESS_MANY_TASKS, of classes (HARNESS_MANY_LABELS of them) or with HARNESS_MANY_KINDS of all kinds,
 * with HARNESS_MANY_DEVICES each row of the board on a device of its own (tests/many-records). */
Test(report, two_thousand_records_are_quick, .timeout = 900) {
    const char *kept = getenv("HARNESS_MANY_RECORDS");
    char *folder;
    if (kept) {
        bool kinds = number("HARNESS_MANY_KINDS", 0);
        write_records(kept,
                      &(shape){.records = number("HARNESS_MANY_COUNT", RECORDS),
                               .seeds = number("HARNESS_MANY_SEEDS", 4),
                               .tasks = number("HARNESS_MANY_TASKS", kinds ? ANSWER_KINDS : TASKS),
                               .labels = number("HARNESS_MANY_LABELS", 0),
                               .rows = number("HARNESS_MANY_ROWS", 471),
                               .kinds = kinds,
                               .devices = number("HARNESS_MANY_DEVICES", 0)});
        return;
    }
    setenv("XDG_CACHE_HOME", temporary_folder(), 1);
    size_t live = mem_live_count();
    fake_folder(&folder);
    uint32_t count = write_records(
        folder, &(shape){.records = RECORDS, .seeds = 4, .tasks = TASKS, .rows = 471});
    double begin = child_seconds();
    program_result p = RUN("report", "--results", folder);
    double seconds = child_seconds() - begin;
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    char wrote[64];
    snprintf(wrote, sizeof wrote, "wrote %u pages below ", count);
    cr_assert(strstr(p.err, wrote), "%s", p.err);
    printf("report of %u records: %.1f s of processor time\n", count, seconds);
#ifndef __SANITIZE_ADDRESS__ // which makes all slower
    cr_assert_lt(seconds, 10.0);
#endif
    fake_folder_end(folder);
    cr_assert_eq(mem_live_count(), live);
}

/* Four records with 1,024 labels: what costs the square of the labels took over 90 s. */
Test(report, many_labels_cost_in_proportion, .timeout = 120) {
    enum { LABELS = 1024, ROWS = 4000 };
    char *folder, *page, *path, *confusions;
    size_t count;
    fake_folder(&folder);
    write_records(folder, &(shape){4, .seeds = 4, .tasks = 1, .labels = LABELS, .rows = ROWS});
    double begin = child_seconds();
    program_result p = RUN("report", "--results", folder);
    double seconds = child_seconds() - begin;
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    printf("report of 1,024 labels: %.1f s of processor time\n", seconds);
#ifndef __SANITIZE_ADDRESS__
    cr_assert_lt(seconds, 5.0);
#endif
    // no matrix of a million cells
    folder_list pages = {0};
    cr_assert_not(path_join(&path, folder, "pages/task_0"));
    cr_assert_not(folder_list_read(&pages, path));
    cr_assert_eq(pages.count, 8, "a page and its confusions of each");
    cr_assert_not(path_join(&page, path, pages.names[1]));
    mem_free(path);
    cr_assert_not(file_read((void **)&path, &count, page, 1 << 20));
    cr_assert(strstr(path, "Commonest mistakes") && !strstr(path, "Confused labels"));
    cr_assert(strstr(path, "share of gold") && strstr(path, "neither"));
    cr_assert(strstr(path, "50 of "), "where the others stand");
    cr_assert(strstr(path, pages.names[0]), "the link to them");
    mem_free(path);
    MUST(path_join(&path, folder, "pages/task_0"));
    MUST(path_join(&confusions, path, pages.names[0]));
    // another's of that name stays
    MUST(file_write(confusions, "gold,mine\n", 10));
    MUST(file_remove(page));
    p = RUN("report", "--results", folder);
    cr_assert(p.exit_code == 1 && strstr(p.err, ".confusions.csv: this program did not make it"),
              "%s", p.err);
    cr_assert_not(file_exists(page));
    mem_free(confusions);
    mem_free(path);
    mem_free(page);
    folder_list_free(&pages);
    fake_folder_end(folder);
}

/* Of records that are known from before, whose pages are there: only what is gone is written. */
Test(report, confusions_that_are_gone_come_again, .timeout = 120) {
    char *folder, *place, *confusions;
    folder_list pages = {0};
    setenv("XDG_CACHE_HOME", temporary_folder(), 1);
    fake_folder(&folder);
    write_records(folder, &(shape){64, .seeds = 4, .tasks = 1, .labels = 65, .rows = 130});
    cr_assert_eq(RUN("report", "--results", folder).exit_code, 0);
    MUST(path_join(&place, folder, "pages/task_0"));
    MUST(folder_list_read(&pages, place));
    cr_assert_eq(pages.count, 128);
    MUST(path_join(&confusions, place, pages.names[0]));
    MUST(file_remove(confusions));
    cr_assert_eq(RUN("report", "--results", folder).exit_code, 0);
    cr_expect(file_exists(confusions));
    mem_free(confusions);
    mem_free(place);
    folder_list_free(&pages);
    fake_folder_end(folder);
}

/* 50 ways to damage a record: a text in place of another, or (where `from` is NULL) the first
 * `keep` thousandths of the file with `to` behind them. */
static const struct damage {
    const char *from, *to;
    int keep;
} damages[] = {
    {NULL, "", 0},
    {NULL, "", 3},
    {NULL, "", 100},
    {NULL, "", 333},
    {NULL, "", 500},
    {NULL, "", 900},
    {NULL, "", 990},
    {NULL, "}", 700},
    {NULL, "{}", 1000},
    {NULL, "[]", 0},
    {NULL, "null", 0},
    {NULL, "{\"schema\": 1}", 0},
    {NULL, "\xff\xfe", 0},
    {NULL, "\"text\"", 0},
    {NULL, "1e99999", 0},
    {NULL, "[[[[[[[[[[[[[[[[[[[[", 0},
    {"\"schema\":\t2,", "\"schema\": 3,", 0},
    {"\"schema\":\t2,", "\"schema\": null,", 0},
    {"\"schema\":\t2,", "", 0},
    {"\"harness\":\t{", "\"harness\":\t[", 0},
    {"\"harness\":", "\"harnes\":", 0},
    {"\"metric_version\":\t", "\"metric_version\": 99", 0},
    {"\"metric_version\":\t", "\"metric_version\": -", 0},
    {"\"numerics_version\":", "\"numerics_version\": 0, \"x\":", 0},
    {"\"partial\":\tfalse", "\"partial\": \"no\"", 0},
    {"\"split\":\t\"official\"", "\"split\": \"\"", 0},
    {"\"split\":\t\"official\"", "\"split\": 3", 0},
    {"\"test\":\t40", "\"test\": 41", 0},
    {"\"test\":\t40", "\"test\": 2000000000", 0},
    {"\"test\":\t40", "\"test\": 0", 0},
    {"\"test\":\t40", "\"test\": -40", 0},
    {"\"majority_class\":\t1", "\"majority_class\": 3", 0},
    {"\"labels\":\t[", "\"labels\": [1, ", 0},
    {"\"labels\":\t[", "\"labels\": [\"one more\", ", 0},
    {"\"manifest_sha256\":\t\"", "\"manifest_sha256\": \"zz", 0},
    {"\"seed\":\t0,", "\"seed\": -1,", 0},
    {"\"seed\":\t0,", "\"seed\": 1e300,", 0},
    {"\"seed\":\t0,", "\"seed\": [0],", 0},
    {"\"kind\":\t\"cpu\"", "\"kind\": \"tpu\"", 0},
    {"\"precision\":\t\"fp32\"", "\"precision\": \"fp8\"", 0},
    {"\"headline\":\t\"macro_f1\"", "\"headline\": \"f1\"", 0},
    {"\"macro_f1\":\t0", "\"macro_f1\": 1", 0},
    {"\"learning_rate\":\t5e-05", "\"learning_rate\": {}", 0},
    {"\"learning_rate\":\t5e-05", "\"learning_rate\": 5e-06", 0},
    {"\"train_s\":\t9.5", "\"train_s\": -1", 0},
    {"\"steps\":\t20", "\"steps\": 19", 0},
    {"\"repeats\":\t[[7, 3]]", "\"repeats\": [[5, 4], [4, 3]]", 0},
    {"\"repeats\":\t[[7, 3]]", "\"repeats\": [[7, 3], [8]]", 0},
    {"\"type\":\t\"uint8\"", "\"type\": \"float32\"", 0},
    {"\"data\":\t\"", "\"data\": \"!", 0},
};
enum { WAYS = sizeof damages / sizeof *damages, MODELS = 20, GOOD = 5000, BAD = 5000 };
_Static_assert(WAYS == 50, "fifty ways");

static void write_text(const char *folder, const char *task, const char *name, const strbuf *text) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s/%s", folder, task, name);
    FILE *f = fopen(path, "w"); // nothing is synced: it is quick
    cr_assert(f, "%s", path);
    cr_assert_eq(fwrite(text->text, 1, text->length, f), text->length);
    cr_assert_not(fclose(f));
}

static void replace(strbuf *out, const char *text, const char *from, const char *to) {
    const char *at = strstr(text, from);
    cr_assert(at, "the record does not hold %s", from);
    cr_assert_not(strbuf_add_bytes(out, text, (size_t)(at - text)));
    cr_assert_not(strbuf_add(out, to));
    cr_assert_not(strbuf_add(out, at + strlen(from)));
}

/* Puts the checksum of a part, printed without blanks, where it stands in the record's text. */
static void seal(char *text, const char *key, const char *part) {
    char name[40], hex[HASH_HEX_BYTES], *at = strstr(text, "\"checksums\":");
    cr_assert(at);
    snprintf(name, sizeof name, "\"%s\":\t\"", key);
    cr_assert(at = strstr(at, name), "%s", key);
    hash_bytes_hex(part, strlen(part), hex);
    memcpy(at + strlen(name), hex, 16);
}

static void seal_printed(char *text, const char *key, const char *form, const char *value) {
    char *part;
    MUST(mem_printf(&part, form, value));
    seal(text, key, part);
    mem_free(part);
}

/* Makes a record's text that of another seed: other final weights and, in their last bits, losses. */
static void differ(char *text, record *r, uint32_t seed) {
    char *losses, digits[16], *at = strstr(text, r->final_weights_sha256);
    cr_assert(at);
    snprintf(digits, sizeof digits, "%08x", seed);
    memcpy(at, digits, 8);
    memcpy(r->final_weights_sha256, digits, 8);
    MUST(base64_encode(&losses, r->loss, r->loss_count * sizeof *r->loss));
    cr_assert(at = strstr(text, losses));
    mem_free(losses);
    for (uint32_t i = 0, bits; i < 8; i++) {
        memcpy(&bits, &r->loss[i], sizeof bits);
        bits = (bits & ~1U) | (seed >> i & 1);
        memcpy(&r->loss[i], &bits, sizeof bits);
    }
    MUST(base64_encode(&losses, r->loss, r->loss_count * sizeof *r->loss));
    memcpy(at, losses, strlen(losses));
    seal_printed(text, "loss", "{\"type\":\"float32\",\"data\":\"%s\"}", losses);
    mem_free(losses);
    seal_printed(text, "final_weights_sha256", "\"%s\"", r->final_weights_sha256);
    snprintf(digits, sizeof digits, "%u", seed);
    seal(text, "seed", digits);
}

// 20 rows of the board in four tables, each of 250 seeds, and as many damaged files among them
static void write_half_damaged(const char *folder) {
    for (uint32_t m = 0; m < MODELS; m++) {
        char task[16], model[16], name[32], *path, *text;
        size_t length;
        record r;
        snprintf(task, sizeof task, "task_%u", m % 4);
        snprintf(model, sizeof model, "model %02u", m);
        fake_record_make(
            &r, &(fake_record){.task = task, .model = model, .right = 0.03 * m, .rows = 40});
        cr_assert_not(mem_printf(&path, "%s/%s/first.json", folder, task));
        cr_assert_not(record_write(&r, path));
        cr_assert_not(file_read((void **)&text, &length, path, 0));
        cr_assert_eq(remove(path), 0);
        for (uint32_t k = 0; k < GOOD / MODELS; k++) {
            strbuf out = {0};
            char seed[32];
            differ(text, &r, k);
            snprintf(seed, sizeof seed, "\"seed\": %u,", k);
            replace(&out, text, "\"seed\":\t0,", seed);
            snprintf(name, sizeof name, "good-%u-s%u.json", m, k);
            write_text(folder, task, name, &out);
            strbuf_free(&out);
        }
        for (uint32_t k = 0; k < BAD / MODELS; k++) {
            const struct damage *d = &damages[k % WAYS];
            strbuf out = {0};
            if (d->from) {
                replace(&out, text, d->from, d->to);
            } else {
                cr_assert_not(strbuf_add_bytes(&out, text, length * (size_t)d->keep / 1000));
                cr_assert_not(strbuf_add(&out, d->to));
            }
            snprintf(name, sizeof name, "bad-%u-s%u.json", m, k);
            write_text(folder, task, name, &out);
            strbuf_free(&out);
        }
        record_free(&r);
        mem_free(path);
        mem_free(text);
    }
}

// every damaged file is named by one warning, and no other file is
static void check_warnings(const char *text_of_all) {
    size_t named = 0;
    for (const char *line = text_of_all; *line; line += strcspn(line, "\n") + 1) {
        if (strncmp(line, "warning: ", 9)) continue;
        size_t n = strcspn(line, "\n");
        char text[600];
        snprintf(text, sizeof text, "%.*s", (int)(n < 599 ? n : 599), line);
        cr_assert(strstr(text, "/bad-"), "%s", text);
        named++;
    }
    cr_assert_eq(named, BAD, "%zu were named", named);
}

Test(report, five_thousand_damaged_records_do_not_touch_the_others, .timeout = 120) {
    char *folder;
    setenv("XDG_CACHE_HOME", temporary_folder(), 1);
    fake_folder(&folder);
    write_half_damaged(folder);
    double begin = child_seconds();
    program_result p = RUN("report", "--results", folder, "--json");
    printf("report of 10,000 records: %.1f s of processor time\n", child_seconds() - begin);
    cr_assert_eq(p.exit_code, 1);
    cr_assert(strstr(p.err, "5000 damaged records left out (named above)"));
    check_warnings(p.err);
    cJSON *json;
    size_t rows = 0, seeds = 0;
    cr_assert_not(json_parse(&json, p.out, strlen(p.out), "report"));
    const cJSON *table, *row;
    cJSON_ArrayForEach(table, cJSON_GetObjectItem(json, "tables")) {
        cJSON_ArrayForEach(row, cJSON_GetObjectItem(table, "rows")) {
            rows++;
            seeds += (size_t)cJSON_GetArraySize(cJSON_GetObjectItem(row, "seeds"));
        }
    }
    cr_assert_eq(rows, MODELS);
    cr_assert_eq(seeds, GOOD);
    cJSON_Delete(json);
    fake_folder_end(folder);
}
