#include "cli/find_run.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "platform/file.h"
#include "result/store.h"

#include <string.h>
#include <sys/stat.h>

/* A run is finished when its record and its model are there. */
static err consider(char **best, struct timespec *newest, const char *folder) {
    char *path = NULL;
    struct stat st;
    err e = path_join(&path, folder, "record.json");
    if (!e && record_model_is_there(folder) && stat(path, &st) == 0) {
        bool later = st.st_mtim.tv_sec != newest->tv_sec ? st.st_mtim.tv_sec > newest->tv_sec
                                                         : st.st_mtim.tv_nsec > newest->tv_nsec;
        if (!*best || later) {
            *newest = st.st_mtim;
            mem_free(*best);
            *best = NULL;
            e = mem_strdup(best, folder);
        }
    }
    mem_free(path);
    return e;
}

static err search_task(char **best, struct timespec *newest, const char *folder) {
    folder_list runs = {0};
    err e = folder_list_read(&runs, folder);
    for (size_t i = 0; !e && i < runs.count; i++) {
        char *one = NULL;
        if (!(e = path_join(&one, folder, runs.names[i])) && folder_exists(one))
            e = consider(best, newest, one);
        mem_free(one);
    }
    folder_list_free(&runs);
    return e;
}

static err search(char **best, const char *task_name) {
    folder_list tasks = {0};
    struct timespec newest = {0};
    if (!folder_exists("runs")) return ERR_OK;
    err e = folder_list_read(&tasks, "runs");
    for (size_t i = 0; !e && i < tasks.count; i++) {
        char *one = NULL;
        if (task_name && strcmp(task_name, tasks.names[i]) != 0) continue;
        if (!(e = path_join(&one, "runs", tasks.names[i])) && folder_exists(one))
            e = search_task(best, &newest, one);
        mem_free(one);
    }
    folder_list_free(&tasks);
    return e;
}

err find_run(char **folder, const char *given, const char *task_name) {
    *folder = NULL;
    if (given) return mem_strdup(folder, given);
    err e = search(folder, task_name);
    if (e) return e;
    char word[200];
    shown_snprintf(word, sizeof word, SHOWN_SHELL, "%s", task_name ? task_name : "kor_hate");
    if (!*folder)
        return err_set(ERR_DATA,
                       "no finished run%s%s under ./runs: make one with `harness run --task %s`, "
                       "or name a model folder with --checkpoint",
                       task_name ? " of " : "", task_name ? word : "", word);
    log_note("model   %s", *folder);
    return ERR_OK;
}
