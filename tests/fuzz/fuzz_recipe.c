/* Recipe files: hyperparameters by name. */
#include "fuzz.h"
#include "train/recipe/recipe.h"

FUZZ_TARGET(recipe) {
    recipe r;
    char hex[65];
    fuzz_begin();
    if (fuzz_accepts(recipe_load(&r, fuzz_file("recipe.json", data, size)))) {
#define X(kind, key, value, low, high, recorded)                                                   \
    FUZZ_CHECK((double)r.key >= (double)(low) && (double)r.key <= (double)(high));
        RECIPE_FIELDS(X)
#undef X
        (void)fuzz_needs(recipe_digest(&r, hex));
        uint32_t few = recipe_total_steps(&r, 8), many = recipe_total_steps(&r, UINT32_MAX);
        FUZZ_CHECK((few > 0) == (r.max_steps || r.num_train_epochs > 0));
        FUZZ_CHECK(few <= many && many <= 1000000000);
        FUZZ_CHECK(recipe_warmup(&r, 100) <= 1000000000);
    }
    fuzz_end();
}
