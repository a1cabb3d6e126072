/* What a power cut leaves: data synced, then renamed, then the folder synced, in this order, by a
 * list of the calls that tests/shim/disk_calls.c writes. */
#define _GNU_SOURCE
#include "base/memory.h"
#include "net/server.h"
#include "platform/file.h"
#include "support/child.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct call {
    char kind[8];
    long long size;
    char from[PATH_MAX], to[PATH_MAX]; /* a rename's; else the path is in from */
} call;

typedef struct calls {
    call *list; /* (count) owned */
    size_t count;
} calls;

/* Runs the program with the shim and reads what it called. */
static calls calls_of(const char *const *arguments) {
    calls c = {0};
    size_t capacity = 0, bytes = 0;
    void *text = NULL;
    const child_setup setup = {.preload = listed_path(HARNESS_DISK_SHIM)};
    const char *path = temporary_path("calls");
    cr_assert_eq(setenv("HARNESS_DISK_CALLS", path, 1), 0);
    MUST(file_remove(path));
    program_result r = child_run(&setup, 120, arguments);
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    MUST(file_read(&text, &bytes, path, 0));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        call one = {0};
        int fields = sscanf(line, "%7[^\t]\t%lld\t%4095[^\t]\t%4095[^\t]", one.kind, &one.size,
                            one.from, one.to);
        cr_assert(fields == 3 || fields == 4, "%s", line);
        MUST(mem_grow((void **)&c.list, &capacity, c.count + 1, sizeof *c.list));
        c.list[c.count++] = one;
    }
    mem_free(text);
    return c;
}

static bool is_call(const call *c, const char *kind, const char *path) {
    return !strcmp(c->kind, kind) && !strcmp(c->from, path);
}

/* Place of the last such call before `before`; count when there is none. */
static size_t last_before(const calls *c, size_t before, const char *kind, const char *path) {
    for (size_t i = before; i-- > 0;) {
        if (is_call(&c->list[i], kind, path)) return i;
    }
    return c->count;
}

static size_t first_after(const calls *c, size_t after, const char *kind, const char *path) {
    size_t i = after + 1;
    while (i < c->count && !is_call(&c->list[i], kind, path)) i++;
    return i;
}

static bool puts_in_place(const call *c) {
    return !strcmp(c->kind, "rename") || !strcmp(c->kind, "link");
}

/* Place of the last rename or link to a path, which was in the right order: what was renamed had been
 * synced, whole, and the folder it went to is synced after it, before anything else is renamed. */
static size_t durable_rename(const calls *c, const char *to) {
    size_t at = c->count;
    for (size_t i = 0; i < c->count; i++) {
        if (puts_in_place(&c->list[i]) && !strcmp(c->list[i].to, to)) at = i;
    }
    cr_assert_lt(at, c->count, "nothing was renamed to %s", to);
    const call *rename = &c->list[at];
    size_t synced = last_before(c, at, "sync", rename->from);
    cr_assert_lt(synced, c->count, "%s: renamed to %s before it was synced", rename->from, to);
    cr_assert_eq(c->list[synced].size, rename->size, "%s: %lld bytes were synced, %lld renamed", to,
                 c->list[synced].size, rename->size);
    char *folder;
    MUST(path_folder(&folder, to));
    size_t next = at + 1;
    while (next < c->count && !puts_in_place(&c->list[next])) next++;
    cr_assert_lt(first_after(c, at, "sync", folder), next,
                 "%s: renamed, and its folder is not synced before the next rename", to);
    mem_free(folder);
    return at;
}

/* A folder that was put in place at once: each of its files was durable where it was written, and
 * their folder synced, before the rename. Returns the place of the rename. */
static size_t durable_folder(const calls *c, const char *to, const char *const *files) {
    size_t at = durable_rename(c, to);
    const char *from = c->list[at].from;
    char *path;
    // what says that the folder is ours is written where it stays
    MUST(path_join(&path, from, "harness.json"));
    cr_assert_lt(last_before(c, at, "sync", path), c->count, "%s: its mark was not synced", to);
    mem_free(path);
    for (; *files; files++) {
        MUST(path_join(&path, from, *files));
        size_t file = durable_rename(c, path);
        cr_assert_lt(file, at, "%s: put in place before its %s was whole", to, *files);
        cr_assert_lt(first_after(c, file, "sync", from), at, "%s: renamed before %s was synced", to,
                     from);
        mem_free(path);
    }
    return at;
}

/* Of the folder that was renamed there to be removed: what says that it is ours goes behind all else, or
 * what a kill leaves would be a stranger's. */
static void proofs_go_last(const calls *c, size_t renamed) {
    static const char *const proofs[] = {"SHA256SUMS", "trainer_state.json", "harness.json"};
    const char *away = c->list[renamed].to;
    size_t length = strlen(away), others = 0, gone = 0;
    for (size_t i = renamed; i < c->count; i++) {
        const call *x = &c->list[i];
        if (strcmp(x->kind, "unlink") != 0 || strncmp(x->from, away, length) != 0) continue;
        if (x->from[length] != '/') continue;
        if (gone < 3 && !strcmp(x->from + length + 1, proofs[gone]))
            gone++;
        else
            others++;
        cr_expect(!gone || others > 4, "%s went before the rest", x->from);
        cr_expect(!gone || !strcmp(x->from + length + 1, proofs[gone - 1]), "%s goes late",
                  x->from);
    }
    cr_expect_eq(gone, 3);
}

#ifdef __SANITIZE_ADDRESS__
#define NEEDS_PRELOAD() cr_skip_test("the address sanitizer wants to be the first library")
#else
#define NEEDS_PRELOAD() (void)0
#endif

Test(durability, records_checkpoints_and_models) {
    NEEDS_PRELOAD();
    static const char *const checkpoint_files[] = {"model.safetensors", "optimizer.safetensors",
                                                   "trainer_state.json", "SHA256SUMS", NULL};
    static const char *const model_files[] = {"model.safetensors", "config.json", "SHA256SUMS",
                                              NULL};
    calls c = calls_of((const char *const[]){"run",
                                             "--sample",
                                             "--task",
                                             "kor_hate",
                                             "--model",
                                             "tiny",
                                             "--device",
                                             "cpu",
                                             "--max-steps",
                                             "3",
                                             "--batch-size",
                                             "2",
                                             "--save-steps",
                                             "1",
                                             "--save-total-limit",
                                             "1",
                                             "-o",
                                             "out",
                                             "--quiet",
                                             NULL});
    char real[PATH_MAX];
    cr_assert_not_null(realpath(temporary_path("out"), real));
    char first[PATH_MAX + 32], second[PATH_MAX + 32], path[PATH_MAX + 64];
    snprintf(first, sizeof first, "%s/checkpoint-1", real);
    snprintf(second, sizeof second, "%s/checkpoint-2", real);
    durable_folder(&c, first, checkpoint_files);
    size_t placed = durable_folder(&c, second, checkpoint_files);
    // an old checkpoint goes only once its successor cannot be lost
    size_t safe = first_after(&c, placed, "sync", real);
    // first by its name, so that it is never taken for a whole one
    size_t gone = first_after(&c, placed, "rename", first);
    cr_assert_lt(gone, c.count, "%s was not removed", first);
    cr_assert_lt(safe, gone, "%s was removed before its successor was safe", first);
    for (size_t i = 0; i < safe; i++) {
        cr_assert(strcmp(c.list[i].kind, "unlink") != 0 ||
                      strncmp(c.list[i].from, first, strlen(first)) != 0,
                  "%s was removed before its successor was safe", c.list[i].from);
    }
    proofs_go_last(&c, gone);
    snprintf(path, sizeof path, "%s/model", real);
    durable_folder(&c, path, model_files);
    snprintf(path, sizeof path, "%s/record.json", real);
    durable_rename(&c, path);
    mem_free(c.list);
}

static const char downloaded[] = "text,label\na,0\nb,1\n";

static void serve(server *s, int fd, const server_request *r, void *user) {
    (void)s;
    (void)r;
    (void)user;
    server_head(fd, "200 OK\r\nContent-Length: %zu", sizeof downloaded - 1);
    server_write(fd, downloaded, sizeof downloaded - 1);
}

Test(durability, downloads) {
    NEEDS_PRELOAD();
    server *s = server_start(serve, NULL);
    char *manifest;
    MUST(mem_printf(
        &manifest,
        "{\"schema\": 1, \"name\": \"made\", \"version\": 1, \"title\": \"t\", \"source\": \"s\", "
        "\"licence\": \"l\", \"citation\": \"c\", \"format\": {\"kind\": \"delimited\", "
        "\"delimiter\": \",\", \"quoting\": \"standard\", \"header\": true, \"columns\": "
        "[\"text\", "
        "\"label\"], \"text\": \"text\", \"label\": \"label\"}, \"labels\": [{\"value\": \"0\", "
        "\"name\": \"no\", \"readable\": \"no\"}, {\"value\": \"1\", \"name\": \"yes\", "
        "\"readable\": \"yes\"}], \"invalid_label\": \"error\", \"split\": {\"rule\": \"files\"}, "
        "\"files\": [{\"role\": \"train\", \"name\": \"train.csv\", \"url\": \"%s\"}, {\"role\": "
        "\"test\", \"name\": \"test.csv\", \"url\": \"%s\"}], \"cleaning\": {\"drop_empty\": true, "
        "\"drop_duplicates\": true}, \"metrics\": [\"accuracy\"], \"headline\": \"accuracy\", "
        "\"max_length\": 64}",
        server_url(s, "/a"), server_url(s, "/b")));
    MUST(folder_make(temporary_path("tasks")));
    MUST(file_write(temporary_path("tasks/made.json"), manifest, strlen(manifest)));
    mem_free(manifest);
    calls c = calls_of((const char *const[]){"data", "fetch", "made", "--task-dir", "tasks",
                                             "--data", "data", "--quiet", NULL});
    server_stop(s);
    static const char *const files[] = {"data/made/train.csv", "data/made/test.csv"};
    for (int i = 0; i < 2; i++) {
        char real[PATH_MAX];
        cr_assert_not_null(realpath(temporary_path(files[i]), real));
        durable_rename(&c, real);
    }
    mem_free(c.list);
}
