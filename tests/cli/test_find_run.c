/* Which model a verb takes that is told none. */
#define _GNU_SOURCE
#include "cli/find_run.h"

#include "base/log.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A finished run as far as it is looked at, `age` seconds old. */
static void make_run(const char *folder, const char *class, long age) {
    static const char *const files[] = {"model/model.safetensors", "model/config.json",
                                        "record.json"};
    char path[300], text[100];
    struct timespec times[2] = {{.tv_sec = 1700000000 - age}, {.tv_sec = 1700000000 - age}};
    snprintf(path, sizeof path, "%s/model", folder);
    MUST(folder_make(temporary_path(path)));
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        snprintf(text, sizeof text, "{\"architectures\": [\"%s\"]}", class);
        MUST(file_write(temporary_path(path), text, strlen(text)));
    }
    cr_assert_eq(utimensat(AT_FDCWD, temporary_path(path), times, 0), 0);
}

CleanTest(find_run, a_pretrained_model_is_passed_over) {
    char *folder = NULL;
    log_set_quiet(true);
    make_run("runs/pretrain/new", "ElectraForMaskedLM", 0);
    cr_assert_eq(chdir(temporary_folder()), 0);
    MUST_FAIL(find_run(&folder, NULL, NULL, true), ERR_DATA,
              "no finished run under ./runs (pretrained models there have no classifier)");
    MUST(find_run_words(&folder, NULL)); // its tokenizer serves
    cr_assert_str_eq(folder, "runs/pretrain/new");
    mem_free(folder);
    make_run("runs/nsmc/older", "BertForSequenceClassification", 20);
    make_run("runs/nsmc/old", "BertForSequenceClassification", 10);
    MUST(find_run(&folder, NULL, NULL, true));
    cr_assert_str_eq(folder, "runs/nsmc/old");
    mem_free(folder);
    // what cannot be read is named by who loads it
    MUST(file_write("runs/nsmc/old/model/config.json", "{", 1));
    MUST(find_run(&folder, NULL, "nsmc", true));
    cr_assert_str_eq(folder, "runs/nsmc/old");
    mem_free(folder);
}

/* The newest run may be one of another task, or one that was cut short. */
CleanTest(find_run, a_run_that_nobody_named_is_told) {
    model_folder_make(temporary_path("runs/nsmc/a/model"), (const char *[]){"bad", "good"}, 2,
                      NULL);
    for (int i = 0; i < 3; i++) {
        char record[100];
        snprintf(record, sizeof record,
                 "{\"partial\": %s, \"task\": {\"name\": \"nsmc\", "
                 "\"sample\": %s}}",
                 i ? "true" : "false", i > 1 ? "true" : "false");
        temporary_put("runs/nsmc/a/record.json", record);
        program_result p = RUN("predict", "--device", "cpu", "가");
        cr_expect(!p.exit_code && strstr(p.err, "runs/nsmc/a (task nsmc; labels bad, good)\n"),
                  "%s", p.err);
        const char *said = strstr(p.err, "partial run (");
        cr_expect(!said == !i, "%s", p.err);
        if (said)
            cr_expect(strstr(said, i > 1 ? "(--sample): " : "(--limit or --max-steps): "), "%s",
                      p.err);
    }
}

/* A file of records stands two folders deep; what stands in the folder itself, as a board does, is none. */
CleanTest(find_run, a_folder_of_runs_is_none_of_records) {
    const char *there = temporary_path("there");
    make_run("there/nsmc/a", "BertForSequenceClassification", 0);
    MUST(find_run_not_records(there)); // it is not finished
    temporary_put("there/nsmc/a/run.json", "{}");
    temporary_put("there/a.json", "{}");
    MUST_FAIL(find_run_not_records(there), ERR_DATA, "there/nsmc/a is one: expected a folder of");
    MUST_FAIL(find_run_not_records(temporary_path("there/nsmc")), ERR_DATA, "there/nsmc/a is one");
    MUST_FAIL(find_run_not_records(temporary_path("there/nsmc/a")), ERR_DATA, "/a is one");
    temporary_put("there/nsmc/b.json", "{}");
    MUST(find_run_not_records(there));
}
