#define _GNU_SOURCE
#include "support/child.h"

#include "base/log.h"
#include "base/memory.h"
#include "platform/file.h"

#include "support/program.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static void nap(void) {
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

// Permissions hold for root too once these are gone. Not another user: that one may not reach the
// program, in root's home say.
static void give_up_privileges(void) {
    static const unsigned long list[] = {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (prctl(PR_CAPBSET_DROP, list[i], 0, 0, 0)) _exit(126);
}

static void limit(int resource, uint64_t bytes) {
    struct rlimit r = {.rlim_cur = bytes, .rlim_max = bytes};
    if (bytes && setrlimit((__rlimit_resource_t)resource, &r)) _exit(126);
}

static void redirect(int to, const char *path, int flags) {
    int fd = open(path, flags, 0666);
    if (fd < 0 || dup2(fd, to) != to) _exit(126);
    if (fd != to) close(fd);
}

/* In the child: nothing here may allocate or report. */
static void become(const child *c, const child_setup *s, const char *const *argv) {
    if (chdir(temporary_folder())) _exit(126);
    redirect(0, s->in ? s->in : "/dev/null", O_RDONLY);
    redirect(1, s->full_out ? "/dev/full" : c->out, O_CREAT | O_WRONLY | O_TRUNC);
    if ((s->no_reader || s->held_out) && dup2(c->pipe[1], 1) != 1) _exit(126);
    redirect(2, c->error, O_CREAT | O_WRONLY | O_APPEND);
    if (s->held_err && dup2(c->pipe[1], 2) != 2) _exit(126);
    if (s->unprivileged && geteuid() == 0) give_up_privileges();
    limit(RLIMIT_FSIZE, s->file_bytes);
    limit(RLIMIT_STACK, s->stack_bytes);
    limit(RLIMIT_AS, s->address_bytes);
    limit(RLIMIT_CPU, s->cpu_seconds);
    limit(RLIMIT_CORE, 1);
    if (s->clear_environment && clearenv()) _exit(126);
    if (s->locale && setenv("LC_ALL", s->locale, 1)) _exit(126);
    if (s->locale_path && setenv("LOCPATH", s->locale_path, 1)) _exit(126);
    if (s->preload && setenv("LD_PRELOAD", s->preload, 1)) _exit(126);
    // a test that fails leaves nothing running
    if (prctl(PR_SET_PDEATHSIG, SIGKILL)) _exit(126);
    if (s->close_in) close(0);
    if (s->close_out) close(1);
    if (s->close_err) close(2);
    program_forgive_loader(argv);
    execv(HARNESS_PROGRAM, (char *const *)(uintptr_t)argv);
    _exit(127);
}

void child_start(child *c, const child_setup *setup, const char *const *arguments) {
    static const child_setup plain;
    static unsigned runs;
    const char *argv[64] = {HARNESS_PROGRAM};
    for (size_t i = 0; arguments[i]; i++) {
        cr_assert_lt(i, 60);
        argv[i + 1] = arguments[i];
    }
    runs++;
    *c = (child){.begin = clock_seconds()};
    // a library that is not there is ignored by the loader
#ifdef __SANITIZE_ADDRESS__
    if (setup && setup->preload)
        cr_skip_test("the address sanitizer wants to be the first library");
#endif
    if (setup && setup->preload) cr_assert(file_exists(setup->preload), "%s", setup->preload);
    snprintf(c->out, sizeof c->out, "%s/.child-out.%u", temporary_folder(), runs);
    snprintf(c->error, sizeof c->error, "%s/.child-err.%u", temporary_folder(), runs);
    const child_setup *s = setup ? setup : &plain;
    if (s->no_reader) {
        cr_assert_eq(pipe2(c->pipe, O_CLOEXEC), 0);
        close(c->pipe[0]);
    }
    if (s->held_out || s->held_err) {
        c->pipe[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        cr_assert(c->pipe[0] >= 0 && !grantpt(c->pipe[0]) && !unlockpt(c->pipe[0]));
        c->pipe[1] = open(ptsname(c->pipe[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
        cr_assert(c->pipe[1] >= 0 && !tcflow(c->pipe[1], TCOOFF));
    }
    c->pid = fork();
    cr_assert_geq(c->pid, 0);
    if (c->pid == 0) become(c, s, argv);
    if (s->no_reader) close(c->pipe[1]);
}

/* The whole file as text, "" when it is not there; owned (mem_free). */
static char *text_of(const char *path) {
    void *bytes = NULL;
    size_t count = 0;
    if (file_read(&bytes, &count, path, 0)) cr_assert_not(mem_strdup((char **)&bytes, ""));
    return bytes;
}

static void await(const child *c, const char *text, const char *path, double seconds) {
    double begin = clock_seconds();
    for (;; nap()) {
        char *said = text_of(c->error);
        bool there = text ? strstr(said, text) != NULL : access(path, F_OK) == 0;
        siginfo_t ended = {0};
        bool gone = !waitid(P_PID, (id_t)c->pid, &ended, WEXITED | WNOHANG | WNOWAIT) &&
                    ended.si_pid == c->pid;
        if (!there && (gone || clock_seconds() - begin > seconds)) {
            if (!gone) kill(c->pid, SIGKILL);
            cr_assert_fail("%s before '%s' was seen; it said:\n%s", gone ? "ended" : "too slow",
                           text ? text : path, said);
        }
        mem_free(said);
        if (there) return;
    }
}

void child_await_message(const child *c, const char *text, double seconds) {
    await(c, text, NULL, seconds);
}

void child_await_path(const child *c, const char *path, double seconds) {
    await(c, NULL, path, seconds);
}

void child_let_go(child *c, char *text, size_t size) {
    size_t used = 0;
    ssize_t n;
    cr_assert_eq(tcflow(c->pipe[1], TCOON), 0);
    close(c->pipe[1]);
    // EIO: nobody has the other end
    while (used + 1 < size && (n = read(c->pipe[0], text + used, size - used - 1)) > 0)
        used += (size_t)n;
    text[used] = '\0';
    close(c->pipe[0]);
}

program_result child_end(child *c, double seconds) {
    int status = 0;
    while (waitpid(c->pid, &status, WNOHANG) != c->pid) {
        if (clock_seconds() - c->begin > seconds) {
            kill(c->pid, SIGKILL);
            waitpid(c->pid, &status, 0);
            cr_assert_fail("ran longer than %g s; it said:\n%s", seconds, text_of(c->error));
        }
        nap();
    }
    program_result r = {.out = text_kept(text_of(c->out)), .err = text_kept(text_of(c->error))};
    r.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    r.seconds = clock_seconds() - c->begin;
    return r;
}

program_result child_run(const child_setup *setup, double seconds, const char *const *arguments) {
    child c;
    child_start(&c, setup, arguments);
    return child_end(&c, seconds);
}

void child_faults(const char *faults) {
    static char others[PATH_MAX], layers[2 * PATH_MAX];
    const char *given = getenv("VK_ADD_LAYER_PATH"); // where a machine keeps the validation layer
    if (!layers[0] && given) snprintf(others, sizeof others, ":%s", given);
    snprintf(layers, sizeof layers, "%s%s", listed_path(HARNESS_SHIM_FOLDER), others);
    setenv("VK_ADD_LAYER_PATH", layers, 1);
    setenv("NODEVICE_SELECT", "1", 1); // Mesa's own layer fails when there is no device at all
    setenv("HARNESS_FAULTS", faults ? faults : "", 1);
    if (faults)
        setenv("VK_INSTANCE_LAYERS", "VK_LAYER_HARNESS_faults", 1);
    else
        unsetenv("VK_INSTANCE_LAYERS");
}
