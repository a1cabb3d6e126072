#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/model_flag.h"
#include "cli/options.h"
#include "cli/output.h"
#include "metric/score.h"
#include "platform/host.h"
#include "platform/stream.h"
#include "platform/waiting.h"
#include "result/version.h"
#include "train/group/launch.h"

#include <locale.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the main thread, and by default of each other: enough for the paths and lines of text that
 * functions hold, and for what drivers do. */
enum { STACK_BYTES = 1 << 20 };

typedef err (*verb_function)(const options *o);

static const verb_function table[] = {
#define VERB(name, arguments, summary, example) verb_##name,
#include "cli/verbs.def"
#undef VERB
};

static verb_id running;

static bool running_takes(const char *flag) {
    return options_takes(running, flag);
}

typedef struct refusal {
    err e;
    char *said; /* owned */
} refusal;

static err repeat(const void *of, struct group *g) {
    const refusal *r = of;
    (void)g;
    return err_set(r->e, "%s", r->said);
}

/* Of the ranks of a group, which read the same flags, one tells what is wrong with them. */
static err refuse_once(const char *verb, err e) {
    refusal r = {.e = e};
    if (mem_strdup(&r.said, err_message(e))) return ERR_MEMORY;
    e = launch_run(verb, repeat, &r, NULL, 0);
    mem_free(r.said);
    return e;
}

// argv[0] becomes the verb, so that popt sees its flags alone.
static err run_verb(int argc, const char **argv) {
    options o;
    bool wants_help;
    char *model = NULL;
    err e = options_verb(&running, argv[1]);
    if (e) return e;
    e = options_parse(&o, &wants_help, running, argc - 1, argv + 1);
    if (e) return running_takes("ranks") ? refuse_once(argv[1], e) : e;
    err_set_flags(running_takes);
    if (wants_help) {
        options_help(running);
    } else {
        log_set_quiet(o.quiet);
        if (!running_takes("ranks")) launch_warn_apart(argv[1]);
        if (!(e = model_flag_join(&model, &o))) e = table[running](&o);
    }
    options_free(&o);
    mem_free(model);
    return e;
}

/* A smaller one ends in a kill without a word. */
static err check_stack(void) {
    uint64_t most = host_stack_bytes();
    if (most >= STACK_BYTES) return ERR_OK;
    return err_set(ERR_UNSUPPORTED,
                   "the stack is limited to %llu KiB, expected %d or more (ulimit -s)",
                   (unsigned long long)most >> 10, STACK_BYTES >> 10);
}

/* A number that does not fit libgomp makes it 0, by which libraries divide; for one that is too large
 * it ends the program. */
static err check_threads(void) {
    enum { THREADS_MOST = 1 << 16 };
    int threads = omp_get_max_threads();
    if (threads > 0 && threads <= THREADS_MOST) return ERR_OK;
    return err_set(ERR_USAGE, "OMP_NUM_THREADS is '%s': expected a number of threads",
                   getenv("OMP_NUM_THREADS"));
}

static bool is_one_of(const char *text, const char *a, const char *b, const char *c) {
    return !strcmp(text, a) || !strcmp(text, b) || !strcmp(text, c);
}

static err version_json(void) {
    cJSON *root = cJSON_CreateObject();
    err e = json_put(root,
                     "name %s version %s commit %s dirty %d numerics_version %u metric_version %u",
                     "harness", version_string(), version_commit(), version_is_dirty(),
                     (unsigned)NUMERICS_VERSION, (unsigned)METRIC_VERSION);
    return output_json_last(e, root, false);
}

/* For people, or behind --json for programs. */
static err show_version(int argc, char **argv) {
    if (argc == 3 && !strcmp(argv[2], "--json")) return version_json();
    if (argc > 2)
        return err_set(ERR_USAGE, "%s takes --json alone, found '%s'", argv[1],
                       argv[strcmp(argv[2], "--json") ? 2 : 3]);
    printf("harness %s (%s%s)\n", version_string(), version_commit(),
           version_is_dirty() ? ", changed" : "");
    return ERR_OK;
}

int main(int argc, char **argv) {
    static char help_word[] = "help";
    waiting_settle();
    streams_begin();
    // only for text width and messages of the C library: numbers stay in the C locale
    setlocale(LC_CTYPE, "");
    json_setup();
    err e = ERR_OK;
    bool wants_help = argc > 1 && is_one_of(argv[1], "--help", "-h", "help");
    if (argc < 2 || (wants_help && argc == 2)) {
        options_help_all();
    } else if (is_one_of(argv[1], "--version", "-V", "version")) {
        e = show_version(argc, argv);
    } else if (!(e = check_stack()) && !(e = check_threads())) {
        if (wants_help) argv[1] = help_word; // `harness --help run` as `harness help run`
        e = run_verb(argc, (const char **)argv);
    }
    if (!e) e = output_check();
    bool unread = e && output_reader_left();
    log_progress_end();
    if (e && !unread) log_error(e);
#ifdef HARNESS_COUNT_BLOCKS
    if (mem_live_count()) {
        fprintf(stderr, "harness: %zu blocks of memory were not freed\n", mem_live_count());
        return 70;
    }
#endif
    return unread ? OUTPUT_NO_READER : err_exit_code(e);
}
