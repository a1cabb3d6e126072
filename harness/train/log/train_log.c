#include "train/log/train_log.h"

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "platform/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char lines_name[] = "log.jsonl";
enum { LIMIT_BYTES = 256 << 20 };
static const char events_folder[] = "tensorboard";
static const char events_name[] = "events.out.tfevents.harness";

/* Whether a line (without its end, which may be written to) is whole and of a step that stays. */
static err stays(bool *good, char *line, size_t length, uint32_t kept_step, const char *path) {
    cJSON *root = NULL;
    *good = false;
    // no object: not parsed, for a file of empty lines would be reported on a million times
    if (*line != '{') return ERR_OK;
    line[length] = '\0';
    err e = json_parse_part(&root, line, length, path, 1, 1);
    line[length] = '\n';
    const cJSON *step = cJSON_GetObjectItemCaseSensitive(root, "step");
    *good = cJSON_IsNumber(step) && step->valuedouble <= kept_step;
    cJSON_Delete(root);
    return err_forgive(e, ERR_FORMAT);
}

static err cut(const char *path, uint32_t kept_step) {
    void *bytes = NULL;
    size_t count = 0;
    strbuf kept = {0};
    if (!file_exists(path)) return ERR_OK;
    err e = file_read(&bytes, &count, path, LIMIT_BYTES);
    char *at = bytes;
    // a line without its end was being written when the run was killed
    for (char *end; !e && (end = memchr(at, '\n', count)); at = end + 1) {
        size_t length = (size_t)(end - at);
        bool good = false;
        if (!(e = stays(&good, at, length, kept_step, path)) && good)
            e = strbuf_add_bytes(&kept, at, length + 1);
        count -= length + 1;
    }
    if (!e) e = file_write(path, kept.text ? kept.text : "", kept.length);
    strbuf_free(&kept);
    mem_free(bytes);
    return e;
}

static err open_events(train_log *l, const char *folder, bool wanted, uint32_t kept_step) {
    char path[PATH_MAX], inner[PATH_MAX];
    err e = path_in(inner, folder, events_folder);
    if (e) return e;
    if (!wanted) {
        // events of another run would stand beside this one's files
        if (!kept_step) train_log_remove_events(folder);
        return ERR_OK;
    }
    if ((e = folder_make_own(inner)) || (e = path_in(path, inner, events_name))) return e;
    e = event_file_open(&l->events, path, kept_step);
    l->has_events = !e;
    return e;
}

err train_log_open(train_log *l, const char *folder, bool tensorboard, uint32_t kept_step) {
    *l = (train_log){0};
    err e = path_join(&l->path, folder, lines_name);
    if (!e && kept_step && !file_named(l->path))
        log_warn("%s: missing: what was logged up to step %u, from which the run goes on, is lost",
                 l->path, kept_step);
    if (e || (kept_step && (e = cut(l->path, kept_step)))) return e;
    if ((e = file_open_log(&l->lines, l->path, kept_step > 0))) return e;
    return open_events(l, folder, tensorboard, kept_step);
}

err train_log_owns_events(bool *ours, const char *folder) {
    folder_list list = {0};
    *ours = false;
    if (!folder_is_own(folder)) return ERR_OK;
    char path[PATH_MAX];
    err e = folder_list_read(&list, folder);
    if (!e) e = path_in(path, folder, events_name);
    bool events = !e && list.count == 1 && !strcmp(list.names[0], events_name) && file_is_own(path);
    *ours = events || (!e && list.count == 0);
    folder_list_free(&list);
    return e;
}

void train_log_remove_events(const char *folder) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s/%s", folder, events_folder, events_name);
    file_drop(path);
    snprintf(path, sizeof path, "%s/%s", folder, events_folder);
    (void)folder_drop(path);
}

void train_log_close(train_log *l) {
    if (l->lines) fclose((FILE *)l->lines);
    event_file_close(&l->events);
    mem_free(l->path);
    *l = (train_log){0};
}

static err add_line(train_log *l, uint32_t step, double epoch, const log_value *values,
                    size_t count) {
    cJSON *root = cJSON_CreateObject();
    char *text = NULL;
    err e = ERR_OK;
    for (size_t i = 0; !e && i < count; i++)
        e = json_add_number(root, values[i].name, values[i].value);
    if (!e) e = json_put(root, "epoch %f step %u", epoch, step);
    if (!e) e = json_print(&text, root, false);
    if (!e && (fprintf((FILE *)l->lines, "%s\n", text) < 0 || fflush((FILE *)l->lines)))
        e = err_set(ERR_IO, "%s: cannot write: %s", l->path, strerror(errno));
    mem_free(text);
    cJSON_Delete(root);
    return e;
}

/* Tags as Trainer's TensorBoard callback makes them. */
static void tag_of(char tag[LOG_NAME_BYTES + 8], const char *name) {
    bool is_eval = strncmp(name, "eval_", 5) == 0, is_test = strncmp(name, "test_", 5) == 0;
    snprintf(tag, LOG_NAME_BYTES + 8, "%s/%s",
             is_eval   ? "eval"
             : is_test ? "test"
                       : "train",
             is_eval || is_test ? name + 5 : name);
}

static err add_event(train_log *l, uint32_t step, double epoch, const log_value *values,
                     size_t count) {
    char tags[LOG_VALUES_MAX][LOG_NAME_BYTES + 8];
    event_scalar scalars[LOG_VALUES_MAX + 1];
    for (size_t i = 0; i < count; i++) {
        tag_of(tags[i], values[i].name);
        scalars[i] = (event_scalar){tags[i], values[i].value};
    }
    scalars[count] = (event_scalar){"train/epoch", epoch};
    return event_file_add(&l->events, step, scalars, count + 1);
}

err train_log_add(train_log *l, uint32_t step, double epoch, const log_value *values,
                  size_t count) {
    if (count > LOG_VALUES_MAX) return err_set(ERR_ARG, "%zu values in one line", count);
    err e = add_line(l, step, epoch, values, count);
    return e || !l->has_events ? e : add_event(l, step, epoch, values, count);
}

/* As a block of code, since it is shown as markdown. */
static err add_arguments(train_log *l, const cJSON *arguments) {
    char *json = NULL, *text = NULL;
    err e = json_print(&json, arguments, true);
    if (!e) e = mem_printf(&text, "```json\n%s\n```\n", json);
    if (!e) e = event_file_add_text(&l->events, text);
    mem_free(json);
    mem_free(text);
    return e;
}

/* The hyperparameters and the rest that the run was told, as a new file begins. */
static err begin_events(train_log *l, const cJSON *arguments) {
    event_setting *settings = NULL;
    const cJSON *item;
    size_t count = 0;
    err e = mem_new(&settings, (size_t)cJSON_GetArraySize(arguments));
    cJSON_ArrayForEach(item, arguments) {
        if (e) break;
        if (cJSON_IsNull(item)) continue; // of pretraining, which has no task
        settings[count++] =
            (event_setting){.name = item->string,
                            .text = cJSON_GetStringValue(item),
                            .number = cJSON_IsBool(item) ? cJSON_IsTrue(item) : item->valuedouble,
                            .is_truth = cJSON_IsBool(item)};
    }
    if (!e) e = add_arguments(l, arguments);
    if (!e) e = event_file_begin_run(&l->events, settings, count);
    mem_free(settings);
    return e;
}

/* One line of log.jsonl as the event that was lost. */
static err add_again(train_log *l, const cJSON *line, uint32_t step) {
    log_value values[LOG_VALUES_MAX];
    double epoch = 0;
    size_t count = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, line) {
        if (!cJSON_IsNumber(item) || !strcmp(item->string, "step")) continue;
        if (!strcmp(item->string, "epoch")) {
            epoch = item->valuedouble;
        } else if (count < LOG_VALUES_MAX && strlen(item->string) < LOG_NAME_BYTES) {
            snprintf(values[count].name, LOG_NAME_BYTES, "%s", item->string);
            values[count++].value = item->valuedouble;
        }
    }
    return add_event(l, step, epoch, values, count);
}

/* Whether the line of that step, the nth of it, has no event any more. */
static bool is_lost(const event_file *f, uint32_t step, uint32_t nth) {
    return step > f->kept_step || (step == f->kept_step && nth > f->kept_of_step);
}

/* The lines whose events a damaged file has lost, once more as events. */
static err add_lost(train_log *l, size_t *added) {
    char *bytes = NULL;
    size_t count = 0;
    uint32_t last = 0, nth = 0;
    err e = file_read((void **)&bytes, &count, l->path, LIMIT_BYTES);
    char *at = bytes;
    for (char *end; !e && (end = memchr(at, '\n', count)); at = end + 1) {
        size_t length = (size_t)(end - at);
        cJSON *line = NULL;
        *end = '\0';
        e = json_parse_part(&line, at, length, l->path, 1, 1);
        count -= length + 1;
        // cut() left only lines with a step, which the run has done; what stands there is anybody's
        double said = e ? 0 : cJSON_GetObjectItemCaseSensitive(line, "step")->valuedouble;
        uint32_t step = said > 0 ? (uint32_t)said : 0;
        nth = step == last ? nth + 1 : 1;
        last = step;
        if (!e && is_lost(&l->events, step, nth) && !(e = add_again(l, line, step))) ++*added;
        cJSON_Delete(line);
    }
    mem_free(bytes);
    return e;
}

static err mend_events(train_log *l) {
    const event_file *f = &l->events;
    size_t added = 0;
    err e = add_lost(l, &added);
    // what a kill left of an event that no line has is no loss
    if (e || (!added && (f->kept_bytes || !f->found_bytes))) return e;
    log_warn("%s: %s (%zu of its %zu bytes could be kept): %zu event%s written again from %s",
             f->path, f->kept_bytes ? "cut or damaged" : "cut, damaged or no event file of a run",
             f->kept_bytes, f->found_bytes, added, added == 1 ? " is" : "s are", lines_name);
    return ERR_OK;
}

err train_log_begin(train_log *l, const cJSON *arguments) {
    if (!l->has_events) return ERR_OK;
    err e = l->events.is_new ? begin_events(l, arguments) : ERR_OK;
    return e || !l->events.is_damaged ? e : mend_events(l);
}

err train_log_end(train_log *l, uint32_t step) {
    return l->has_events ? event_file_end_run(&l->events, step) : ERR_OK;
}
