#include "result/other_kind.h"

#include "base/log.h"
#include "base/shown.h"

#include <stdio.h>
#include <string.h>

enum { KEYS_MOST = 3 };

static const struct {
    const char *what, *keys[KEYS_MOST];
} kinds[] = {
    {"the configuration of a model", {"architectures", "model_type"}},
    {"a tokenizer's file", {"added_tokens", "model"}},
    {"a tokenizer's file", {"unk_token", "mask_token"}},
    {"a list of weights' files", {"weight_map"}},
    {"the mark of a model or checkpoint", {"made_by", "run"}},
    {"what a run notes of itself", {"run", "identity"}},
    {"a trial of a tuning", {"dev_rows", "best_step"}},
    {"the result of a tuning", {"search", "trials"}},
    {"a recipe", {"learning_rate", "num_train_epochs"}},
    {"a manifest", {"data_folder", "files"}},
    {"a board", {"tables", "overall"}},
    {"a comparison of runs", {"differs", "kernels"}},
    {"a baseline of the regression gate", {"suite_sha256", "cases"}},
    {"a suite of the regression gate", {"bound", "cases"}},
    {"figures of the regression gate", {"baseline", "figures"}},
    {"comparisons with other programs", {"comparisons"}},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

const char *other_kind(const cJSON *json) {
    const char *kind = json_text_at(json, "kind"), *schema = json_text_at(json, "schema");
    if (!cJSON_IsObject(json) || json_has(json, "predictions")) return NULL;
    if (kind && !strcmp(kind, "pretraining")) return "the record of a pretraining";
    if (schema && !strncmp(schema, "harness-", 8)) return "a record of speed or history";
    for (size_t i = 0; i < KINDS; i++) {
        bool has = true;
        for (size_t k = 0; k < KEYS_MOST && kinds[i].keys[k] && has; k++)
            has = json_has(json, kinds[i].keys[k]);
        if (has) return kinds[i].what;
    }
    return NULL;
}

err other_files_pass(other_files *o, err e) {
    if (e != ERR_UNSUPPORTED) return e;
    if (!o->count++) snprintf(o->first, sizeof o->first, "%s", err_message(e));
    err_clear();
    return ERR_OK;
}

void other_files_tell(const other_files *o, const char *folder) {
    if (o->count)
        log_note("%s: %zu file%s of other kinds passed over; the first is %s", folder, o->count,
                 shown_plural(o->count), o->first);
}
