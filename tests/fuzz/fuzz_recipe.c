/* Recipe files: hyperparameters by name. */
#include "fuzz.h"
#include "train/recipe/recipe.h"

FUZZ_TARGET(recipe) {
    recipe r;
    char hex[65];
    fuzz_begin();
    if (fuzz_accepts(recipe_load(&r, fuzz_file("recipe.json", data, size)))) {
        const hyperparameter *h;
        for (size_t i = 0; (h = recipe_row(i)) && h->kind < RECIPE_SCHEDULE; i++) {
            double value = recipe_value(&r, h);
            FUZZ_CHECK(value >= h->low && value <= h->high);
        }
        (void)fuzz_needs(recipe_digest(&r, hex));
        uint32_t few = recipe_total_steps(&r, 8), many = recipe_total_steps(&r, UINT32_MAX);
        FUZZ_CHECK((few > 0) == (r.max_steps || r.num_train_epochs > 0));
        FUZZ_CHECK(few <= many && many <= 1000000000);
        FUZZ_CHECK(recipe_warmup(&r, 100) <= 1000000000);
    }
    fuzz_end();
}
