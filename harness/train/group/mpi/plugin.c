/* The plugin of an MPI: a transport (train/group/transport.h) over MPI_COMM_WORLD, built with each
 * MPI's own mpicc.
 *
 * Messages go in rounds of pairs, in pieces that every MPI takes. All waiting is testing and giving
 * the core away: blocking calls spin, which with more ranks than cores takes forty times as long.
 *
 * A rank that is killed is ended by every launcher with all others, and named by some; one that is stopped
 * is told by none. So a second thread exchanges a sign of life with rank 0 (rank 0: with every rank) each
 * second, and ends all ranks when one is missed for too long, or, on its own host, when the process of
 * one has ended: it sees that at once, though MPICH's launcher may be sooner and kill it too. It also looks at its own rank's work, for what gives signs of life
 * may hang all the same. The MPI is then used by two threads, one at a time
 * (MPI_THREAD_SERIALIZED); where it grants less there is the limit of waiting alone. */
#define _GNU_SOURCE
#include "train/group/transport.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <mpi.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    RANKS_MAX = 4096,
    PROCESSES_MAX = 256,
    PIECE_BYTES = 32 << 20,
    TICK_MS = 250,
    CLOSING_S = 20,
    ABORT_S = 5
};
enum { TEXT_BYTES = 128 };
enum { PAUSE_LEAST_NS = 50000, PAUSE_MOST_NS = 5000000 };
enum { DATA_TAG = 1, LIFE_TAG = 2 };
enum {
    WATCHER_TENTHS = 20, /* of a second that a loss is left to who watches */
    TOLD_TENTHS = 2      /* in which a launcher passes on what was said last */
};
static const char alive = 'a', leaving = 'z', over = 'o';
static const double life_every = 1, spin_s = 1e-4;

static pthread_mutex_t mpi = PTHREAD_MUTEX_INITIALIZER;
static transport_limits limits;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void pause_ns(long ns) {
    const struct timespec t = {0, ns};
    nanosleep(&t, NULL);
}

static void pause_tenths(uint32_t tenths) {
    while (tenths--) pause_ns(100000000);
}

/* What did not come in time. */
enum { LATE_SEND = -1, LATE_RECEIVE = -2 };

/* How long to sleep: on a busy machine who sleeps is woken sooner than who yields gets its turn, but
 * each look takes the core from the thread that computes. So an eighth of what was waited already. */
static long pause_behind(double waited) {
    double ns = waited * 1e9 / 8;
    return ns < PAUSE_LEAST_NS ? PAUSE_LEAST_NS : ns > PAUSE_MOST_NS ? PAUSE_MOST_NS : (long)ns;
}

/* One piece each way; requests[0] is the sending. 0, what MPI_Testall returned, or what was late. */
static int finish(transport *t, MPI_Request requests[2], double end) {
    MPI_Status statuses[2];
    double begin = now(), last = begin;
    for (;;) {
        int done = 0;
        pthread_mutex_lock(&mpi);
        int rc = MPI_Testall(2, requests, &done, statuses);
        pthread_mutex_unlock(&mpi);
        t->looks++;
        if (rc || done) return rc;
        double at = now();
        // this process was stopped itself, and with it perhaps the others
        if (at - last > 1) end += at - last;
        last = at;
        if (at > end) return requests[1] == MPI_REQUEST_NULL ? LATE_SEND : LATE_RECEIVE;
        if (at - begin < spin_s)
            sched_yield();
        else
            pause_ns(pause_behind(at - begin));
    }
}

static int part(size_t bytes, size_t done) {
    return (int)(bytes - done < PIECE_BYTES ? bytes - done : PIECE_BYTES);
}

static int pair(transport *t, const transport_piece *out, uint32_t to, const transport_piece *in,
                uint32_t from, double end) {
    for (size_t sent = 0, got = 0; sent < out->bytes || got < in->bytes;) {
        MPI_Request requests[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
        int send = part(out->bytes, sent), receive = part(in->bytes, got), rc = 0;
        pthread_mutex_lock(&mpi);
        if (receive)
            rc = MPI_Irecv((char *)in->data + got, receive, MPI_BYTE, (int)from, DATA_TAG,
                           MPI_COMM_WORLD, &requests[1]);
        if (!rc && send)
            rc = MPI_Isend((char *)out->data + sent, send, MPI_BYTE, (int)to, DATA_TAG,
                           MPI_COMM_WORLD, &requests[0]);
        pthread_mutex_unlock(&mpi);
        if (rc || (rc = finish(t, requests, end))) return rc;
        sent += (size_t)send;
        got += (size_t)receive;
    }
    return 0;
}

static int exchange(transport *t, const transport_piece *send, const transport_piece *receive,
                    char text[TRANSPORT_TEXT_BYTES]) {
    double end = now() + limits.waiting;
    int rc = 0;
    t->waits = true;
    for (uint32_t k = 1; !rc && k < t->size; k++) {
        uint32_t to = (t->rank + k) % t->size, from = (t->rank + t->size - k) % t->size;
        if (!(rc = pair(t, &send[to], to, &receive[from], from, end))) continue;
        // who watches the processes knows better which it was, and ends all
        if (rc > 0) pause_tenths(WATCHER_TENTHS);
        if (rc < 0)
            transport_tell_late(text, rc == LATE_SEND ? to : from, limits.waiting);
        else
            snprintf(text, TRANSPORT_TEXT_BYTES, "rank %u or %u is lost (MPI error %d)", from, to,
                     rc);
    }
    t->waits = false;
    return rc != 0;
}

typedef struct peer {
    uint32_t rank;
    MPI_Request in, out;
    char got, said;
    double seen;
    int process;            /* a pidfd, or -1: of another host */
    bool has_left, is_over; /* all ranks end */
} peer;

static struct {
    pthread_t thread;
    bool runs;
    volatile bool ends;
    uint32_t rank, size;
    MPI_Comm comm;
    const transport *own;
    transport_look look; /* at this rank */
    peer peers[RANKS_MAX];
    uint32_t count;
} life;

/* Those who are still there hear of it, should the launcher not end them. */
static void tell_over(void) {
    for (uint32_t i = 0; life.runs && i < life.count; i++) {
        MPI_Request none;
        (void)MPI_Isend(&over, 1, MPI_CHAR, (int)life.peers[i].rank, LIFE_TAG, life.comm, &none);
    }
}

static volatile int closing_code;

/* SIGALRM while MPI ends. */
static void end_late(int none) {
    (void)none;
    _exit(closing_code);
}

static void end_all(int code) {
    sigset_t due;
    // Open MPI's abort waits for its launcher, which may itself be stopped
    closing_code = code;
    signal(SIGALRM, end_late);
    sigemptyset(&due);
    sigaddset(&due, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &due, NULL);
    alarm(ABORT_S);
    // behind that whoever holds it does not matter any more
    for (int i = 0; i < 100 && pthread_mutex_trylock(&mpi); i++) pause_ns(10000000);
    tell_over();
    pause_tenths(TOLD_TENTHS);
    MPI_Abort(MPI_COMM_WORLD, code);
    _exit(code);
}

/* One rank tells of a loss: rank 0, or rank 1 where it is rank 0 that is lost; should that be lost
 * too, others do when they still live a while later.
 *   silent  s; less than 0: its process has ended */
static void lose(const peer *p, double silent) {
    char why[TEXT_BYTES] = "its process has ended";
    uint32_t tenths = life.rank > 1 ? 30 + life.rank % 50 : 0;
    pause_tenths(tenths);
    if (silent >= 0) snprintf(why, sizeof why, "no sign of life for %.0f s", silent);
    fprintf(stderr,
            "harness: rank %u of %u is lost: %s; all ranks end; what the last checkpoint holds is "
            "not lost\n",
            p->rank, life.size, why);
    end_all(1);
}

/* The main thread does not get on, whatever it is at. */
static void end_hung(double still) {
    fprintf(stderr,
            "harness: rank %u of %u hangs: it did nothing for %.0f s and waited for "
            "nobody; all ranks end; what the last checkpoint holds is not lost\n",
            life.rank, life.size, still);
    end_all(1);
}

/* pre: the mutex is held. Not 0: MPI says that something is wrong. */
static int listen(peer *p, double at) {
    int done = 1;
    while (done && !p->has_left) {
        int rc = MPI_Test(&p->in, &done, MPI_STATUS_IGNORE);
        if (rc || !done) return rc;
        p->seen = at;
        if (p->got == leaving) {
            p->has_left = true;
        } else if (p->got == over) {
            p->is_over = true;
            return 0;
        } else if ((rc = MPI_Irecv(&p->got, 1, MPI_CHAR, (int)p->rank, LIFE_TAG, life.comm,
                                   &p->in))) {
            return rc;
        }
    }
    return 0;
}

/* pre: as listen. Nothing is said while the last word is still under way. */
static int say(peer *p, char word) {
    int done = 0, rc = MPI_Test(&p->out, &done, MPI_STATUS_IGNORE);
    if (rc || !done || p->said == leaving) return rc;
    p->said = word;
    return MPI_Isend(&p->said, 1, MPI_CHAR, (int)p->rank, LIFE_TAG, life.comm, &p->out);
}

/* One look at all. True once everybody has taken leave. */
static bool look(double at, bool says) {
    bool all = life.ends;
    for (uint32_t i = 0; i < life.count; i++) {
        peer *p = &life.peers[i];
        int rc = 0, gone = 0;
        pthread_mutex_lock(&mpi);
        if (!p->has_left) rc = listen(p, at);
        if (!rc && (says || life.ends)) rc = say(p, life.ends ? leaving : alive);
        if (!rc && p->said == leaving) rc = MPI_Test(&p->out, &gone, MPI_STATUS_IGNORE);
        pthread_mutex_unlock(&mpi);
        if (p->is_over) end_all(1);
        all = all && p->has_left && gone;
        if (!p->has_left && (rc || at - p->seen > limits.silence)) lose(p, at - p->seen);
    }
    return all;
}

/* Processor time of all threads but the rank's and this one. */
static uint64_t helpers_spent(void) {
    uint64_t all = thread_spent(THREAD_CLOCK_ALL);
    uint64_t known = thread_spent(life.own->thread) + thread_spent(THREAD_CLOCK_OWN);
    return all > known ? all - known : 0;
}

/* Where a process' number means it. */
typedef struct birth {
    char boot[40];  /* of the machine, each time another; "": not known */
    uint64_t space; /* of numbers: containers have their own */
    int64_t number;
} birth;

static birth born(void) {
    birth b = {.number = getpid()};
    struct stat space;
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    bool known = fd >= 0 && read(fd, b.boot, sizeof b.boot - 1) > 0;
    if (fd >= 0) close(fd);
    known = !stat("/proc/self/ns/pid", &space) && known;
    b.space = known ? space.st_ino : 0;
    if (!known) *b.boot = '\0';
    return b;
}

/* Those of this host; all ranks are there, and wait for each other. */
static int find_processes(void) {
    static birth all[RANKS_MAX];
    birth own = born();
    if (MPI_Allgather(&own, sizeof own, MPI_BYTE, all, sizeof own, MPI_BYTE, life.comm)) return 1;
    for (uint32_t i = 0; i < life.count && i < PROCESSES_MAX && *own.boot; i++) {
        const birth *b = &all[life.peers[i].rank];
        if (!strcmp(b->boot, own.boot) && b->space == own.space)
            life.peers[i].process = (int)syscall(SYS_pidfd_open, (pid_t)b->number, 0);
    }
    return 0;
}

/* Waits a while, or until a process of this host has ended, which it returns; else NULL. Who takes leave
 * ends behind this rank's own leave alone. */
static const peer *await_end(void) {
    static struct pollfd list[PROCESSES_MAX];
    if (life.ends) pause_ns(1000000);
    if (life.ends) return NULL;
    uint32_t count = life.count < PROCESSES_MAX ? life.count : PROCESSES_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const peer *p = &life.peers[i];
        list[i] = (struct pollfd){.fd = p->has_left ? -1 : p->process, .events = POLLIN};
    }
    if (poll(list, count, TICK_MS) <= 0) return NULL;
    uint32_t i = 0;
    while (!list[i].revents) i++;
    return &life.peers[i];
}

/* Whether MPI can be asked: not where the main thread has ended within it. */
static bool is_free(void) {
    for (int i = 0; i < 20; i++) {
        if (!pthread_mutex_trylock(&mpi)) return !pthread_mutex_unlock(&mpi);
        pause_ns(10000000);
    }
    return false;
}

/* A library below MPI ends a process that does not find another's memory any more. Who watches is left
 * the time to tell whose. */
static void abort_later(int number) {
    pause_tenths(WATCHER_TENTHS);
    signal(number, SIG_DFL);
    (void)raise(number);
}

static void *live(void *none) {
    double last = now(), said = 0;
    const peer *ended = NULL;
    (void)none;
    for (;;) {
        double at = now();
        // this process was stopped itself: what the others said meanwhile is not yet heard
        if (at - last > limits.silence / 2)
            for (uint32_t i = 0; i < life.count; i++) life.peers[i].seen = at;
        last = at;
        bool says = !ended && at - said >= life_every;
        if (says) said = at;
        if (!life.ends &&
            transport_hangs(&life.look, life.own, limits.silence, at, helpers_spent()))
            end_hung(life.look.still);
        if (ended && !is_free()) lose(ended, -1);
        bool all = look(at, says);
        // behind what it said last
        if (ended && !ended->has_left) lose(ended, -1);
        if (all) return NULL;
        ended = await_end();
    }
}

static int live_begin(transport *t) {
    life.own = t;
    life.rank = t->rank;
    life.size = t->size;
    life.count = t->rank ? 1 : t->size - 1;
    if (MPI_Comm_dup(MPI_COMM_WORLD, &life.comm)) return 1;
    MPI_Comm_set_errhandler(life.comm, MPI_ERRORS_RETURN);
    for (uint32_t i = 0; i < life.count; i++) {
        peer *p = &life.peers[i];
        *p = (peer){
            .rank = t->rank ? 0 : i + 1, .out = MPI_REQUEST_NULL, .seen = now(), .process = -1};
        if (MPI_Irecv(&p->got, 1, MPI_CHAR, (int)p->rank, LIFE_TAG, life.comm, &p->in)) return 1;
    }
    if (find_processes()) return 1;
    // signals are for the program's own threads
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    signal(SIGABRT, abort_later);
    life.runs = !pthread_create(&life.thread, NULL, live, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return !life.runs;
}

static void close_all(transport *t, int code) {
    (void)t;
    // all is written and told by now: a library that does not come to its end is not waited for
    closing_code = code;
    signal(SIGALRM, end_late);
    alarm(CLOSING_S);
    if (life.runs) {
        life.ends = true;
        pthread_join(life.thread, NULL);
    }
    MPI_Finalize();
    alarm(0);
}

static void give_up(transport *t, int code) {
    (void)t;
    end_all(code);
}

/* Open MPI's own plugins look for its symbols in the global scope; this one was loaded apart. */
static void show_symbols(void) {
#ifdef OPEN_MPI
    Dl_info info;
    void *symbol = dlsym(RTLD_DEFAULT, "MPI_Init_thread");
    if (!symbol) *(int (**)(int *, char ***, int, int *))(void *)&symbol = MPI_Init_thread;
    if (dladdr(symbol, &info)) (void)dlopen(info.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
#endif
}

static char late[TEXT_BYTES];

/* SIGALRM while MPI begins, which waits for all ranks without a limit. */
static void begin_late(int none) {
    (void)none;
    (void)!write(STDERR_FILENO, late, strlen(late));
    _exit(1);
}

/* number: of this rank, as its launcher has it. */
static void limit_begin(uint32_t number) {
    snprintf(late, sizeof late,
             "harness: the ranks did not all come within %g s (HARNESS_GROUP_WAIT)\n",
             limits.waiting);
    signal(SIGALRM, begin_late);
    // one rank tells it, and its end is that of all
    alarm(1 + (unsigned)limits.waiting + (number ? 2 + number % 8 : 0));
}

static void limit_end(void) {
    alarm(0);
    signal(SIGALRM, SIG_DFL);
}

__attribute__((visibility("default"))) transport_open harness_transport_open;

int harness_transport_open(transport *t, uint32_t version, const transport_limits *wanted,
                           char text[TRANSPORT_TEXT_BYTES]) {
    char name[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int level = 0, rank = 0, size = 0, n = 0;
    if (version != TRANSPORT_VERSION) {
        snprintf(text, TRANSPORT_TEXT_BYTES, "it is of version %d, this program's is %u",
                 TRANSPORT_VERSION, version);
        return 1;
    }
    limits = *wanted;
    limit_begin(t->rank);
    show_symbols();
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level)) {
        snprintf(text, TRANSPORT_TEXT_BYTES, "MPI_Init_thread failed");
        return 1;
    }
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Get_library_version(name, &n);
    name[strcspn(name, ",\n")] = '\0';
    for (char *tab = name; (tab = strchr(tab, '\t'));) *tab = ' ';
    *t = (transport){.rank = (uint32_t)rank,
                     .size = (uint32_t)size,
                     .takes_threads = level >= MPI_THREAD_SERIALIZED,
                     .exchange = exchange,
                     .close = close_all,
                     .abort = give_up};
    snprintf(t->engine, sizeof t->engine, "%.*s", (int)sizeof t->engine - 1, name);
    if (size > RANKS_MAX) {
        snprintf(text, TRANSPORT_TEXT_BYTES, "%d ranks, at most %d are supported", size, RANKS_MAX);
        return 1;
    }
    if (size > 1 && level >= MPI_THREAD_SERIALIZED && limits.silence > 0 && live_begin(t)) {
        snprintf(text, TRANSPORT_TEXT_BYTES, "the thread that watches the ranks did not start");
        return 1;
    }
    limit_end();
    return 0;
}
