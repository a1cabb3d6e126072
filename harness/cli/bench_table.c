#include "cli/bench_table.h"

#include "base/ascii.h"
#include "base/log.h"
#include "base/shown.h"
#include "bench/bench_file.h"
#include "cli/bench_record.h"
#include "platform/file.h"
#include "result/device_text.h"

#include <string.h>

#define TRY(call)                                                                                  \
    do {                                                                                           \
        err try_e = (call);                                                                        \
        if (try_e) return try_e;                                                                   \
    } while (0)

static double percent(double part, double whole) {
    return whole > 0 ? 100 * part / whole : 0;
}

/* A count, a time, a rate or a share, as a measurement can have it: text of anybody's is printed here. */
static err number(double *out, const cJSON *object, const char *key, const char *where) {
    static const struct {
        const char *end;
        double most;
    } kinds[] = {{"share", 1}, {"ms", 1e9}, {"flop_per_s", 1e9}, {"gbyte_per_s", 1e9}, {"", 1e15}};
    const double rounding = 1e-9;
    size_t k = 0;
    TRY(json_number(out, object, key, where));
    while (!ascii_ends(key, kinds[k].end)) k++;
    if (*out >= 0 && *out <= kinds[k].most + rounding) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: key '%s' is %g, a number from 0 to %g is expected", where, key,
                   *out, kinds[k].most);
}

/* Numbers of an object by name, in the order of the names; at most NUMBERS_MAX. */
enum { NUMBERS_MAX = 16 };
static err numbers(double *out, const cJSON *object, const char *const *keys, size_t count,
                   const char *where) {
    for (size_t i = 0; i < count; i++) TRY(number(&out[i], object, keys[i], where));
    return ERR_OK;
}
#define NUMBERS(out, object, where, ...)                                                           \
    numbers((out), (object), (const char *const[]){__VA_ARGS__},                                   \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *), (where))

typedef struct peaks {
    double gflops, gbytes;
} peaks;

static err add_op(strbuf *out, const cJSON *row, peaks peak, const char *where) {
    const char *kind = NULL, *shape = NULL;
    double n[NUMBERS_MAX];
    TRY(json_string(&kind, row, "op", where));
    TRY(json_string(&shape, row, "shape", where));
    TRY(NUMBERS(n, row, where, "calls", "dispatches", "ms", "ms_p10", "ms_p90", "share",
                "gflop_per_s", "gbyte_per_s"));
    return shown_printf(out, SHOWN_MARKDOWN,
                        "| %s | %s | %.0f | %.0f | %.3f | %.3f to %.3f | %.1f %% | %.1f | "
                        "%.0f %% | %.1f | %.0f %% |\n",
                        kind, shape, n[0], n[1], n[2], n[3], n[4], 100 * n[5], n[6],
                        percent(n[6], peak.gflops), n[7], percent(n[7], peak.gbytes));
}

static err add_ops(strbuf *out, const cJSON *record, const char *key, const char *name, peaks peak,
                   const char *where) {
    const cJSON *phase = NULL, *ops = NULL, *row = NULL;
    double n[NUMBERS_MAX];
    TRY(json_object(&phase, record, key, where));
    TRY(json_array(&ops, phase, "ops", where));
    TRY(shown_printf(out, SHOWN_MARKDOWN, "\n%s, op by op:\n\n", name));
    if (!cJSON_GetArraySize(ops)) return strbuf_add(out, "This device does not time single ops.\n");
    TRY(strbuf_add(
        out, "| op | shape | calls | dispatches | ms | 10 to 90 % | share | GFLOP/s | of product "
             "peak | GB/s | of copy peak |\n"
             "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"));
    cJSON_ArrayForEach(row, ops) TRY(add_op(out, row, peak, where));
    TRY(NUMBERS(n, phase, where, "product_share", "ops_ms"));
    return strbuf_printf(
        out, "\nMatrix products: %.0f %% of the time of all ops (%.2f ms, timed one by one).\n",
        100 * n[0], n[1]);
}

static err add_whole(strbuf *out, const cJSON *record, const char *key, const char *name,
                     peaks peak, const char *where) {
    const cJSON *phase = NULL;
    double n[NUMBERS_MAX];
    TRY(json_object(&phase, record, key, where));
    TRY(NUMBERS(n, phase, where, "ms", "ms_p10", "ms_p90", "steps", "sentences", "tokens",
                "sentences_per_s", "tokens_per_s", "gflop_per_s", "dispatches", "packing_ms"));
    return shown_printf(out, SHOWN_MARKDOWN,
                        "| %s | %.2f | %.2f to %.2f | %.0f | %.1f | %.0f | %.0f | %.0f | %.1f | "
                        "%.0f %% | %.0f | %.3f |\n",
                        name, n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8],
                        percent(n[8], peak.gflops), n[9], n[10]);
}

static err add_program(strbuf *out, const cJSON *record, const char *where) {
    const cJSON *program = NULL;
    const char *version = NULL, *commit = NULL, *command = NULL, *day = NULL;
    bool is_dirty = false;
    TRY(json_object(&program, record, "harness", where));
    TRY(json_string(&version, program, "version", where));
    TRY(json_string(&commit, program, "commit", where));
    TRY(json_bool(&is_dirty, program, "dirty", where));
    TRY(json_string(&command, record, "command", where));
    TRY(bench_created(&day, record, where));
    const char *how = ", on ";
    if (!day) {
        how = ", no later than ";
        TRY(bench_committed(&day, record, where));
    }
    TRY(shown_code(out, command));
    return shown_printf(out, SHOWN_MARKDOWN, ", harness %s at commit %.12s%s%s%.10s.\n", version,
                        commit, is_dirty ? " with changes" : "", day ? how : "", day ? day : "");
}

static double ranks_of(const cJSON *record) {
    double ranks = json_number_at(cJSON_GetObjectItemCaseSensitive(record, "group"), "ranks");
    return ranks > 1 ? ranks : 1;
}

static const char *device_text(char out[RECORD_DEVICE_BYTES], const cJSON *record,
                               const char *name) {
    const cJSON *group = cJSON_GetObjectItemCaseSensitive(record, "group");
    return record_device_text(out, (int64_t)ranks_of(record), name, json_text_at(group, "devices"));
}

/* "## base on a device, bf16"; ends on the title's line. */
static err add_title(strbuf *out, const cJSON *record, const char *where) {
    const cJSON *host = NULL;
    const char *model = NULL, *name = NULL, *precision = "fp32"; // all that older programs had
    TRY(json_string(&model, record, "model", where));
    TRY(json_object(&host, record, "device", where));
    TRY(json_string(&name, host, "name", where));
    if (json_has(host, "precision")) TRY(json_string(&precision, host, "precision", where));
    TRY(shown_printf(out, SHOWN_MARKDOWN, "## %s on %s", model,
                     device_text((char[RECORD_DEVICE_BYTES]){""}, record, name)));
    if (!strcmp(precision, "fp32")) return ERR_OK;
    return shown_printf(out, SHOWN_MARKDOWN, ", %s", precision);
}

static err add_device(strbuf *out, const cJSON *record, const char *where) {
    const cJSON *host = NULL;
    const char *name = NULL, *kind = NULL, *driver = NULL, *isa = NULL, *libraries = NULL;
    const char *kernels = "";
    double threads = 0;
    TRY(json_object(&host, record, "device", where));
    TRY(json_string(&name, host, "name", where));
    TRY(json_string(&kind, host, "kind", where));
    TRY(json_string(&driver, host, "driver", where));
    TRY(json_string(&isa, host, "isa", where));
    TRY(json_string(&libraries, host, "libraries", where));
    TRY(number(&threads, host, "threads", where));
    TRY(shown_printf(out, SHOWN_MARKDOWN, "Device: %s (%s",
                     device_text((char[RECORD_DEVICE_BYTES]){""}, record, name), kind));
    if (threads > 0)
        TRY(shown_printf(out, SHOWN_MARKDOWN, ", %.0f thread%s%s", threads, threads > 1 ? "s" : "",
                         ranks_of(record) > 1 ? " each" : ""));
    TRY(strbuf_add(out, ")"));
    if (*driver) TRY(shown_printf(out, SHOWN_MARKDOWN, ", driver %s", driver));
    if (*isa) TRY(shown_printf(out, SHOWN_MARKDOWN, ", instruction set %s", isa));
    if (*libraries) TRY(shown_printf(out, SHOWN_MARKDOWN, ", %s", libraries));
    if (json_has(host, "kernels")) TRY(json_string(&kernels, host, "kernels", where));
    if (*kernels) TRY(shown_printf(out, SHOWN_MARKDOWN, "; kernels: %s", kernels));
    return strbuf_add(out, ".\n");
}

static err add_group(strbuf *out, const cJSON *record, const char *where) {
    const cJSON *group = NULL;
    const char *engine = NULL;
    double n[NUMBERS_MAX];
    if (!json_has(record, "group")) return ERR_OK;
    TRY(json_object(&group, record, "group", where));
    TRY(json_string(&engine, group, "engine", where));
    TRY(NUMBERS(n, group, where, "ranks", "exchange_bytes", "exchange_ms", "exchange_exposed_ms"));
    return shown_printf(out, SHOWN_MARKDOWN,
                        "%.0f ranks (%s). A step brings each rank %.1f MB, in %.2f ms, of which "
                        "%.2f ms are exposed: no computing hid them. Ops are those of one rank's "
                        "share; an evaluation batch is one rank's.\n",
                        n[0], engine, n[1] / 1e6, n[2], n[3]);
}

static err add_invocations(strbuf *out, const cJSON *record, const char *key, double resident,
                           const char *where) {
    const cJSON *phase = NULL, *ops = NULL, *row = NULL;
    TRY(json_object(&phase, record, key, where));
    TRY(json_array(&ops, phase, "ops", where));
    cJSON_ArrayForEach(row, ops) {
        const char *kind = NULL, *shape = NULL;
        double invocations = 0;
        if (!json_has(row, "invocations")) continue;
        TRY(json_string(&kind, row, "op", where));
        TRY(json_string(&shape, row, "shape", where));
        TRY(number(&invocations, row, "invocations", where));
        TRY(shown_printf(out, SHOWN_MARKDOWN, "| %s | %s | %s | %.0f |", key, kind, shape,
                         invocations));
        if (resident > 0) TRY(strbuf_printf(out, " %.2f |", invocations / resident));
        TRY(strbuf_add(out, "\n"));
    }
    return ERR_OK;
}

err bench_invocations(strbuf *out, const cJSON *record, const char *where) {
    const cJSON *host = NULL;
    double resident = 0;
    strbuf rows = {0};
    err e = json_object(&host, record, "device", where);
    if (!e && json_has(host, "resident_invocations"))
        e = number(&resident, host, "resident_invocations", where);
    static const char *const phases[] = {"pretraining", "training", "evaluation"};
    for (size_t i = 0; i < sizeof phases / sizeof *phases && !e; i++)
        if (json_has(record, phases[i]))
            e = add_invocations(&rows, record, phases[i], resident, where);
    if (e) goto done;
    if (!rows.length) {
        e = strbuf_add(out, "\nThis device has no invocations to tell of.\n");
        goto done;
    }
    if (resident > 0)
        e = strbuf_printf(out,
                          "\nInvocations of each op's widest dispatch; the device runs %.0f at "
                          "once.\n\n| step | op | shape | invocations | of the device's |\n"
                          "| --- | --- | --- | ---: | ---: |\n",
                          resident);
    else
        e = strbuf_add(out,
                       "\nInvocations of each op's widest dispatch; the driver does not tell how "
                       "many the device runs at once.\n\n| step | op | shape | invocations |\n"
                       "| --- | --- | --- | ---: |\n");
    if (!e) e = strbuf_add(out, rows.text);
done:
    strbuf_free(&rows);
    return e;
}

/* What others are shares of: so small a peak is none, and they would have no end. */
static err check_peak(double rate, const char *key, const char *where) {
    const double least = 1e-6;
    if (rate <= 0 || rate >= least) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: peak: key '%s' is %g, 0 or at least %g is expected", where, key,
                   rate, least);
}

err bench_table(strbuf *out, const cJSON *record, const char *where) {
    const cJSON *peak = NULL;
    const char *data = NULL;
    bool is_sample = false;
    double n[NUMBERS_MAX], p[NUMBERS_MAX];
    TRY(add_title(out, record, where));
    TRY(strbuf_add(out, "\n\n"));
    TRY(json_string(&data, record, "task", where));
    TRY(json_bool(&is_sample, record, "sample", where));
    TRY(add_program(out, record, where));
    TRY(add_device(out, record, where));
    TRY(NUMBERS(n, record, where, "parameters", "vocabulary", "batch_size", "device_bytes",
                "host_peak_bytes"));
    TRY(shown_printf(
        out, SHOWN_MARKDOWN, "%s parameters, vocabulary %s; sentences of %.80s%s, batch %.0f.\n",
        SHOWN_COUNT(n[0]), SHOWN_COUNT(n[1]), data, is_sample ? " (sample)" : "", n[2]));
    TRY(strbuf_printf(out, "Memory: device %.1f MiB, host peak %.1f MiB.\n", n[3] / 0x1p20,
                      n[4] / 0x1p20));
    TRY(add_group(out, record, where));
    TRY(json_object(&peak, record, "peak", where));
    TRY(NUMBERS(p, peak, where, "product_size", "gflop_per_s", "gflop_per_s_worst", "gbyte_per_s",
                "gbyte_per_s_worst"));
    TRY(check_peak(p[1], "gflop_per_s", where));
    TRY(check_peak(p[3], "gbyte_per_s", where));
    TRY(strbuf_printf(out,
                      "The device's own peak: product of %.0f cubed %.1f GFLOP/s (worst round "
                      "%.1f), copy %.1f GB/s (%.1f).\n\n",
                      p[0], p[1], p[2], p[3], p[4]));
    TRY(strbuf_add(
        out, "| whole | ms | 10 to 90 % | steps | sentences | tokens | sentences/s | tokens/s | "
             "GFLOP/s | of product peak | dispatches | packing ms |\n| --- | ---: | ---: | ---: | "
             "---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"));
    peaks own = {p[1], p[3]};
    if (json_has(record, "pretraining")) {
        TRY(add_whole(out, record, "pretraining", "pretraining step", own, where));
        return add_ops(out, record, "pretraining", "Pretraining step", own, where);
    }
    TRY(add_whole(out, record, "training", "training step", own, where));
    TRY(add_whole(out, record, "evaluation", "evaluation batch", own, where));
    TRY(add_ops(out, record, "training", "Training step", own, where));
    return add_ops(out, record, "evaluation", "Evaluation batch", own, where);
}

static err add_other(strbuf *out, const cJSON *record, const char *where) {
    const cJSON *other = NULL;
    const char *version = NULL, *commit = NULL;
    bool is_dirty = false;
    TRY(json_object(&other, record, "other", where));
    TRY(json_string(&version, other, "version", where));
    TRY(json_string(&commit, other, "commit", where));
    TRY(json_bool(&is_dirty, other, "dirty", where));
    return shown_printf(out, SHOWN_MARKDOWN, "The other: harness %.80s at commit %.12s%s.\n",
                        version, commit, is_dirty ? " with changes" : "");
}

static err add_pair(strbuf *out, const cJSON *pair, const char *where) {
    const char *phase = NULL, *part = NULL, *shape = NULL;
    double n[NUMBERS_MAX];
    TRY(json_string(&phase, pair, "phase", where));
    TRY(json_string(&part, pair, "op", where));
    TRY(json_string(&shape, pair, "shape", where));
    TRY(NUMBERS(n, pair, where, "own_ms", "other_ms", "ratio", "low", "high"));
    const char *verdict = n[3] > 1 ? "faster" : n[4] < 1 ? "slower" : "not shown to differ";
    return shown_printf(
        out, SHOWN_MARKDOWN, "| %.40s | %.80s | %.40s | %.3f | %.3f | %.3f | %.3f to %.3f | %s |\n",
        phase, *part ? part : "whole", shape, n[0], n[1], n[2], n[3], n[4], verdict);
}

err pairs_table(strbuf *out, const cJSON *record, const char *where) {
    const char *data = NULL;
    const cJSON *pairs = NULL, *pair = NULL;
    bool is_sample = false;
    double n[NUMBERS_MAX];
    TRY(add_title(out, record, where));
    TRY(strbuf_add(out, ", two programs in turns\n\n"));
    TRY(json_string(&data, record, "task", where));
    TRY(json_bool(&is_sample, record, "sample", where));
    TRY(NUMBERS(n, record, where, "rounds", "parameters", "batch_size"));
    TRY(add_program(out, record, where));
    TRY(add_other(out, record, where));
    TRY(add_device(out, record, where));
    TRY(shown_printf(out, SHOWN_MARKDOWN, "%s parameters; sentences of %.80s%s, batch %.0f.\n",
                     SHOWN_COUNT(n[1]), data, is_sample ? " (sample)" : "", n[2]));
    TRY(strbuf_printf(
        out,
        "%.0f rounds of one run of each, who is first in turns. Faster by: the other's "
        "time to this program's, geometric mean over rounds; its 95 %% interval is "
        "Student's t of the rounds' log ratios, each row by itself: of 20 rows without "
        "a difference about one shows one.\n\n",
        n[0]));
    TRY(strbuf_add(out,
                   "| step | of it | shape | this program, ms | the other, ms | faster by | 95 "
                   "% interval | this program is |\n"
                   "| --- | --- | --- | ---: | ---: | ---: | ---: | --- |\n"));
    TRY(json_array(&pairs, record, "pairs", where));
    cJSON_ArrayForEach(pair, pairs) {
        TRY(add_pair(out, pair, where));
    }
    return ERR_OK;
}

/* "12.3 (11.9 to 12.8)"; nothing of what a contender does not do */
static err add_spread(strbuf *out, const cJSON *row, const char *key, int digits,
                      const char *where) {
    const cJSON *range = NULL;
    double n[NUMBERS_MAX];
    if (!json_has(row, key)) return strbuf_add(out, "| ");
    TRY(json_object(&range, row, key, where));
    TRY(NUMBERS(n, range, where, "median", "low", "high"));
    return strbuf_printf(out, "%.*f (%.*f to %.*f) | ", digits, n[0], digits, n[1], digits, n[2]);
}

static err add_contender(strbuf *out, const cJSON *row, const char *where) {
    const char *name = NULL, *title = NULL;
    double n[NUMBERS_MAX];
    TRY(json_string(&name, row, "name", where));
    TRY(json_string(&title, row, "title", where));
    TRY(NUMBERS(n, row, where, "rounds", "padding", "peak_mib", "import_mib"));
    bool is_harness = !strcmp(name, "harness");
    TRY(shown_printf(out, SHOWN_MARKDOWN, "| %s | %.0f | ", title, n[0]));
    TRY(add_spread(out, row, "train", 1, where));
    if (is_harness)
        TRY(strbuf_add(out, "| "));
    else
        TRY(add_spread(out, row, "train_ratio", 2, where));
    TRY(add_spread(out, row, "evaluate", 1, where));
    if (is_harness)
        TRY(strbuf_add(out, "| "));
    else
        TRY(add_spread(out, row, "evaluate_ratio", 2, where));
    TRY(strbuf_printf(out, "%.2f | %.0f", n[1], n[2]));
    if (!is_harness) TRY(strbuf_printf(out, " (%.0f)", n[3]));
    return strbuf_add(out, " |\n");
}

static err add_shape(strbuf *out, const cJSON *shape, const char *where) {
    const char *name = NULL;
    const cJSON *rows = NULL, *row = NULL, *failed = NULL, *why = NULL;
    TRY(json_string(&name, shape, "shape", where));
    TRY(json_array(&rows, shape, "rows", where));
    TRY(json_object(&failed, shape, "failed", where));
    TRY(shown_printf(out, SHOWN_MARKDOWN, "\n%s:\n\n", name));
    TRY(strbuf_add(
        out, "| | rounds | training, sentences/s | harness is faster by | evaluation, sentences/s "
             "| harness is faster by | tokens computed to real | peak MiB (of it libraries) |\n"
             "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"));
    cJSON_ArrayForEach(row, rows) TRY(add_contender(out, row, where));
    cJSON_ArrayForEach(why, failed) {
        TRY(shown_printf(out, SHOWN_MARKDOWN, "\nNot measured: %s: %s\n", why->string,
                         cJSON_IsString(why) ? why->valuestring : ""));
    }
    return ERR_OK;
}

/* What the contenders of throughput.py run, by what their names begin with. */
static const struct {
    const char *name, *program;
} programs[] = {{"a", "PyTorch"},         {"b", "PyTorch"},         {"c", "PyTorch"},
                {"ort", "ONNX Runtime"},  {"openvino", "OpenVINO"}, {"jax", "JAX"},
                {"tinygrad", "tinygrad"}, {"tinygrad+webgpu", NULL}}; // on a device of its own
enum { PROGRAMS = sizeof programs / sizeof *programs };

static err find_programs(bool found[PROGRAMS], const cJSON *measured, const char *where) {
    const cJSON *shape = NULL, *rows = NULL, *row = NULL;
    cJSON_ArrayForEach(shape, measured) {
        TRY(json_array(&rows, shape, "rows", where));
        cJSON_ArrayForEach(row, rows) {
            const char *name = NULL;
            TRY(json_string(&name, row, "name", where));
            for (size_t i = 0; i < PROGRAMS; i++) {
                size_t length = strlen(programs[i].name);
                bool webgpu = strstr(name, "+webgpu") != NULL;
                found[i] |= webgpu == !programs[i].program &&
                            !strncmp(name, programs[i].name, length) &&
                            (!name[length] || name[length] == '+');
            }
        }
    }
    return ERR_OK;
}

/* "## harness on cpu, PyTorch and JAX on cpu". */
static err add_throughput_title(strbuf *out, const cJSON *record, const char *where) {
    const cJSON *measured = cJSON_GetObjectItemCaseSensitive(record, "measured");
    const char *ours = NULL, *others = NULL, *names[PROGRAMS];
    bool found[PROGRAMS] = {false};
    size_t count = 0;
    TRY(json_string(&ours, record, "device", where));
    TRY(json_string(&others, record, "torch_device", where));
    TRY(find_programs(found, measured, where));
    for (size_t i = 0; i < PROGRAMS; i++)
        if (found[i] && programs[i].program &&
            !(count && !strcmp(names[count - 1], programs[i].program)))
            names[count++] = programs[i].program;
    TRY(shown_printf(out, SHOWN_MARKDOWN, "## harness on %s", ours));
    for (size_t i = 0; i < count; i++)
        TRY(strbuf_printf(out, "%s%s", i && i + 1 == count ? " and " : ", ", names[i]));
    if (count) TRY(shown_printf(out, SHOWN_MARKDOWN, " on %s", others));
    return strbuf_add(out, found[PROGRAMS - 1] ? ", tinygrad by WebGPU\n\n" : "\n\n");
}

static err throughput_table(strbuf *out, const cJSON *record, const char *where) {
    const cJSON *versions = NULL, *version = NULL, *measured = NULL, *shape = NULL;
    const char *machine = NULL, *note = NULL;
    TRY(add_throughput_title(out, record, where));
    TRY(json_string(&machine, record, "machine", where));
    TRY(json_string(&note, record, "note", where));
    TRY(add_program(out, record, where));
    TRY(shown_printf(out, SHOWN_MARKDOWN, "Machine: %s.", machine));
    TRY(json_object(&versions, record, "versions", where));
    cJSON_ArrayForEach(version, versions) {
        TRY(shown_printf(out, SHOWN_MARKDOWN, "%s %s %s", version != versions->child ? "," : "",
                         version->string, cJSON_IsString(version) ? version->valuestring : "?"));
    }
    TRY(shown_printf(out, SHOWN_MARKDOWN, ".\n%s\n", note));
    TRY(json_array(&measured, record, "measured", where));
    cJSON_ArrayForEach(shape, measured) TRY(add_shape(out, shape, where));
    return ERR_OK;
}

/* In the order of the page. */
static const struct kind {
    const char *schema;
    err (*table)(strbuf *out, const cJSON *record, const char *where);
} kinds[] = {{THROUGHPUT_SCHEMA, throughput_table},
             {PAIRS_SCHEMA, pairs_table},
             {BENCH_SCHEMA, bench_table}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static bool is_known(const char *schema) {
    bool known = false;
    for (size_t i = 0; i < KINDS; i++) known = known || !strcmp(schema, kinds[i].schema);
    return known;
}

/* Appends the tables of every record of the schema, and counts them. */
static err add_records(strbuf *out, size_t *count, const folder_list *list, const char *folder,
                       const struct kind *wanted) {
    for (size_t i = 0; i < list->count; i++) {
        const char *name = list->names[i], *schema = NULL;
        if (!ascii_ends(name, ".json")) continue;
        char *path = NULL;
        cJSON *record = NULL;
        err e = path_join(&path, folder, name);
        if (!e) e = json_read(&record, path, BENCH_RECORD_BYTES);
        if (!e) e = json_string(&schema, record, "schema", path);
        if (!e && !is_known(schema))
            e = err_set(ERR_FORMAT, "%s: schema '%s' is unknown (known: %s, %s, %s)", path, schema,
                        BENCH_SCHEMA, PAIRS_SCHEMA, THROUGHPUT_SCHEMA);
        if (!e && !strcmp(schema, wanted->schema)) {
            ++*count;
            if (!(e = strbuf_add(out, "\n"))) e = wanted->table(out, record, path);
        }
        cJSON_Delete(record);
        mem_free(path);
        if (e) return e;
    }
    return ERR_OK;
}

static const char performance_mark[] = "Made by `harness bench --performance`";

err performance_write(const char *folder) {
    folder_list list = {0};
    strbuf page = {0}, path = {0};
    size_t count = 0, length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/') length--;
    err e = folder_list_read(&list, folder);
    if (e) goto done;
    // the last part alone, so that the page does not tell where it was made
    const char *name = folder + length;
    while (name > folder && name[-1] != '/') name--;
    if ((e = strbuf_printf(&page,
                           "# Speed\n\n%s from the records in "
                           "%.*s/; do not edit. Medians, and in brackets or\nbeside them the "
                           "spread.\n",
                           performance_mark, (int)(folder + length - name), name)))
        goto done;
    for (size_t i = 0; i < KINDS; i++)
        if ((e = add_records(&page, &count, &list, folder, &kinds[i]))) goto done;
    if (!count) {
        e = err_set(ERR_FORMAT, "%s holds no record (*.json)", folder);
        goto done;
    }
    if ((e = strbuf_printf(&path, "%.*s.md", (int)length, folder))) goto done;
    if ((e = file_check_own(path.text, performance_mark))) goto done;
    if (!(e = file_write(path.text, page.text, page.length)))
        log_note("wrote %s from %zu record%s", path.text, count, shown_plural(count));
done:
    folder_list_free(&list);
    strbuf_free(&page);
    strbuf_free(&path);
    return e;
}
