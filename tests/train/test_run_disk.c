/* What a run takes of the disk is known before its first step, and what lacks is said then. */
#include "support/must.h"
#include "support/program.h"
#include "train/run/run_parts.h"

#include <string.h>

enum { STEPS = 10, MIB = 1 << 20 };

/* Weights and two moments of as many numbers, and a mebibyte for what else there is. */
static uint64_t checkpoint_of(size_t total) {
    return 12 * (uint64_t)total + MIB;
}

static const struct {
    uint32_t every, limit;
    run_protocol protocol;
    bool is_trial;
    uint64_t saves, models;
} cases[] = {
    {0, 0, PROTOCOL_LAST, false, 0, 2},  // the final model twice while it is written
    {3, 0, PROTOCOL_LAST, false, 3, 2},  // 3, 6, 9
    {5, 0, PROTOCOL_LAST, false, 2, 2},  // 5, 10
    {11, 0, PROTOCOL_LAST, false, 0, 2}, // none is due
    {1, 2, PROTOCOL_LAST, false, 3, 2},  // the third is written before the first goes
    {3, 2, PROTOCOL_LAST, false, 3, 2},  {3, 3, PROTOCOL_LAST, false, 3, 2},
    {3, 5, PROTOCOL_LAST, false, 3, 2},  {3, 0, PROTOCOL_DEV, false, 3, 3}, // and the best weights
    {3, 0, PROTOCOL_DEV, true, 3, 0}, // a trial keeps no weights
};

Test(run_disk, counts_checkpoints_and_models) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run r = {.request = {.protocol = cases[i].protocol, .is_trial = cases[i].is_trial}};
        r.request.recipe.save_steps = cases[i].every;
        r.request.recipe.save_total_limit = cases[i].limit;
        r.trainer.total_steps = STEPS;
        r.trainer.model.params.total = 1000000;
        uint64_t saves = 99, one = checkpoint_of(1000000);
        uint64_t bytes = run_disk_bytes(&r, &saves);
        cr_expect_eq(saves, cases[i].saves, "case %zu: %llu", i, (unsigned long long)saves);
        cr_expect_eq(bytes, cases[i].saves * one + cases[i].models * (one / 3), "case %zu: %llu", i,
                     (unsigned long long)bytes);
    }
}

Test(run_disk, what_lacks_is_said_before_the_first_step) {
    uint64_t bytes = 0;
    run r = {.output = (char *)(uintptr_t)temporary_path("not/there/yet")};
    r.existing_bytes = strlen(temporary_folder());
    r.request.recipe.save_steps = 4;
    r.trainer.total_steps = STEPS;
    r.trainer.model.params.total = 1000;
    MUST(run_free_bytes(&bytes, &r));
    cr_assert_gt(bytes, 0);
    MUST(run_check_disk(&r));
    r.trainer.model.params.total = (size_t)1 << 52;
    cr_assert_eq(run_check_disk(&r), ERR_IO);
    cr_assert_not_null(strstr(err_message(ERR_IO), "not/there/yet: 2 checkpoints and the final "
                                                   "model need "),
                       "%s", err_message(ERR_IO));
}
