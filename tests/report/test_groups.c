#include "base/memory.h"
#include "metric/statistics.h"
#include "platform/file.h"
#include "report/compare.h"
#include "support/fake_record.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { SEEDS = 3 };
static record a[SEEDS], b[SEEDS];
static const record *list_a[SEEDS], *list_b[SEEDS];

static void make(const char *model_a, double right_a, const char *model_b, double right_b,
                 size_t rows) {
    for (uint32_t s = 0; s < SEEDS; s++) {
        fake_record_make(
            &a[s], &(fake_record){.model = model_a, .right = right_a, .rows = rows, .seed = s});
        fake_record_make(
            &b[s], &(fake_record){.model = model_b, .right = right_b, .rows = rows, .seed = s + 1});
        list_a[s] = &a[s];
        list_b[s] = &b[s];
    }
}

static void teardown(void) {
    for (int s = 0; s < SEEDS; s++) {
        record_free(&a[s]);
        record_free(&b[s]);
    }
    cr_assert_eq(mem_live_count(), 0, "%zu blocks are left", mem_live_count());
}

TestSuite(groups, .fini = teardown);

Test(groups, different_models_are_told_apart) {
    group_comparison c;
    strbuf out = {0};
    make("tiny", 0.4, "mini", 0.7, 500);
    b[0].timing.tokens_per_s *= 3;
    cr_assert_not(compare_groups(&c, list_a, SEEDS, list_b, SEEDS), "%s", err_message(ERR_DATA));
    double mean_a = 0, mean_b = 0;
    for (int s = 0; s < SEEDS; s++) {
        mean_a += record_metric(&a[s], "macro_f1") / SEEDS;
        mean_b += record_metric(&b[s], "macro_f1") / SEEDS;
    }
    cr_assert_float_eq(c.difference, mean_b - mean_a, 1e-14);
    cr_assert(c.range.low < c.difference && c.difference < c.range.high && c.range.low > 0);
    cr_assert(c.p < 0.01 && !c.equivalent && !c.rows_only);
    // seeds 1 and 2 are shared
    cr_assert(c.shared == 2 && c.seeds[0].seed == 1 && c.seeds[1].seed == 2);
    size_t differ = 0;
    for (int i = 0; i < 500; i++) differ += a[1].predicted[i] != b[0].predicted[i];
    cr_assert_eq(c.seeds[0].disagreements, differ);
    cr_assert_float_eq(c.speed, 5.0 / 3, 1e-12);
    cr_assert(fabs(c.speed_low - 1) < 1e-12 && fabs(c.speed_high - 3) < 1e-12);
    cr_assert_not(compare_groups_text(&out, &c, "left", "right"));
    cr_assert(strstr(out.text, "different at the 5 % level"), "%s", out.text);
    strbuf_free(&out);
}

// the same predictions on another device: equivalent, which is more than not shown to differ
Test(groups, equal_runs_are_equivalent_and_single_seeds_claim_nothing) {
    group_comparison c;
    strbuf out = {0};
    make("tiny", 0.5, "tiny", 0.5, 500);
    for (int s = 0; s < SEEDS; s++) {
        b[s].seed = s;
        memcpy(b[s].predicted, a[s].predicted, 500 * sizeof(uint32_t));
        // scores equal over seeds: the seeds add no variance
        memcpy(a[s].predicted, a[0].predicted, 500 * sizeof(uint32_t));
        memcpy(b[s].predicted, a[0].predicted, 500 * sizeof(uint32_t));
        cr_assert_not(record_score(&a[s]));
        cr_assert_not(record_score(&b[s]));
    }
    cr_assert_not(compare_groups(&c, list_a, SEEDS, list_b, SEEDS));
    cr_assert(c.equivalent && c.p == 1 && c.disagreement == 0 && c.shared == 3);
    cr_assert_not(compare_groups(&c, list_a, 1, list_b, SEEDS));
    cr_assert(c.rows_only && !c.equivalent && c.p == 1);
    cr_assert_not(compare_groups_text(&out, &c, "left", "right"));
    cr_assert(
        strstr(out.text, "(rows only)\n- verdict: a group of one seed: no claim beyond these runs"),
        "%s", out.text);
    strbuf_free(&out);
}

/* Few rows show no equivalence, unless every seed ended with the same weights. */
Test(groups, equal_weights_are_equivalent_on_any_number_of_rows) {
    group_comparison c;
    make("tiny", 0.5, "tiny", 0.5, 24);
    for (int s = 0; s < SEEDS; s++) {
        b[s].seed = s;
        cr_assert_not(record_text(&b[s].final_weights_sha256, a[s].final_weights_sha256));
        memcpy(b[s].predicted, a[s].predicted, 24 * sizeof(uint32_t));
        cr_assert_not(record_score(&b[s]));
    }
    cr_assert_not(compare_groups(&c, list_a, SEEDS, list_b, SEEDS));
    cr_assert(c.equivalent && c.p == 1 && c.range.low == 0 && c.range.high == 0);
    b[1].final_weights_sha256[0] ^= 1;
    cr_assert_not(compare_groups(&c, list_a, SEEDS, list_b, SEEDS));
    cr_assert(!c.equivalent && c.p == 1 && c.range.low < -0.05 && c.range.high > 0.05);
}

/* One model under the same seeds on two devices: what the seeds have in common cancels, so that a
 * spread of several points over seeds does not hide that each pair is nearly equal. */
Test(groups, equal_seeds_are_paired) {
    group_comparison c;
    make("tiny", 0.5, "tiny", 0.5, 3000);
    for (int s = 0; s < SEEDS; s++) {
        b[s].seed = s;
        memcpy(b[s].predicted, a[s].predicted, 3000 * sizeof(uint32_t));
        for (int i = 0; i < 200 * s; i++) // seeds differ by points, devices do not
            a[s].predicted[i] = b[s].predicted[i] = (a[s].gold[i] + 1) % 3;
        b[s].predicted[2900 + s] = (b[s].predicted[2900 + s] + 1) % 3;
        cr_assert_not(record_score(&a[s]));
        cr_assert_not(record_score(&b[s]));
    }
    cr_assert_not(compare_groups(&c, list_a, SEEDS, list_b, SEEDS));
    cr_assert(c.paired_seeds && c.std_a > 0.02);
    cr_assert(c.equivalent, "%g to %g", c.range.low, c.range.high);
    double d[SEEDS];
    for (int s = 0; s < SEEDS; s++)
        d[s] = record_metric(&b[s], "macro_f1") - record_metric(&a[s], "macro_f1");
    cr_assert_float_eq((c.range.high + c.range.low) / 2, mean_of(d, SEEDS), 1e-12);
    // another recipe: not the same runs on another device
    for (int s = 0; s < SEEDS; s++) {
        fake_recipe_number(&b[s], "learning_rate", 1e-3);
        cr_assert_not(record_score(&b[s]));
    }
    cr_assert_not(compare_groups(&c, list_a, SEEDS, list_b, SEEDS));
    cr_assert(!c.paired_seeds && !c.equivalent);
}

Test(groups, mixed_groups_are_refused) {
    group_comparison c;
    make("tiny", 0.5, "tiny", 0.5, 100);
    cr_assert_not(record_text(&a[1].model.name, "other"));
    cr_assert_eq(compare_groups(&c, list_a, SEEDS, list_b, SEEDS), ERR_DATA);
    cr_assert_str_eq(
        err_message(ERR_DATA),
        "a group must be runs of one model on one device: the model is 'tiny' and 'other' "
        "(the runs of a side may be named with commas: A1,A2 B1,B2)");
    cr_assert_not(record_text(&a[1].model.name, "tiny"));
    a[1].seed = 0;
    cr_assert_eq(compare_groups(&c, list_a, SEEDS, list_b, SEEDS), ERR_DATA);
    cr_assert_str_eq(err_message(ERR_DATA), "a group holds seed 0 twice");
    a[1].seed = 1;
    for (int s = 0; s < SEEDS; s++) b[s].task.version = 2;
    cr_assert_eq(compare_groups(&c, list_a, SEEDS, list_b, SEEDS), ERR_DATA);
    cr_assert(strstr(err_message(ERR_DATA), "the version of task 'fake_task' is 1 and 2"));
}

/* One run of a group departs: each field is looked at, and named. */
Test(groups, whatever_a_group_mixes_is_named) {
    static const char sha[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    for (int field = 0; field < 6; field++) {
        group_comparison c;
        make("tiny", 0.5, "tiny", 0.5, 24);
        record *odd = &a[2];
        char **const texts[] = {&odd->model.name,  &odd->model.weights_sha256, NULL, &odd->protocol,
                                &odd->device.name, &odd->device.precision};
        static const char *const named[] = {"the model is",    "the weights hash is",
                                            "the recipe hash", "the protocol is",
                                            "the device is",   "the precision is"};
        if (texts[field])
            cr_assert_not(record_text(texts[field], sha));
        else
            memcpy(odd->recipe_sha256, sha, sizeof sha);
        cr_assert_eq(compare_groups(&c, list_a, SEEDS, list_b, SEEDS), ERR_DATA, "%s",
                     named[field]);
        cr_expect(strstr(err_message(ERR_DATA), named[field]), "no '%s' in %s", named[field],
                  err_message(ERR_DATA));
        if (field == 5) break;
        teardown();
    }
}

/* What a side's runs are together: means of those that know, ranges of scales and of speeds. */
Test(groups, figures_of_a_side_are_those_of_all_its_runs) {
    group_comparison c;
    strbuf out = {0};
    make("tiny", 0.5, "mini", 0.5, 24);
    static const double speeds[] = {100, 200, 300}, others[] = {200, 100, 600};
    for (int s = 0; s < SEEDS; s++) {
        a[s].timing.tokens_per_s = speeds[s];
        b[s].timing.tokens_per_s = others[s];
        a[s].loss_scale = 1024 << s;
        b[s].loss_scale = 32768;
        a[s].skipped_steps = b[s].skipped_steps = 3;
        a[s].kernel_times[0].ms = 1 + s; // 1, 2, 3
    }
    b[2].kernel_count = 0; // of an older program
    b[0].kernel_times[0].ms = 4;
    b[1].kernel_times[0].ms = 8;
    cr_assert_not(compare_groups(&c, list_a, SEEDS, list_b, SEEDS));
    // 900 / 600; 100 / 300 and 600 / 100
    cr_expect_float_eq(c.speed, 1.5, 1e-12);
    cr_expect_float_eq(c.speed_low, 1.0 / 3, 1e-12);
    cr_expect_float_eq(c.speed_high, 6, 1e-12);
    cr_assert_not(compare_groups_text(&out, &c, "left", "right"));
    static const char *const texts[] = {
        "9 of 60 steps skipped, scale 1024 to 4096", "9 of 60 steps skipped, scale 32768",
        "| linear_fwd 512x128   | forward  | 2.000 | 6.000 |", "of A (0.33 to 6.00 over pairs"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_expect(strstr(out.text, texts[i]), "no '%s' in %s", texts[i], out.text);
    strbuf_free(&out);
    const compare_side sides[] = {{"left", list_a, SEEDS}, {"right", list_b, SEEDS}};
    cr_assert_not(compare_matrix_json(&out, sides, 2));
    static const char *const keys[] = {"\"speed_ratio\":\t1.5", "\"tokens_per_s\":\t200",
                                       "\"tokens_per_s\":\t300", "\"seeds\":\t3"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        cr_expect(strstr(out.text, keys[i]), "no '%s' in %s", keys[i], out.text);
    strbuf_free(&out);
    cr_assert_not(compare_matrix_text(&out, sides, 2, PAGE_EN));
    cr_expect(strstr(out.text, "|      200 |             1.00 |") &&
                  strstr(out.text, "|      300 |             1.50 |"),
              "%s", out.text);
    strbuf_free(&out);
    b[2].kernel_count = 4; // that record_free frees
}

/* As many shared seeds as are listed, one more and two more. */
Test(groups, seeds_beyond_the_list_are_counted) {
    enum { MOST = COMPARE_SEEDS_SHOWN + 2 };
    static record many[2][MOST];
    static const record *lists[2][MOST];
    static const char *const ends[] = {NULL, "- and 1 more seed\n", "- and 2 more seeds\n"};
    make("tiny", 0.5, "tiny", 0.5, 24); // for the end of the test
    for (uint32_t s = 0; s < MOST; s++)
        for (int side = 0; side < 2; side++) {
            fake_record_make(
                &many[side][s],
                &(fake_record){.model = side ? "mini" : "tiny", .rows = 24, .seed = s});
            lists[side][s] = &many[side][s];
        }
    for (size_t more = 0; more <= 2; more++) {
        group_comparison c;
        strbuf out = {0};
        size_t count = COMPARE_SEEDS_SHOWN + more;
        cr_assert_not(compare_groups(&c, lists[0], count, lists[1], count));
        cr_expect(c.shared == count && c.seed_count == COMPARE_SEEDS_SHOWN);
        cr_assert_not(compare_groups_text(&out, &c, "left", "right"));
        cr_expect(strstr(out.text, more ? ends[more] : "mean share") &&
                      (more || !strstr(out.text, " more seed")),
                  "%zu more: %s", more, out.text);
        strbuf_free(&out);
    }
    for (uint32_t s = 0; s < MOST; s++)
        for (int side = 0; side < 2; side++) record_free(&many[side][s]);
}

Test(groups, verb_takes_folders_of_runs) {
    char *folder, *left, *right, *path;
    fake_folder(&folder);
    make("tiny", 0.4, "mini", 0.7, 100);
    cr_assert_not(path_join(&left, folder, "left"));
    cr_assert_not(path_join(&right, folder, "right"));
    for (int s = 0; s < SEEDS; s++) {
        cr_assert_not(mem_printf(&path, "%s/run-%d/record.json", left, s));
        cr_assert_not(record_write(&a[s], path));
        mem_free(path);
        cr_assert_not(mem_printf(&path, "%s/seed-%d.json", right, s));
        cr_assert_not(record_write(&b[s], path));
        mem_free(path);
    }
    program_result p = RUN_WELL("compare", left, right);
    cr_assert(strstr(p.out, "tiny on cpu, fp32, 3 seeds: macro F1 "), "%s", p.out);
    p = RUN_WELL("compare", "--json", left, right);
    cJSON *json;
    cr_assert_not(json_parse(&json, p.out, strlen(p.out), "json"));
    cr_assert(json_has(json, "equivalent") && json_has(json, "shared_seeds"));
    cJSON_Delete(json);
    p = RUN("compare", left, folder);
    EXPECT(p, 1, err, "holds no record.json and no record");
    fake_folder_end(folder);
    mem_free(left);
    mem_free(right);
}

Test(groups, a_copy_under_another_seed_is_refused) {
    group_comparison c;
    make("tiny", 0.5, "mini", 0.5, 24);
    cr_assert_not(record_text(&b[2].final_weights_sha256, b[0].final_weights_sha256));
    cr_assert_eq(compare_groups(&c, list_a, SEEDS, list_b, SEEDS), ERR_DATA);
    cr_assert_str_eq(err_message(ERR_DATA),
                     "a group holds one run twice: seeds 1 and 3 ended with the same weights");
}
