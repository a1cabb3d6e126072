#define _XOPEN_SOURCE 700
#include "data/support_task.h"

#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void made_task_begin(made_task *m, const char *format, const char *labels, const char *rest) {
    char *text, path[128];
    *m = (made_task){.folder = "/tmp/harness-test-XXXXXX"};
    cr_assert(mkdtemp(m->folder));
    m->options.data_dir = m->folder;
    err e = mem_printf(
        &text,
        "{\"schema\": 1, \"name\": \"made\", \"version\": 1, \"title\": \"t\", \"source\": \"s\", "
        "\"licence\": \"l\", \"citation\": \"c\", %s, %s, %s, \"cleaning\": {\"drop_empty\": true, "
        "\"drop_duplicates\": true}, \"metrics\": [\"accuracy\", \"macro_f1\"], \"headline\": "
        "\"macro_f1\", \"max_length\": 64}",
        format ? format
               : "\"format\": {\"kind\": \"delimited\", \"delimiter\": \",\", \"quoting\": "
                 "\"standard\", \"header\": true, \"columns\": [\"text\", \"label\"], \"text\": "
                 "\"text\", \"label\": \"label\"}",
        labels ? labels
               : "\"labels\": [{\"value\": \"0\", \"name\": \"no\", \"readable\": \"no\"}, "
                 "{\"value\": "
                 "\"1\", \"name\": \"yes\", \"readable\": \"yes\"}]",
        rest
            ? rest
            : "\"invalid_label\": \"error\", \"split\": {\"rule\": \"files\"}, \"files\": "
              "[{\"role\": "
              "\"train\", \"name\": \"train.csv\"}, {\"role\": \"test\", \"name\": \"test.csv\"}]");
    cr_assert_eq(e, ERR_OK);
    snprintf(path, sizeof path, "%s/made.json", m->folder);
    cr_assert_eq(file_write_quick(path, text, strlen(text)), ERR_OK);
    mem_free(text);
    e = task_load(&m->task, path);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
    snprintf(path, sizeof path, "%s/made", m->folder);
    cr_assert_eq(folder_make(path), ERR_OK);
}

void made_task_file(const made_task *m, const char *name, const char *bytes, size_t count) {
    char path[160];
    snprintf(path, sizeof path, "%s/made/%s", m->folder, name);
    cr_assert_eq(file_write_quick(path, bytes, count), ERR_OK);
}

void made_task_begin_training(made_task *m) {
    strbuf train = {0};
    made_task_begin(m, NULL, NULL, NULL);
    MUST(strbuf_add(&train, "text,label\n"));
    for (int i = 0; i < 40; i++)
        MUST(strbuf_printf(&train, "%s %d,%d\n", i % 2 ? "좋은 글" : "나쁜 글", i, i % 2));
    made_task_file(m, "train.csv", train.text, train.length);
    strbuf_free(&train);
}

void made_task_end(made_task *m) {
    cr_assert_eq(folder_remove(m->folder), ERR_OK);
    task_free(&m->task);
}
