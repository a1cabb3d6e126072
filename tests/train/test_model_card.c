/* A model's README.md tells of the run what its record tells. */
#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#if HARNESS_CPU
Test(model_card, figures_are_those_of_the_run, .timeout = 120) {
    static const char *const lines[] = {
        "On 4 test rows.",
        "(2 rows are left)", // one repeats another, one is in the training data
        "| training rows | 6 |",
        "| optimizer steps | 3 |",
        "| sentences a step | 4 |",
        "| learning rate | 0.002, constant |",
        "| warmup steps | 0 |",
        "| weight decay | 0.25 |",
        "| longest sentence | 24 tokens |",
        "| seed | 7 |",
    };
    temporary_put("train.csv", "text,label\n하나,a\n둘,b\n셋,a\n넷,b\n다섯,a\n여섯,b\n");
    temporary_put("test.csv", "text,label\n일곱,a\n여덟,b\n일곱,a\n둘,b\n");
    program_result r =
        RUN("run", "--train-file", "train.csv", "--test-file", "test.csv", "--device", "cpu",
            "--threads", "1", "--model", "tiny", "--max-steps", "3", "--batch-size", "2",
            "--gradient-accumulation-steps", "2", "--lr", "2e-3", "--lr-scheduler-type", "constant",
            "--warmup-steps", "0", "--weight-decay", "0.25", "--max-length", "24", "--seed", "7",
            "-o", "out", "-q");
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    void *card;
    size_t count;
    MUST(file_read(&card, &count, temporary_path("out/model/README.md"), 0));
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        cr_expect(strstr(card, lines[i]), "no '%s' in:\n%s", lines[i], (char *)card);
    mem_free(card);
}

/* How a model is asked, and what it answers, are its own kind's and no other's. */
Test(model_card, tells_how_a_model_of_each_kind_is_asked, .timeout = 120) {
    static const struct {
        const char *task, *asked;
    } kinds[] = {
        {"kor_hate", "\"...\", truncation=True)\n"},
        {"kmhas", "\"...\", truncation=True, top_k=None)\n"},
        {"kor_sts", "truncation=True, function_to_apply=\"none\")\n"},
        {"klue_ner", "aggregation_strategy=\"simple\")\nfind(\"...\")\n"},
        {"klue_dp", "encoder = AutoModel.from_pretrained("},
    };
    enum { KINDS = sizeof kinds / sizeof *kinds };
    for (size_t i = 0; i < KINDS; i++) {
        program_result r =
            RUN("run", "--sample", "--task", kinds[i].task, "--device", "cpu", "--threads", "1",
                "--model", "tiny", "--max-steps", "1", "-o", kinds[i].task, "-q");
        cr_assert_eq(r.exit_code, 0, "%s", r.err);
        char name[64];
        void *card;
        size_t count;
        snprintf(name, sizeof name, "%s/model/README.md", kinds[i].task);
        MUST(file_read(&card, &count, temporary_path(name), 0));
        for (size_t k = 0; k < KINDS; k++)
            cr_expect_eq(strstr(card, kinds[k].asked) != NULL, k == i, "%s, '%s':\n%s",
                         kinds[i].task, kinds[k].asked, (char *)card);
        mem_free(card);
    }
}
#endif
