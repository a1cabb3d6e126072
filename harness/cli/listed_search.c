#include "cli/listed_search.h"

#include "base/json.h"
#include "base/memory.h"
#include "metric/score.h"
#include "platform/file.h"
#include "result/tune_trial.h"

#include <math.h>
#include <string.h>

enum { NAME_DIGITS = 16, FILE_LIMIT_BYTES = 16 << 20 };

/* *root is NULL where the file is not to be had: it is passed over. */
static err read_file(cJSON **root, const char *path) {
    *root = NULL;
    if (!file_is_own(path)) return ERR_OK;
    err e = json_read(root, path, FILE_LIMIT_BYTES);
    if (!e || e == ERR_MEMORY) return e;
    err_clear();
    return ERR_OK;
}

static err copy(char **to, const char *text) {
    return text && !*to ? mem_strdup(to, text) : ERR_OK;
}

/* Of losses and errors the lower one is better. */
static bool is_better(double score, double than, const char *name) {
    const metric *m = metric_find(name);
    if (isnan(score) || isnan(than)) return !isnan(score);
    return m && m->higher_is_better ? score > than : score < than;
}

static err take_trial(listed_run *r, const cJSON *root, const char *name) {
    const char *digest = json_text_at(root, "run_sha256"), *measured = json_text_at(root, "metric");
    double score = json_number_at(root, "score"), seed = json_number_at(root, "seed");
    if (!digest || !measured || strncmp(digest, name, NAME_DIGITS) != 0) return ERR_OK;
    r->trials++;
    if (is_better(score, r->score, measured)) r->score = score;
    if (seed >= 0 && seed <= UINT32_MAX) r->seed = (int64_t)seed;
    err e = copy(&r->task, json_text_at(root, "task"));
    if (!e) e = copy(&r->model, json_text_at(root, "model"));
    if (!e) e = copy(&r->device, json_text_at(root, "device"));
    return e ? e : copy(&r->headline, measured);
}

static err add_trials(listed_run *r, const char *folder) {
    folder_list names = {0};
    err e = folder_list_read(&names, folder);
    for (size_t i = 0; i < names.count && !e; i++) {
        char *path = NULL;
        cJSON *root = NULL;
        if (!tune_trial_is_name(names.names[i])) continue;
        if (!(e = path_join(&path, folder, names.names[i]))) e = read_file(&root, path);
        if (!e) e = take_trial(r, root, names.names[i]);
        cJSON_Delete(root);
        mem_free(path);
    }
    folder_list_free(&names);
    return e;
}

/* What the search has said at its end; of successive halving scores of different rounds do not
 * compare, and it knows which was chosen. */
static err take_end(listed_run *r, const char *folder) {
    char *path = NULL;
    cJSON *root = NULL;
    err e = path_join(&path, folder, "tune.json");
    if (!e) e = read_file(&root, path);
    r->state = root ? RUN_STATE_FINISHED : RUN_STATE_UNFINISHED;
    double score = json_number_at(root, "best_score");
    if (!isnan(score)) r->score = score;
    cJSON_Delete(root);
    mem_free(path);
    return e;
}

err listed_search_read(listed_run *r, const char *folder) {
    char *trials = NULL;
    err e = path_join(&trials, folder, TUNE_TRIALS);
    r->trials = 0;
    if (!e && folder_is_own(trials)) e = add_trials(r, trials);
    if (!e && r->trials) e = take_end(r, folder);
    mem_free(trials);
    return e;
}
