#include "platform/stranger.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUT, COMPLAINT, START, PIPES, TAIL_BYTES = 4096, WAIT_MS = 50 };

/* A child on its way. */
typedef struct running {
    const char *path;
    pid_t pid;
    int read[PIPES], write[PIPES]; /* -1: closed; START tells the errno of a start that failed */
    char tail[TAIL_BYTES];         /* of its standard error */
    size_t tail_bytes;
    double begin;
} running;

static void close_one(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static err open_pipes(running *r) {
    for (int i = 0; i < PIPES; i++) {
        int ends[2];
        if (pipe(ends)) return err_set(ERR_IO, "%s: no pipe to it: %s", r->path, strerror(errno));
        r->read[i] = ends[0];
        r->write[i] = ends[1];
        for (int k = 0; k < 2; k++) (void)fcntl(ends[k], F_SETFD, FD_CLOEXEC);
        (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    }
    return ERR_OK;
}

/* In the child: nothing but calls that are safe between fork and exec. */
static void become(const running *r, const char *const *arguments, pid_t parent) {
    int empty = open("/dev/null", O_RDONLY);
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent && empty >= 0 && dup2(empty, 0) >= 0 && dup2(r->write[OUT], 1) >= 0 &&
        dup2(r->write[COMPLAINT], 2) >= 0) {
        (void)signal(SIGPIPE, SIG_DFL);
        (void)signal(SIGXFSZ, SIG_DFL);
        execv(r->path, (char *const *)(uintptr_t)arguments);
    }
    int why = errno;
    (void)!write(r->write[START], &why, sizeof why);
    _exit(127);
}

/* Waits until exec has closed the pipe, or has failed. */
static err started(running *r) {
    struct pollfd one = {.fd = r->read[START], .events = POLLIN};
    int why = 0;
    while (poll(&one, 1, -1) < 0 && errno == EINTR) continue;
    if (read(r->read[START], &why, sizeof why) != (ssize_t)sizeof why) return ERR_OK;
    return err_set(ERR_IO, "%s cannot be run: %s", r->path, strerror(why));
}

static err start(running *r, const char *const *arguments) {
    err e = open_pipes(r);
    if (e) return e;
    pid_t parent = getpid();
    r->begin = clock_seconds();
    r->pid = fork();
    if (r->pid < 0) return err_set(ERR_IO, "%s cannot be run: %s", r->path, strerror(errno));
    if (!r->pid) become(r, arguments, parent);
    (void)setpgid(r->pid, r->pid); // whoever of the two is first
    for (int i = 0; i < PIPES; i++) close_one(&r->write[i]);
    return started(r);
}

/* Keeps the end of what was complained of. */
static void keep_tail(running *r, const char *bytes, size_t count) {
    if (count > TAIL_BYTES) bytes += count - TAIL_BYTES, count = TAIL_BYTES;
    size_t kept = r->tail_bytes + count > TAIL_BYTES ? TAIL_BYTES - count : r->tail_bytes;
    memmove(r->tail, r->tail + r->tail_bytes - kept, kept);
    memcpy(r->tail + kept, bytes, count);
    r->tail_bytes = kept + count;
}

/* What is there of a pipe now; its end closes it. */
static err drain(running *r, int which, strbuf *out, size_t limit) {
    char bytes[8192];
    while (r->read[which] >= 0) {
        ssize_t n = read(r->read[which], bytes, sizeof bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return ERR_OK;
        if (n <= 0) {
            close_one(&r->read[which]);
        } else if (which == COMPLAINT) {
            keep_tail(r, bytes, (size_t)n);
        } else {
            if (out->length + (size_t)n > limit)
                return err_set(ERR_DATA, "%s wrote more than %zu bytes", r->path, limit);
            err e = strbuf_add_bytes(out, bytes, (size_t)n);
            if (e) return e;
        }
    }
    return ERR_OK;
}

static bool has_ended(const running *r) {
    siginfo_t info = {0};
    return !waitid(P_PID, (id_t)r->pid, &info, WEXITED | WNOHANG | WNOWAIT) &&
           info.si_pid == r->pid;
}

static err follow(running *r, stranger_output *o, stranger_limits limits) {
    for (bool ended = false; !ended;) {
        struct pollfd both[] = {{.fd = r->read[OUT], .events = POLLIN},
                                {.fd = r->read[COMPLAINT], .events = POLLIN}};
        (void)poll(both, 2, WAIT_MS);
        ended = has_ended(r); // asked first: what it wrote before is there then
        err e = drain(r, OUT, &o->out, limits.out_bytes);
        if (!e) e = drain(r, COMPLAINT, NULL, 0);
        if (e) return e;
        if (!ended && clock_seconds() - r->begin > limits.seconds)
            return err_set(ERR_DATA, "%s took longer than %.0f s and was ended", r->path,
                           limits.seconds);
    }
    return ERR_OK;
}

/* Ends what is left of it; what it ended with. */
static int reap(running *r) {
    int status = 0;
    (void)kill(-r->pid, SIGKILL);
    (void)kill(r->pid, SIGKILL); // should it have left its group
    while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR) continue;
    return status;
}

/* The last line with something in it. */
static void last_line(char out[STRANGER_LINE_BYTES], const running *r) {
    size_t end = r->tail_bytes, begin;
    while (end && strchr("\r\n\t ", r->tail[end - 1])) end--;
    for (begin = end; begin && r->tail[begin - 1] != '\n';) begin--;
    snprintf(out, STRANGER_LINE_BYTES, "%.*s", (int)(end - begin), r->tail + begin);
}

err stranger_run(stranger_output *o, const char *path, const char *const *arguments,
                 stranger_limits limits) {
    running r = {.path = path, .read = {-1, -1, -1}, .write = {-1, -1, -1}};
    *o = (stranger_output){0};
    err e = start(&r, arguments);
    if (!e) e = follow(&r, o, limits);
    int status = r.pid > 0 ? reap(&r) : 0;
    o->seconds = clock_seconds() - r.begin;
    o->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (!e && WIFSIGNALED(status))
        e = err_set(ERR_DATA, "%s was ended by signal %d (%s)", path, WTERMSIG(status),
                    strsignal(WTERMSIG(status)));
    last_line(o->last, &r);
    for (int i = 0; i < PIPES; i++) {
        close_one(&r.read[i]);
        close_one(&r.write[i]);
    }
    return e;
}

void stranger_free(stranger_output *o) {
    strbuf_free(&o->out);
    *o = (stranger_output){0};
}
