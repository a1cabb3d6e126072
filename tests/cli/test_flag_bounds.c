/* Flags with bounds, at each end: the last value that is taken, and the first that is not. */
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"

#include <stdio.h>
#include <stdlib.h>

enum { WORDS = 10 };

// what is taken goes on to the next fault, which is another
static const struct {
    const char *words[WORDS], *flag, *least, *below, *most, *above; // NULL: no such end
} rows[] = {
    {{"compare", "cpu", "cpu", "--task", "none"}, "--runs", "1", "0", "20", "21"},
    {{"run", "--task", "none"}, "--runs", "1", "0", "1000", "1001"},
    {{"run", "--task", "none"}, "--seeds", "0", "-1", "4294967295", "4294967296"},
    {{"run", "--task", "none"}, "--seed", "0", "-1", "4294967295", "4294967296"},
    {{"run", "--task", "none"}, "--lr", "0", "-1", "10", "10.1"},
    {{"pretrain", "--corpus", "none", "--model", "tiny", "--vocab", "none"},
     "--max-minutes",
     "0.001",
     "0",
     NULL,
     NULL},
    {{"pretrain", "--corpus", "none", "--model", "tiny", "--vocab", "none"},
     "--mlm-probability",
     "0.001",
     "0",
     "1",
     "1.001"},
    {{"tune", "--task", "kor_hate", "--sample", "--lr=0..1", "--model", "tiny", "--device", "none"},
     "--trials",
     "1",
     "0",
     "10000",
     "10001"},
    {{"tune", "--task", "kor_hate", "--sample", "--lr=0..1", "--model", "tiny", "--device", "none"},
     "--halving",
     "2",
     "1",
     "100",
     "101"},
    {{"verify", "fill", "--device", "reference"}, "--threads", "1", NULL, "512", "513"},
    {{"data", "head", "kor_sarcasm", "--sample", "--split", "test"}, "--row", "1", "0", "16", "17"},
    {{"data", "head", "kor_sarcasm", "--sample"}, "--rows", "1", "0", NULL, NULL},
    {{"predict", "x", "-c", "model"}, "--top-k", "1", "0", NULL, NULL},
    {{"predict", "x", "-c", "model"}, "--eval-batch-size", "1", "0", NULL, NULL},
    {{"eval", "--task", "kor_hate", "--sample", "-c", "model"},
     "--eval-batch-size",
     "1",
     "0",
     NULL,
     NULL},
};

static void try_value(size_t row, const char *value, bool is_taken) {
    const char *list[WORDS + 3] = {0};
    size_t n = 0;
    if (!value) return;
    for (; rows[row].words[n]; n++) list[n] = rows[row].words[n];
    list[n] = rows[row].flag;
    list[n + 1] = value;
    program_result p = program_run(NULL, 60, list);
    bool is_named = strstr(p.err, rows[row].flag) != NULL;
    cr_expect_eq(is_named, !is_taken, "%s %s %s: %s", list[0], rows[row].flag, value, p.err);
    if (!is_taken) cr_expect_eq(p.exit_code, 2, "%s %s: %d", rows[row].flag, value, p.exit_code);
}

Test(arguments, bounds_are_taken_and_no_more) {
    static const char *const labels[] = {"hate", "offensive", "none"};
    setenv("HF_HUB_OFFLINE", "1", 1);
    model_folder_make(temporary_path("model"), labels, 3, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        try_value(i, rows[i].least, true);
        try_value(i, rows[i].below, false);
        try_value(i, rows[i].most, true);
        try_value(i, rows[i].above, false);
    }
}
