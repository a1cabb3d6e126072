#include "cli/tune_places.h"

#include "base/hash.h"
#include "base/json.h"
#include "cli/output.h"
#include "platform/file.h"
#include "result/record_strict.h"

#include <string.h>

enum { END_LIMIT_BYTES = 64 << 20 /* of tune.json */ };

static const char end_name[] = "tune.json", recipe_name[] = "recipe.json";
/* In tune.json: the hash of the recipe's file, and of the one that it replaces. */
static const char end_digest[] = "recipe_sha256", before_digest[] = "recipe_before_sha256";

/* What the search said at its last end; *root is NULL where it had none. Errors: ERR_DATA where another
 * wrote it, or changed it. */
static err read_end(cJSON **root, const char *folder) {
    char path[PATH_MAX];
    *root = NULL;
    err e = path_in(path, folder, end_name);
    if (e || !file_named(path)) return e;
    if (!file_is_own(path)) return file_refuse_strange(path);
    e = json_read(root, path, END_LIMIT_BYTES);
    if (!e) e = record_checksums_check(*root, path);
    if (e && e != ERR_MEMORY) e = file_refuse_strange(path);
    return e;
}

static bool is_of_end(const cJSON *end, const char *hex) {
    const char *last = json_text_at(end, end_digest), *before = json_text_at(end, before_digest);
    return (last && !strcmp(last, hex)) || (before && !strcmp(before, hex));
}

/* The recipe there: absent, or as this search wrote it. */
static err check_recipe(const cJSON *end, const char *path) {
    char found[HASH_HEX_BYTES];
    if (!file_named(path)) return ERR_OK;
    if (!file_is_own(path)) return file_refuse_strange(path);
    err e = hash_file_hex(path, found);
    return e || is_of_end(end, found) ? e : file_refuse_strange(path);
}

/* --output names a file that is there: it may be replaced when it holds what this search wrote beside
 * its trials, or at the end before: it was killed between the one file and the other. */
static err check_output(const cJSON *end, const options *o) {
    char found[HASH_HEX_BYTES] = "", *place = NULL;
    err e = output_spares_run(o->output);
    if (!e && file_named(o->output) && !o->overwrite) {
        if (file_exists(o->output)) e = hash_file_hex(o->output, found);
        if (!e && !is_of_end(end, found))
            e = err_set(ERR_USAGE,
                        "%s is there already, and is not what this search wrote (--overwrite "
                        "replaces it and trains all trials anew)",
                        o->output);
    }
    if (!e) e = path_folder(&place, o->output);
    if (!e && !folder_exists(place)) // before hours of trials
        e = err_set(ERR_IO, "%s: cannot write: there is no folder %s", o->output, place);
    mem_free(place);
    return e;
}

/* A trial's file is replaced where it is damaged; what is no file cannot be. */
static err check_trials(const char *trials) {
    folder_list names = {0};
    if (!folder_is_own(trials)) return ERR_OK;
    err e = folder_list_read(&names, trials);
    while (folder_next(&names, &e)) {
        const char *kind = tune_trial_is_name(names.name) ? file_other_kind(names.path) : NULL;
        if (kind)
            e = err_set(ERR_IO, "%s: cannot write: is %s, a file was expected", names.path, kind);
    }
    folder_list_free(&names);
    return e;
}

static err check_folders(const char *top, const char *folder) {
    static const char *const names[] = {TUNE_TRIALS, SEARCH_WORK};
    char path[PATH_MAX];
    err e = ERR_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names && !e; i++)
        if (!(e = path_in(path, folder, names[i]))) e = folder_check_below(top, path);
    return e;
}

err tune_places_check(const char *top, const char *folder, const options *o) {
    char recipe_path[PATH_MAX], trials[PATH_MAX];
    cJSON *end = NULL;
    err e = check_folders(top, folder);
    if (!e) e = read_end(&end, folder);
    if (!e) e = path_in(recipe_path, folder, recipe_name);
    if (!e) e = check_recipe(end, recipe_path);
    if (!e) e = path_in(trials, folder, TUNE_TRIALS);
    if (!e) e = check_trials(trials);
    if (!e) e = folder_check_writable(folder);
    if (!e && o->output) e = check_output(end, o);
    cJSON_Delete(end);
    return e;
}

/* The recipe that is replaced, or where it is the same, the one before. */
static err add_before(cJSON *root, const char *folder, const char *path, const char *hex) {
    char found[HASH_HEX_BYTES] = "";
    cJSON *end = NULL;
    err e = file_exists(path) ? hash_file_hex(path, found) : ERR_OK;
    if (!e) e = read_end(&end, folder);
    const char *before = strcmp(found, hex) != 0 ? found : json_text_at(end, before_digest);
    if (!e && before && *before) e = json_add_string(root, before_digest, before);
    cJSON_Delete(end);
    return e;
}

err tune_places_write(cJSON **root, const tune_result *t, const char *output) {
    strbuf chosen = {0};
    char path[PATH_MAX], all[PATH_MAX], hex[HASH_HEX_BYTES];
    *root = NULL;
    err e = path_in(path, t->folder, recipe_name);
    if (!e) e = path_in(all, t->folder, end_name);
    if (!e) e = tune_recipe_text(&chosen, t);
    if (!e) e = tune_json(root, t, output ? output : path);
    if (e) goto done;
    hash_bytes_hex(chosen.text, chosen.length, hex);
    e = json_add_string(*root, end_digest, hex);
    if (!e) e = add_before(*root, t->folder, path, hex);
    if (!e) e = record_checksums_write(*root);
    if (!e) e = json_write(all, *root);
    if (!e) e = file_write(path, chosen.text, chosen.length);
    if (!e && output) e = file_write(output, chosen.text, chosen.length);
done:
    strbuf_free(&chosen);
    return e;
}
