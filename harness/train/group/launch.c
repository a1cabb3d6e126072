#include "train/group/launch.h"

#include "base/log.h"
#include "base/memory.h"
#include "platform/assets.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double silence_s = 15, waiting_s = 1800;
enum { WHY_BYTES = 4096 };

/* One process has one launcher, so one of these. */
static struct {
    void *library;
    transport transport;
} loaded;

/* --- what the environment says -------------------------------------------------------------------
 */

static uint32_t number_of(const char *name) {
    const char *text = getenv(name);
    char *end = NULL;
    if (!text || *text < '0' || *text > '9') return 0;
    unsigned long n = strtoul(text, &end, 10);
    return *end || n > UINT32_MAX ? 0 : (uint32_t)n;
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

static double seconds_of(const char *name, double standard) {
    const char *text = getenv(name);
    double value = text ? strtod(text, NULL) : 0;
    return value > 0 ? value : standard;
}

/* --- the plugin ----------------------------------------------------------------------------------
 */

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
    const transport_limits limits = {seconds_of("HARNESS_GROUP_SILENCE", silence_s),
                                     seconds_of("HARNESS_GROUP_WAIT", waiting_s)};
    snprintf(file, sizeof file, "harness-group-%s.so", engine);
    err e = asset_plugin(&path, file);
    if (e) return e;
    if (!path) return refuse_missing(engine, ranks, "is not here");
    loaded.library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    mem_free(path);
    if (!loaded.library) {
        snprintf(why, sizeof why, "cannot be loaded (%s)", dlerror());
        return refuse_missing(engine, ranks, why);
    }
    transport_open *begin = NULL;
    *(void **)&begin = dlsym(loaded.library, "harness_transport_open");
    if (!begin) return refuse_missing(engine, ranks, "is damaged");
    if (begin(&loaded.transport, TRANSPORT_VERSION, &limits, text))
        return err_set(ERR_NETWORK, "%s: %s", file, text);
    return ERR_OK;
}

/* --- opening and closing -------------------------------------------------------------------------
 */

static err check_expected(uint32_t expected, uint32_t ranks) {
    if (!expected || expected == ranks) return ERR_OK;
    return err_set(ERR_USAGE, "%u ranks were asked for, but %s%s", expected,
                   ranks == 1 ? "the program runs by itself"
                              : "the launcher has started another number",
                   err_advice("ranks", " (--ranks only checks; mpirun -n N or srun -n N sets it)"));
}

/* Without an MPI that fits its launcher each process would be rank 0 of one. */
static err refuse_size(uint32_t announced) {
    transport *t = &loaded.transport;
    uint32_t size = t->size;
    t->close(t);
    return err_set(ERR_USAGE,
                   "the launcher has started %u processes, but %s knows of %u: launcher and MPI do "
                   "not fit (Open MPI: mpirun.openmpi, srun with pmix; MPICH: mpirun.mpich, srun "
                   "with pmi2)",
                   announced, t->engine, size);
}

err launch_open(struct group *g, uint32_t expected) {
    const char *engine = NULL;
    uint32_t announced = launch_announced(&engine);
    *g = (struct group){0};
    log_set_rank(own_number());
    if (announced < 2 && !(engine && !announced)) return check_expected(expected, 1);
    if (!engine)
        return err_set(ERR_USAGE,
                       "srun has started %u processes without MPI: start them as a group (srun "
                       "with pmix for Open MPI, with pmi2 for MPICH; docs/clusters.md), or each by "
                       "itself (HARNESS_GROUP=off)",
                       announced);
    err e = load(engine, announced);
    if (e) return e;
    if (announced && loaded.transport.size != announced) return refuse_size(announced);
    if (loaded.transport.size == 1) {
        loaded.transport.close(&loaded.transport);
        return check_expected(expected, 1);
    }
    e = group_open(g, &loaded.transport);
    log_set_rank(g->rank);
    return e ? e : check_expected(expected, g->size);
}
