/* How gradients are cut for their exchange. */
#include "support/must.h"
#include "support/toy.h"
#include "train/group/group.h"
#include "train/step/share.h"

#include <criterion/criterion.h>

/* Of each slice every rank sums a part and, on the native CPU, updates it: whole blocks. */
Test(slices, have_a_block_for_every_rank) {
    static const uint32_t sizes[] = {2, 8, 9, 16, 40};
    toy t;
    trainer tr;
    plan p;
    toy_open(&t, "reference", 4);
    t.config.hidden = 256;
    t.config.intermediate = 1024;
    t.config.heads = 4;
    toy_trainer(&tr, &t, &(trainer_options){.seed = 1});
    MUST(model_gradient_plan(&p, &tr.model, &tr.memory, &tr.batch, &tr.training));
    t.device.is_measured = true; // nobody is asked
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct group g = {.size = sizes[i]};
        share_sum s;
        size_t lengths[16] = {0}, longest = 0;
        MUST(share_sum_init(&s, &g, 2, &p, &tr.model, &tr.batch, &tr.training));
        for (size_t k = 0; k < s.slice_count; k++) {
            size_t *length = &lengths[s.slices[k].part];
            *length = s.slices[k].count > *length ? s.slices[k].count : *length;
            longest = *length > longest ? *length : longest;
        }
        cr_expect_geq(longest, sizes[i] * (size_t)NORM_BLOCK, "%u ranks", sizes[i]);
        for (size_t k = 0; k < s.slice_count; k++) // all but the last of a part
            cr_expect(s.slices[k].count == lengths[s.slices[k].part] || s.slices[k].first,
                      "slice %zu of %u ranks", k, sizes[i]);
        share_sum_free(&s);
    }
    t.device.is_measured = false;
    plan_free(&p);
    trainer_free(&tr);
    toy_close(&t);
}
