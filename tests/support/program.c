#define _XOPEN_SOURCE 700
#include "support/program.h"

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "compute/device.h"
#include "platform/file.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static char folder_name[256];

const char *temporary_folder(void) {
    if (!folder_name[0]) {
        const char *base = getenv("TMPDIR");
        snprintf(folder_name, sizeof folder_name, "%s/harness-test-XXXXXX", base ? base : "/tmp");
        cr_assert_not_null(mkdtemp(folder_name));
        atexit(temporary_remove);
    }
    return folder_name;
}

void temporary_put(const char *name, const char *text) {
    MUST(file_write(temporary_path(name), text, strlen(text)));
}

char *temporary_text(const char *name) {
    char *text;
    size_t count;
    MUST(file_read((void **)&text, &count, temporary_path(name), 0));
    return text;
}

void temporary_remove(void) {
    if (folder_name[0] && folder_remove(folder_name)) err_clear();
    folder_name[0] = '\0';
}

/* A text of n bytes that stays until the process ends. */
static char *kept_text(size_t n) {
    // listed, so that no leak search calls them lost
    static struct kept {
        struct kept *next;
        char text[];
    } * all;
    struct kept *p = malloc(sizeof *p + n);
    cr_assert_not_null(p);
    p->next = all;
    all = p;
    return p->text;
}

char *text_kept(char *owned) {
    char *text = strcpy(kept_text(strlen(owned) + 1), owned);
    mem_free(owned);
    return text;
}

const char *temporary_path(const char *name) {
    size_t n = strlen(temporary_folder()) + strlen(name) + 2;
    char *text = kept_text(n);
    snprintf(text, n, "%s/%s", temporary_folder(), name);
    return text;
}

/* As main.c does; here in every process of the tests. */
__attribute__((constructor)) static void begin_process(void) {
    json_setup();
}

static char link_folder[32], link_path[64];

static void link_remove(void) {
    unlink(link_path);
    rmdir(link_folder);
    link_folder[0] = '\0';
}

const char *listed_path(const char *path) {
    if (!strpbrk(path, " \t:;")) return path;
    if (link_folder[0]) {
        link_remove();
    } else {
        atexit(link_remove);
    }
    // not under $TMPDIR, which may hold the same
    snprintf(link_folder, sizeof link_folder, "/tmp/harness-link-XXXXXX");
    cr_assert_not_null(mkdtemp(link_folder));
    snprintf(link_path, sizeof link_path, "%s/it", link_folder);
    cr_assert_eq(symlink(path, link_path), 0);
    return link_path;
}

static char *read_all(const char *path) {
    void *bytes;
    size_t count;
    cr_assert_eq(file_read(&bytes, &count, path, 0), ERR_OK, "%s", err_message(ERR_IO));
    unlink(path);
    return text_kept(bytes);
}

void printed_digest(char digest[65], const program_result *r) {
    cJSON *root = NULL;
    EXITS(*r, 0);
    MUST(json_parse(&root, r->out, strlen(r->out), "output"));
    const char *text = json_text_at(root, "final_weights_sha256");
    cr_assert(text && strlen(text) == 64, "%s", r->out);
    strcpy(digest, text);
    cJSON_Delete(root);
}

void program_forgive_loader(const char *const *arguments) {
#ifdef __SANITIZE_ADDRESS__
    bool compiles = false;
    for (size_t i = 0; arguments[i]; i++) {
        compiles |= !strcmp(arguments[i], "llvmpipe") || !strcmp(arguments[i], "swiftshader");
    }
    setenv("ASAN_OPTIONS", compiles ? "detect_leaks=0" : "fast_unwind_on_malloc=0", 0);
    setenv("LSAN_OPTIONS",
           "suppressions='" HARNESS_SOURCE_DIR "/tests/support/loader.supp':print_suppressions=0",
           0);
#else
    (void)arguments;
#endif
}

program_result program_run(const char *folder, double seconds, const char *const *arguments) {
    static unsigned runs;
    program_result r = {0};
    char out[300], error[300], name[64];
    snprintf(name, sizeof name, "out.%u", ++runs);
    snprintf(out, sizeof out, "%s/.%s", temporary_folder(), name);
    snprintf(error, sizeof error, "%s/.err.%u", temporary_folder(), runs);
    const char *argv[64] = {HARNESS_PROGRAM};
    for (size_t i = 0; arguments[i]; i++) {
        cr_assert_lt(i, 60);
        argv[i + 1] = arguments[i];
    }
#ifdef __SANITIZE_ADDRESS__
    seconds *= 6;
#endif
    double start = clock_seconds();
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        if (chdir(folder ? folder : temporary_folder())) _exit(127);
        int o = open(out, O_CREAT | O_WRONLY | O_TRUNC, 0600);
        int e = open(error, O_CREAT | O_WRONLY | O_TRUNC, 0600);
        int in = open("/dev/null", O_RDONLY);
        dup2(in, 0);
        dup2(o, 1);
        dup2(e, 2);
        program_forgive_loader(argv);
        execv(HARNESS_PROGRAM, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    int status = 0;
    for (;;) {
        pid_t ended = waitpid(pid, &status, WNOHANG);
        if (ended == pid) break;
        if (clock_seconds() - start > seconds) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            cr_assert_fail("harness %s ran longer than %g s", arguments[0], seconds);
        }
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    r.seconds = clock_seconds() - start;
    r.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    r.out = read_all(out);
    r.err = read_all(error);
    return r;
}

program_result program_well(program_result r, const char *file, int line) {
    cr_assert_eq(r.exit_code, 0, "%s:%d: exit code %d; it said: %s%s", file, line, r.exit_code,
                 r.out, r.err);
    return r;
}

void forget_data(void) {
    setenv("HARNESS_DATA", temporary_path("nothing"), 1);
    setenv("XDG_CACHE_HOME", temporary_path("cache"), 1);
}

const char *need_environment(const char *name) {
    const char *value = getenv(name);
    if (!value || !*value) cr_skip_test("%s is not set", name);
    return value;
}

static bool contains(const char *text, const char *part) {
    for (size_t n = strlen(part); *text; text++) {
        if (!strncasecmp(text, part, n)) return true;
    }
    return false;
}

const char *test_device(void) {
    const char *named = getenv("HARNESS_TEST_DEVICE");
    return named && *named ? named : "llvmpipe";
}

bool need_vulkan(const char *selector) {
    device_info *list;
    size_t count;
    const char *note;
    bool found = false;
    cr_assert_eq(device_list(&list, &count, &note), ERR_OK, "%s", err_message(ERR_DEVICE));
    for (size_t i = 0; i < count; i++) {
        if (list[i].kind != DEVICE_VULKAN) continue;
        found = found || contains(list[i].name, selector) || contains(list[i].driver, selector);
    }
    mem_free(list);
    const char *required = getenv("REQUIRE_VULKAN");
    if (!found && required && !strcmp(required, "1") && !strcmp(selector, test_device())) {
        cr_assert_fail("REQUIRE_VULKAN=1 and no Vulkan device '%s': %s", selector, note);
    }
    return found;
}
