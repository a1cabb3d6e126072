/* trainer_state.json of a checkpoint. In the input, @M and @O stand for the SHA-256 of the two
 * tensor files that lie beside it, so that inputs outlive changes of the model. */
#include "base/memory.h"
#include "base/sums.h"
#include "fuzz.h"
#include "model.h"
#include "platform/file.h"
#include "train/checkpoint/checkpoint.h"

#include <math.h>
#include <string.h>

static char model_sha256[HASH_HEX_BYTES], moments_sha256[HASH_HEX_BYTES];
static cJSON *identity;

static void write_once(const fuzz_model *m, const checkpoint_run *run) {
    const char *folder = fuzz_path("state");
    FUZZ_CHECK(folder_make(folder) == ERR_OK);
    FUZZ_CHECK(checkpoint_write(folder, &m->trainer, &m->words, run, 0) == ERR_OK);
    // any state is to be read here, not the one that was written
    FUZZ_CHECK(sums_remove(fuzz_path("state/checkpoint-2")) == ERR_OK);
    const char *model = fuzz_path("state/checkpoint-2/model.safetensors");
    const char *moments = fuzz_path("state/checkpoint-2/optimizer.safetensors");
    FUZZ_CHECK(hash_file_hex(model, model_sha256) == ERR_OK);
    FUZZ_CHECK(hash_file_hex(moments, moments_sha256) == ERR_OK);
}

/* The input with @M and @O replaced; owned. */
static bool expand(strbuf *out, const uint8_t *data, size_t size) {
    err e = ERR_OK;
    for (size_t i = 0; i < size && !e; i++) {
        bool marked = data[i] == '@' && i + 1 < size && (data[i + 1] == 'M' || data[i + 1] == 'O');
        e = marked ? strbuf_add(out, data[i + 1] == 'M' ? model_sha256 : moments_sha256)
                   : strbuf_add_bytes(out, data + i, 1);
        i += marked;
    }
    return fuzz_needs(e);
}

static void read_state(fuzz_model *m, checkpoint_run *run, const char *path) {
    trainer *t = &m->trainer;
    if (!fuzz_accepts(checkpoint_read(t, run, path))) return;
    FUZZ_CHECK(t->done >= 1 && t->done <= t->total_steps && run->best_step <= t->done);
    FUZZ_CHECK(isfinite(run->best_score));
    for (uint32_t i = 0; i < t->done; i++) FUZZ_CHECK(isfinite(t->losses[i]));
    // what was read can be written again
    const char *folder = fuzz_path("rewritten");
    if (fuzz_needs(folder_make(folder)))
        (void)fuzz_needs(checkpoint_write(folder, t, &m->words, run, 1));
}

FUZZ_TARGET(trainer_state) {
    fuzz_setup();
    fuzz_model *m = fuzz_model_get();
    if (!identity) {
        identity = cJSON_CreateObject();
        FUZZ_CHECK(cJSON_AddStringToObject(identity, "task", "made") != NULL);
    }
    checkpoint_run run = {.id = "r", .identity = identity};
    m->trainer.done = 2;
    if (!model_sha256[0]) write_once(m, &run);
    strbuf text = {0};
    char *found = NULL;
    fuzz_begin();
    if (expand(&text, data, size)) {
        fuzz_file("state/checkpoint-2/trainer_state.json", text.text, text.length);
        const char *folder = fuzz_path("state"), *path = fuzz_path("state/checkpoint-2");
        read_state(m, &run, path);
        if (fuzz_accepts(checkpoint_find(&found, folder, "r")))
            FUZZ_CHECK(!found || !strcmp(found, path));
    }
    mem_free(found);
    strbuf_free(&text);
    fuzz_end();
}
