#include "train/group/launch.h"

#include "base/ascii.h"
#include "base/log.h"
#include "base/memory.h"
#include "platform/assets.h"
#include "platform/library.h"
#include "platform/places.h"
#include "platform/thread.h"
#include "train/group/threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double silence_s = 15, waiting_s = 1800;
enum { WHY_BYTES = 4096, SECONDS_MOST = 100000000 };

/* One process has one launcher, so one of these. */
static struct {
    void *library;
    transport transport;
} loaded;

static uint32_t number_of(const char *name) {
    uint32_t n;
    return ascii_whole(&n, getenv(name)) ? n : 0;
}

uint32_t launch_announced(const char **engine) {
    const char *set = getenv("HARNESS_GROUP");
    uint32_t n = 0;
    *engine = NULL;
    if (set && strcmp(set, "off") == 0) return 0;
    if ((n = number_of("OMPI_COMM_WORLD_SIZE"))) {
        *engine = "openmpi";
        return n;
    }
    // srun --mpi=pmix sets no size of its own, --mpi=pmi2 and MPICH's mpirun do
    if ((n = number_of("PMI_SIZE"))) *engine = "mpich";
    if (!n && getenv("PMIX_RANK")) *engine = "openmpi";
    // of a step: what a batch script starts by itself is no group
    if (!n && getenv("SLURM_STEP_ID") && getenv("SLURM_PROCID"))
        n = number_of("SLURM_STEP_NUM_TASKS");
    return n;
}

/* Of this process among the launcher's: one of them tells what is wrong before they know each
 * other. */
static uint32_t own_number(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK",
                                        "SLURM_PROCID"};
    const char *engine = NULL;
    uint32_t most = 0;
    if (launch_announced(&engine) < 2 && !engine) return 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        uint32_t n = number_of(names[i]);
        if (n > most) most = n;
    }
    return most;
}

/* What a launcher, or who sets its variables by hand, cannot have meant: taken for none, each rank
 * would be a run of its own. */
static err check_size(const char *name) {
    const char *text = getenv(name);
    if (!text || !*text || number_of(name)) return ERR_OK;
    return err_set(ERR_USAGE,
                   "%s is '%s': expected the number of processes that the launcher has started "
                   "(HARNESS_GROUP=off: each process by itself)",
                   name, text);
}

static err read_limits(transport_limits *l) {
    *l = (transport_limits){silence_s, waiting_s};
    err e = environment_seconds(&l->silence, "HARNESS_GROUP_SILENCE", SECONDS_MOST);
    return e ? e : environment_seconds(&l->waiting, "HARNESS_GROUP_WAIT", SECONDS_MOST);
}

static err check_variables(void) {
    static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"};
    const char *set = getenv("HARNESS_GROUP");
    transport_limits limits;
    err e = read_limits(&limits);
    if (!e && set && *set && strcmp(set, "off") != 0)
        e = err_set(ERR_USAGE, "HARNESS_GROUP is '%s': expected off, or nothing", set);
    if (set && *set) return e;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && !e; i++) e = check_size(sizes[i]);
    if (!e && getenv("SLURM_STEP_ID") && getenv("SLURM_PROCID"))
        e = check_size("SLURM_STEP_NUM_TASKS");
    return e;
}

static err refuse_missing(const char *engine, uint32_t ranks, const char *why) {
    bool is_mpich = strcmp(engine, "mpich") == 0;
    return err_set(ERR_UNSUPPORTED,
                   "started as one of %u ranks by %s, whose plugin harness-group-%s.so %s: install "
                   "%s and build again (on Debian: apt-get install %s), or start it without a "
                   "launcher (HARNESS_GROUP=off: each process by itself)",
                   ranks, is_mpich ? "MPICH" : "Open MPI", engine, why,
                   is_mpich ? "MPICH" : "Open MPI", is_mpich ? "libmpich-dev" : "libopenmpi-dev");
}

static err load(const char *engine, uint32_t ranks) {
    char file[64], why[WHY_BYTES], *path = NULL, text[TRANSPORT_TEXT_BYTES] = "";
    transport_limits limits;
    snprintf(file, sizeof file, "harness-group-%s.so", engine);
    err e = read_limits(&limits);
    if (e || (e = asset_plugin(&path, file))) return e;
    if (!path) return refuse_missing(engine, ranks, "is not here");
    loaded.library = library_open(path, false);
    mem_free(path);
    if (!loaded.library) {
        snprintf(why, sizeof why, "cannot be loaded (%s)", library_fault());
        return refuse_missing(engine, ranks, why);
    }
    transport_open *begin = NULL;
    *(void **)&begin = library_find(loaded.library, "harness_transport_open");
    if (!begin) return refuse_missing(engine, ranks, "is damaged");
    loaded.transport.rank = own_number();
    if (begin(&loaded.transport, TRANSPORT_VERSION, &limits, text))
        return err_set(ERR_NETWORK, "%s: %s", file, text);
    return ERR_OK;
}

static err check_expected(uint32_t expected, uint32_t ranks) {
    if (!expected || expected == ranks) return ERR_OK;
    char there[40] = "the program runs by itself";
    if (ranks > 1) snprintf(there, sizeof there, "there are %u", ranks);
    return err_set(
        ERR_USAGE, "%u ranks were asked for, but %s%s", expected, there,
        err_advice("ranks",
                   " (--ranks only checks; a list of devices, mpirun -n N or srun -n N sets it)"));
}

/* Without an MPI that fits its launcher each process would be rank 0 of one. */
static err refuse_size(uint32_t announced) {
    transport *t = &loaded.transport;
    uint32_t size = t->size;
    t->close(t, err_exit_code(ERR_USAGE));
    return err_set(ERR_USAGE,
                   "the launcher has started %u processes, but %s knows of %u: launcher and MPI do "
                   "not fit (Open MPI: mpirun.openmpi, srun with pmix; MPICH: mpirun.mpich, srun "
                   "with pmi2)",
                   announced, t->engine, size);
}

/* The group of the processes that a launcher has started. */
static err join_processes(struct group *g, const char *verb, const char *engine, uint32_t announced,
                          uint32_t expected) {
    log_set_rank(own_number());
    if (!engine)
        return err_set(ERR_USAGE,
                       "srun has started %u processes without MPI: start them as a group (srun "
                       "with pmix for Open MPI, with pmi2 for MPICH; docs/clusters.md), or each by "
                       "itself (HARNESS_GROUP=off)",
                       announced);
    err e = load(engine, announced);
    if (e) return e;
    // whoever MPI knows alone may be: of variables that a shell has inherited, without a rank 0
    if (loaded.transport.size == 1) log_set_rank(0);
    if (announced && loaded.transport.size != announced) return refuse_size(announced);
    if (loaded.transport.size == 1) {
        loaded.transport.close(&loaded.transport, 0);
        return check_expected(expected, 1);
    }
    e = group_open(g, &loaded.transport, verb);
    log_set_rank(g->rank);
    return e ? e : check_expected(expected, g->size);
}

typedef struct thread_rank {
    transport *transport;
    const char *verb;
    launch_work *work;
    const void *context;
    uint32_t expected;
    err e;
} thread_rank;

static void be_rank(thread_rank *r) {
    struct group g;
    log_set_rank(r->transport->rank);
    err e = group_open(&g, r->transport, r->verb);
    if (!e) e = check_expected(r->expected, g.size);
    if (!e) e = r->work(r->context, &g);
    r->e = group_close(&g, e);
}

static void *run_rank(void *rank) {
    be_rank(rank);
    return NULL;
}

/* A thread that hangs cannot be ended by itself. */
static void end_process(transport *t, int code) {
    (void)t;
    _Exit(code);
}

/* Rank 0 is this thread, the one that signals go to. */
static err run_threads(thread_rank *ranks, thread *threads, uint32_t size) {
    uint32_t begun = 1;
    err e = ERR_OK;
    while (!e && begun < size) {
        if (thread_begin(&threads[begun], run_rank, &ranks[begun]))
            begun++;
        else
            e = err_set(ERR_MEMORY, "cannot start %u threads for the ranks", size);
    }
    if (e) { // those that were begun wait for the others
        log_error_early(e);
        _Exit(err_exit_code(e));
    }
    be_rank(&ranks[0]);
    for (uint32_t r = 1; r < size; r++) thread_join(threads[r]);
    return ranks[0].e;
}

static err launch_threads(const thread_rank *like, uint32_t size) {
    transport *transports = NULL;
    thread_rank *ranks = NULL;
    thread *threads = NULL;
    bool is_open = false;
    err e = ERR_OK;
    if ((e = mem_new(&transports, size)) || (e = mem_new(&ranks, size)) ||
        (e = mem_new(&threads, size)))
        goto done;
    transport_limits limits;
    if ((e = read_limits(&limits)) || (e = threads_open(transports, size, &limits))) goto done;
    is_open = true;
    for (uint32_t r = 0; r < size; r++) {
        transports[r].abort = end_process;
        ranks[r] = *like;
        ranks[r].transport = &transports[r];
    }
    e = run_threads(ranks, threads, size);
done:
    if (is_open) threads_close(transports);
    mem_free(transports);
    mem_free(ranks);
    mem_free(threads);
    return e;
}

err launch_run(const char *verb, launch_work *work, const void *context, const char *devices,
               uint32_t expected) {
    const char *engine = NULL;
    uint32_t announced = launch_announced(&engine), words = 1;
    bool by_launcher = announced > 1 || (engine && !announced);
    struct group g = {0};
    err e = check_variables();
    if (e) return e;
    for (const char *c = devices; c && *c; c++) words += *c == ',';
    if (!by_launcher && words > 1)
        return launch_threads(
            &(thread_rank){.verb = verb, .work = work, .context = context, .expected = expected},
            words);
    e = by_launcher ? join_processes(&g, verb, engine, announced, expected)
                    : check_expected(expected, 1);
    if (!e) e = work(context, &g);
    return group_close(&g, e);
}

void launch_warn_apart(const char *verb) {
    const char *engine = NULL;
    uint32_t announced = launch_announced(&engine);
    if (announced > 1 && !own_number())
        log_warn("%s is not divided among processes: each of the %u that the launcher has started "
                 "does all of it (HARNESS_GROUP=off, if that is meant)",
                 verb, announced);
}
