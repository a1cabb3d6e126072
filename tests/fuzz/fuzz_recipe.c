/* Recipe files: hyperparameters by name. */
#include "fuzz.h"
#include "train/recipe.h"

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
        FUZZ_CHECK(recipe_total_steps(&r, 8) >= 1);
        FUZZ_CHECK(recipe_warmup(&r, 100) <= 1000000000);
    }
    fuzz_end();
}
