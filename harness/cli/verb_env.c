/* `harness env`: one block for a bug report. It names no files and no secrets: of variables that
 * may hold one it says that they are set. */
#include "base/json.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/options.h"
#include "cli/output.h"
#include "compute/device.h"
#include "metric/score.h"
#include "platform/host.h"
#include "platform/host_memory.h"
#include "platform/places.h"
#include "result/version.h"

#include <stdio.h>
#include <string.h>

static const char *const variables[] = {"HARNESS_DATA",    "XDG_CACHE_HOME",
                                        "HF_HOME",         "HF_HUB_CACHE",
                                        "HF_ENDPOINT",     "HF_HUB_OFFLINE",
                                        "HF_TOKEN",        "HTTPS_PROXY",
                                        "OMP_NUM_THREADS", "OMP_WAIT_POLICY",
                                        "GOMP_SPINCOUNT",  "LANG",
                                        "NO_COLOR",        NULL};

/* The first line of /etc/os-release that names the system. */
static void system_name(char text[128]) {
    char line[256], *end;
    FILE *f = fopen("/etc/os-release", "r");
    snprintf(text, 128, "unknown");
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "PRETTY_NAME=", 12) != 0) continue;
        const char *at = line + 12 + (line[12] == '"');
        snprintf(text, 128, "%s", at);
        end = text + strcspn(text, "\"\n");
        *end = '\0';
    }
    if (f) fclose(f);
}

/* Whether the value may be shown: an address or a proxy can hold a password, a token is one. */
static bool is_secret(const char *name) {
    return !strcmp(name, "HF_TOKEN") || !strcmp(name, "HTTPS_PROXY") ||
           !strcmp(name, "HF_ENDPOINT");
}

/* Those of a list that ends with NULL which are set. */
static err add_variables(cJSON *o, const char *const *list) {
    err e = ERR_OK;
    for (; *list && !e; list++) {
        const char *value = environment(*list);
        if (value) e = json_add_string(o, *list, is_secret(*list) ? "(set)" : value);
    }
    return e;
}

static err add_devices(cJSON *root) {
    device_info *list;
    size_t count;
    const char *note;
    cJSON *array, *o;
    err e = device_list(&list, &count, &note);
    if (e) return e;
    e = json_add_array(&array, root, "devices");
    for (size_t i = 0; i < count && !e; i++) {
        const device_info *d = &list[i];
        if (!(e = json_append_object(&o, array)))
            e = json_put(
                o, "name %s class %s driver %s version %s isa %s libraries %s fault %s threads %u",
                d->name, device_class_name(d->class), d->driver, d->version, d->isa, d->libraries,
                d->fault, d->threads);
    }
    if (!e && *note) e = json_add_string(root, "devices_note", note);
    mem_free(list);
    return e;
}

static err gather(cJSON *root) {
    char name[128], commit[64];
    char release[HOST_NAME_BYTES], machine[HOST_NAME_BYTES];
    system_name(name);
    snprintf(commit, sizeof commit, "%.12s%s", version_commit(),
             version_is_dirty() ? ", changed" : "");
    err e = json_put(root, "harness %s commit %s numerics %u metrics %u", version_string(), commit,
                     (unsigned)NUMERICS_VERSION, (unsigned)METRIC_VERSION);
    if (!e) e = json_put(root, "compiler %s system %s", __VERSION__, name);
    if (!e && host_system(release, machine))
        e = json_put(root, "kernel %s machine %s", release, machine);
    if (!e)
        e = json_put(root, "processors %f memory_bytes %f", (double)host_processors(),
                     (double)host_memory_total());
    cJSON *o = NULL;
    if (!e) e = add_devices(root);
    if (!e) e = json_add_object(&o, root, "environment");
    if (!e) e = add_variables(o, variables);
    return e ? e : add_variables(o, device_variables);
}

/* A line "key value"; what is longer than the window goes on below its first word. */
static void print_line(const char *key, const char *text) {
    char label[40];
    snprintf(label, sizeof label, "%-14s ", key);
    output_labelled(label, text);
}

/* The texts of an object, those that are not empty: "a; b". */
static void print_device(const cJSON *o) {
    strbuf line = {0};
    const cJSON *item;
    err e = strbuf_add(&line, "");
    cJSON_ArrayForEach(item, o) {
        if (!e && cJSON_IsString(item) && *item->valuestring)
            e = strbuf_printf(&line, "%s%s", line.length ? "; " : "", item->valuestring);
    }
    if (!e) print_line("device", line.text);
    strbuf_free(&line);
}

static void print_block(const cJSON *root) {
    const cJSON *item, *inner;
    char text[400];
    cJSON_ArrayForEach(item, root) {
        if (cJSON_IsArray(item)) {
            cJSON_ArrayForEach(inner, item) {
                print_device(inner);
            }
        } else if (cJSON_IsObject(item)) {
            cJSON_ArrayForEach(inner, item) {
                snprintf(text, sizeof text, "%s=%s", inner->string, inner->valuestring);
                print_line("variable", text);
            }
        } else if (cJSON_IsString(item)) {
            print_line(item->string, item->valuestring);
        } else {
            print_line(item->string, SHOWN_NUMBER(item->valuedouble));
        }
    }
}

err verb_env(const options *o) {
    cJSON *root = cJSON_CreateObject();
    err e = gather(root);
    if (o->json) return output_json_last(e, root, true);
    if (!e) print_block(root);
    cJSON_Delete(root);
    return e;
}
