/* The page of speed: made from records alone, the same bytes each time. */
#include "base/json.h"
#include "base/memory.h"
#include "cli/bench_record.h"
#include "cli/bench_table.h"
#include "platform/file.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THROUGHPUT                                                                                 \
    "{\"schema\": \"harness-throughput-1\", \"created\": \"2026-03-14T15:09:26Z\", \"harness\": "  \
    "{\"version\": \"1\", \"commit\": \"0123456789abcdef\", \"dirty\": false}, \"command\": "      \
    "\"throughput.py\", \"device\": "                                                              \
    "\"cpu\", "                                                                                    \
    "\"torch_device\": \"cpu\", \"machine\": \"here, 2 cores\", \"versions\": {\"PyTorch\": "      \
    "\"2.0\", \"Python\": \"3\"}, \"note\": \"Quiet.\", \"measured\": [{\"shape\": \"base\", "     \
    "\"failed\": {\"c\": \"no room\"}, \"rows\": ["                                                \
    "{\"name\": \"harness\", \"title\": \"harness\", \"rounds\": 3, \"padding\": 1, "              \
    "\"peak_mib\": 10, \"import_mib\": 0, \"train\": {\"median\": 12, \"low\": 11, \"high\": "     \
    "13}, "                                                                                        \
    "\"evaluate\": {\"median\": 30, \"low\": 29, \"high\": 31}}, "                                 \
    "{\"name\": \"b\", \"title\": \"Trainer\", \"rounds\": 3, \"padding\": 1.25, "                 \
    "\"peak_mib\": 20, \"import_mib\": 5, \"train\": {\"median\": 6, \"low\": 5, \"high\": 7}, "   \
    "\"train_ratio\": {\"median\": 2, \"low\": 1.5, \"high\": 2.5}, "                              \
    "\"evaluate\": {\"median\": 15, \"low\": 14, \"high\": 16}, "                                  \
    "\"evaluate_ratio\": {\"median\": 2, \"low\": 1.75, \"high\": 2.25}}]}]}"

static void write_text(const char *folder, const char *name, const char *text) {
    char *path;
    MUST(path_join(&path, folder, name));
    MUST(file_write(path, text, strlen(text)));
    mem_free(path);
}

static char *read_text(const char *path) {
    void *bytes;
    size_t count;
    MUST(file_read(&bytes, &count, path, 0));
    char *text;
    MUST(mem_new(&text, count + 1));
    memcpy(text, bytes, count);
    mem_free(bytes);
    return text;
}

/* A record of a bench with figures that can be looked for; owned. invocations: of its one op;
 * resident: that the device runs at once; 0: it tells of none. */
static cJSON *make_bench(device_precision precision, uint64_t invocations, uint64_t resident) {
    static bench b;
    b = (bench){.parameters = 1000, .peak_size = 1024, .peak_gflops = 200, .peak_gbytes = 20};
    b.training = (bench_phase){.ms = {5, 4, 6}, .steps = 7, .product_share = 0.8, .row_count = 1};
    b.training.rows[0] = (bench_row){.kind = OP_linear_fwd,
                                     .shape = "12x34",
                                     .calls = 3,
                                     .gflops = 100,
                                     .invocations = invocations,
                                     .ms = {1.25, 1, 2},
                                     .share = 0.8};
    device d = {.info = {.name = "a device", .isa = "some", .kernels = "by hand", .threads = 2},
                .options.precision = precision};
    d.info.resident = resident;
    bench_options wanted = {.batch_size = 32, .dropout = -1, .seed = 42};
    const struct options flags = {0};
    bench_subject subject = {
        .model = "base", .task = "nsmc", .options = &wanted, .flags = &flags, .device = &d};
    cJSON *record;
    MUST(bench_record(&record, &subject, &b));
    return record;
}

static void write_bench(const char *folder, const char *name, device_precision precision) {
    cJSON *record = make_bench(precision, 0, 0);
    char *text;
    MUST(json_print(&text, record, true));
    write_text(folder, name, text);
    mem_free(text);
    cJSON_Delete(record);
}

/* Of a driver that tells how many a device runs at once, of one that does not, and of no driver. */
Test(performance, invocations_are_told_beside_what_runs_at_once) {
    static const struct {
        uint64_t invocations, resident;
        const char *says;
    } cases[] = {{512, 4096, "; the device runs 4096 at once."},
                 {512, 0, "; the driver does not tell how many the device runs at once."},
                 {0, 0, "This device has no invocations to tell of."}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cJSON *record = make_bench(PRECISION_FP32, cases[i].invocations, cases[i].resident);
        strbuf out = {0};
        MUST(bench_invocations(&out, record, "it"));
        cr_expect(strstr(out.text, cases[i].says), "no '%s' in: %s", cases[i].says, out.text);
        cr_expect_eq(strstr(out.text, "| 512 |") != NULL, cases[i].invocations > 0, "%s", out.text);
        cr_expect_eq(strstr(out.text, "| 512 | 0.12 |") != NULL, cases[i].resident > 0, "%s",
                     out.text);
        strbuf_free(&out);
        cJSON_Delete(record);
    }
}

CleanTest(performance, page_holds_the_records) {
    char folder[64] = "/tmp/harness-performance-XXXXXX", path[96];
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s.md", folder);
    write_bench(folder, "a-bench.json", PRECISION_FP32);
    write_bench(folder, "c-bench.json", PRECISION_FP16);
    write_text(folder, "b-torch.json", THROUGHPUT);
    write_text(folder, "readme.txt", "not a record");
    MUST(performance_write(folder));
    char *first = read_text(path);
    const char *const wanted[] = {
        "## harness on cpu, PyTorch on cpu",
        "`throughput.py`, harness 1 at commit 0123456789ab, on 2026-03-14.\n",
        "Machine: here, 2 cores. PyTorch 2.0, Python 3.\nQuiet.\n",
        "| harness | 3 | 12.0 (11.0 to 13.0) | | 30.0 (29.0 to 31.0) | | 1.00 | 10 |",
        ("| Trainer | 3 | 6.0 (5.0 to 7.0) | 2.00 (1.50 to 2.50) | 15.0 (14.0 to 16.0) | "
         "2.00 (1.75 to 2.25) | 1.25 | 20 (5) |"),
        "Not measured: c: no room",
        "## base on a device\n",
        "## base on a device, fp16\n",
        "--model base --task nsmc --device 'a device' --batch-size 32 --seed 42`",
        "Device: a device (gpu, 2 threads), instruction set some; kernels: by hand.\n",
        "--device 'a device' --batch-size 32 --precision fp16 --seed 42`",
        "| training step | 5.00 | 4.00 to 6.00 | 7 |",
        "| linear_fwd | 12x34 | 3 | 0 | 1.250 | 1.000 to 2.000 | 80.0 % | 100.0 | 50 % |",
        "Matrix products: 80 % of the time",
        "Evaluation batch, op by op:\n\nThis device does not time single ops.",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        cr_assert_not_null(strstr(first, wanted[i]), "'%s' is not in:\n%s", wanted[i], first);
    // PyTorch comes first, whatever the names
    cr_assert_lt(strstr(first, "PyTorch on"), strstr(first, "base on"));
    strcat(folder, "/");
    MUST(performance_write(folder));
    char *second = read_text(path);
    cr_assert_str_eq(first, second);
    mem_free(first);
    mem_free(second);
    MUST(folder_remove(folder));
    remove(path);
}

/* The title names what took part, and a record without its time the day by which it was here. */
CleanTest(performance, titles_name_what_is_compared) {
    static const struct {
        const char *names[6], *title;
    } cases[] = {
        {{"harness", "harness+bf16"}, "## harness on cpu\n"},
        {{"harness", "b", "c+compile"}, "## harness on cpu, PyTorch on cpu\n"},
        {{"harness", "jax+bf16", "ort", "c"},
         "## harness on cpu, PyTorch, ONNX Runtime and JAX on cpu\n"},
        {{"harness", "openvino", "tinygrad"}, "## harness on cpu, OpenVINO and tinygrad on cpu\n"},
        {{"harness", "tinygrad+webgpu"}, "## harness on cpu, tinygrad by WebGPU\n"},
        {{"harness", "tinygrad+webgpu", "a"},
         "## harness on cpu, PyTorch on cpu, tinygrad by WebGPU\n"},
    };
    char folder[] = "/tmp/harness-performance-XXXXXX", page[64], *text;
    cr_assert(mkdtemp(folder));
    snprintf(page, sizeof page, "%s.md", folder);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cJSON *record;
        MUST(json_parse(&record, THROUGHPUT, strlen(THROUGHPUT), "x"));
        cJSON_DeleteItemFromObject(record, "created");
        if (i) cJSON_AddStringToObject(record, "committed", "2026-03-15");
        cJSON *rows = cJSON_GetObjectItem(
            cJSON_GetArrayItem(cJSON_GetObjectItem(record, "measured"), 0), "rows");
        cJSON *other = cJSON_DetachItemFromArray(rows, 1);
        for (size_t k = 1; k < 6 && cases[i].names[k]; k++) {
            cJSON *row = cJSON_Duplicate(other, true);
            cJSON_SetValuestring(cJSON_GetObjectItem(row, "name"), cases[i].names[k]);
            cJSON_AddItemToArray(rows, row);
        }
        MUST(json_print(&text, record, true));
        write_text(folder, "x.json", text);
        mem_free(text);
        MUST(performance_write(folder));
        text = read_text(page);
        cr_expect(strstr(text, cases[i].title), "no %s in %.300s", cases[i].title, text);
        cr_expect(strstr(text, i ? "0123456789ab, no later than 2026-03-15.\n"
                                 : "at commit 0123456789ab.\n"),
                  "%.500s", text);
        mem_free(text);
        cJSON_Delete(other);
        cJSON_Delete(record);
    }
    MUST(folder_remove(folder));
    remove(page);
}

#define EVIL "<b>![i](http://e)\x1b[31m"

typedef struct stranger {
    const char *folder, *page; /* of the records; that is made of them */
    cJSON *record;
    size_t tried;
} stranger;

/* With each text in turn: the record is refused, or what it says shows on the page and does nothing. */
static void change_texts(stranger *s, cJSON *parent) {
    cJSON *item;
    cJSON_ArrayForEach(item, parent) {
        change_texts(s, item);
        if (!cJSON_IsString(item)) continue;
        char *was = item->valuestring, evil[] = EVIL, *text = NULL;
        item->valuestring = evil;
        MUST(json_print(&text, s->record, true));
        write_text(s->folder, "x.json", text);
        mem_free(text);
        item->valuestring = was;
        s->tried++;
        if (performance_write(s->folder)) {
            err_clear();
            continue;
        }
        text = read_text(s->page);
        cr_expect_null(strstr(text, "<b>"), "%s", item->string);
        cr_expect_null(strchr(text, '\x1b'), "%s", item->string);
        cr_expect_null(strstr(text, "![i]("), "%s", item->string);
        mem_free(text);
    }
}

CleanTest(performance, no_text_of_a_strangers_record_is_markup) {
    char folder[] = "/tmp/harness-performance-XXXXXX", page[64];
    cr_assert(mkdtemp(folder));
    snprintf(page, sizeof page, "%s.md", folder);
    stranger s = {.folder = folder, .page = page, .record = make_bench(PRECISION_FP16, 9, 99)};
    change_texts(&s, s.record);
    cr_expect_gt(s.tried, 12, "%zu", s.tried);
    cJSON_Delete(s.record);
    s.tried = 0;
    MUST(json_parse(&s.record, THROUGHPUT, strlen(THROUGHPUT), "x"));
    change_texts(&s, s.record);
    cr_expect_gt(s.tried, 12, "%zu", s.tried);
    cJSON_Delete(s.record);
    MUST(folder_remove(folder));
    remove(page);
}

Test(performance, a_page_of_anothers_stays) {
    char parent[] = "/tmp/harness-performance-XXXXXX", folder[64], path[96];
    cr_assert(mkdtemp(parent));
    snprintf(folder, sizeof folder, "%s/speed", parent);
    snprintf(path, sizeof path, "%s.md", folder);
    MUST(folder_make(folder));
    write_text(folder, "torch.json", THROUGHPUT);
    write_text(parent, "speed.md", "# My notes on speed\n");
    MUST_FAIL(performance_write(folder), ERR_DATA, "speed.md: this program did not make it");
    char *kept = read_text(path);
    cr_expect_str_eq(kept, "# My notes on speed\n");
    mem_free(kept);
    MUST(folder_remove(parent));
}

CleanTest(performance, says_what_is_wrong_with_a_record) {
    char folder[] = "/tmp/harness-performance-XXXXXX";
    cr_assert(mkdtemp(folder));
    cr_assert_eq(performance_write(folder), ERR_FORMAT);
    cr_assert_not_null(strstr(err_message(ERR_FORMAT), "holds no record"), "%s",
                       err_message(ERR_FORMAT));
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\"schema\": \"other\"}", "x.json: schema 'other' is unknown (known: harness-bench-1"},
        {"{\"schema\": \"harness-bench-1\"}", "model"},
        {"{\"schema\": \"harness-throughput-1\", \"device\": 3}", "device"},
        {"{\"schema\": \"harness-throughput-1\", \"created\": \"today\", \"device\": \"cpu\", "
         "\"torch_device\": "
         "\"cpu\", \"machine\": \"m\", \"note\": \"n\", \"command\": \"c\", \"harness\": "
         "{\"version\": \"1\", "
         "\"commit\": \"a\", \"dirty\": false}}",
         "key 'created' is 'today', expected a time"},
        {"{\"schema\": \"harness-throughput-1\", \"committed\": \"2026-02-30\", \"device\": "
         "\"cpu\", "
         "\"torch_device\": \"cpu\", \"machine\": \"m\", \"note\": \"n\", \"command\": \"c\", "
         "\"harness\": {\"version\": \"1\", \"commit\": \"a\", \"dirty\": false}}",
         "key 'committed' is '2026-02-30', expected a day"},
        {"{}", "schema"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_text(folder, "x.json", cases[i].text);
        err e = performance_write(folder);
        cr_assert_eq(e, ERR_FORMAT, "case %zu", i);
        cr_assert_not_null(strstr(err_message(e), cases[i].message), "case %zu: %s", i,
                           err_message(e));
        cr_assert_not_null(strstr(err_message(e), "x.json"), "case %zu: %s", i, err_message(e));
    }
    MUST(folder_remove(folder));
    err_clear();
}

/* Numbers that no measurement has: a page would show them. */
CleanTest(performance, impossible_numbers_are_refused) {
    static const struct {
        const char *of, *key;
        double value;
        const char *said;
    } cases[] = {
        {"op", "share", -1e308, "key 'share' is -1e+308, a number from 0 to 1"},
        {"op", "share", 1.01, "a number from 0 to 1 is"},
        {"op", "gflop_per_s", 1e308, "key 'gflop_per_s' is 1e+308, a number from 0 to 1e+09"},
        {"op", "calls", 1e16, "from 0 to 1e+15"},
        {"training", "ms", -1, "key 'ms' is -1"},
        {"training", "product_share", 2, "key 'product_share' is 2"},
        {"peak", "gflop_per_s", 1e-300, "0 or at least 1e-06"},
        {"peak", "gbyte_per_s", 1e300, "key 'gbyte_per_s' is 1e+300"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        strbuf page = {0};
        cJSON *record = make_bench(PRECISION_FP32, 0, 0);
        bool is_op = !strcmp(cases[i].of, "op");
        cJSON *of = cJSON_GetObjectItem(record, is_op ? "training" : cases[i].of);
        if (is_op) of = cJSON_GetArrayItem(cJSON_GetObjectItem(of, "ops"), 0);
        cJSON_SetNumberValue(cJSON_GetObjectItem(of, cases[i].key), cases[i].value);
        err e = bench_table(&page, record, "x.json");
        cr_expect_eq(e, ERR_FORMAT, "case %zu", i);
        cr_expect(e && strstr(err_message(e), cases[i].said), "case %zu: %s", i,
                  e ? err_message(e) : page.text);
        err_clear();
        cJSON_Delete(record);
        strbuf_free(&page);
    }
}

/* results/performance.md is what the records beside it give. */
Test(performance, committed_page_comes_from_its_records) {
    const char *records = HARNESS_SOURCE_DIR "/results/performance";
    if (!folder_exists(records)) cr_skip_test("no records of speed are committed");
    char parent[] = "/tmp/harness-performance-XXXXXX", folder[64], path[96];
    cr_assert(mkdtemp(parent));
    snprintf(folder, sizeof folder, "%s/performance", parent);
    snprintf(path, sizeof path, "%s.md", folder);
    MUST(folder_make(folder));
    folder_list list;
    MUST(folder_list_read(&list, records));
    for (size_t i = 0; i < list.count; i++) {
        char *from;
        MUST(path_join(&from, records, list.names[i]));
        char *text = read_text(from);
        write_text(folder, list.names[i], text);
        mem_free(text);
        mem_free(from);
    }
    folder_list_free(&list);
    MUST(performance_write(folder));
    char *made = read_text(path), *kept = read_text(HARNESS_SOURCE_DIR "/results/performance.md");
    cr_assert_str_eq(made, kept);
    // every section tells its day
    for (const char *at = kept; (at = strstr(at, " at commit ")); at++) {
        int length = (int)strcspn(at, "\n");
        char line[200];
        snprintf(line, sizeof line, "%.*s", length, at);
        cr_expect(strstr(line, ", on 20") || strstr(line, ", no later than 20"), "%s", line);
    }
    mem_free(made);
    mem_free(kept);
    MUST(folder_remove(parent));
}

#define PAIRS_HEAD                                                                                 \
    "{\"model\": \"base\", \"task\": \"nsmc\", \"sample\": false, \"rounds\": 5, \"parameters\": " \
    "1000, \"batch_size\": 32, \"command\": \"harness bench\", \"harness\": {\"version\": \"2\", " \
    "\"commit\": \"abc\", \"dirty\": false}, \"other\": {\"version\": \"1\", \"commit\": "         \
    "\"def\", "                                                                                    \
    "\"dirty\": true}, \"device\": {\"kind\": \"cpu\", \"name\": \"one\", \"driver\": \"\", "      \
    "\"isa\": "                                                                                    \
    "\"avx2\", \"libraries\": \"\", \"threads\": 2}, \"pairs\": [{\"phase\": \"training\", "       \
    "\"op\": \"\", "                                                                               \
    "\"shape\": \"\", \"own_ms\": 10, \"other_ms\": 10, \"ratio\": 1, "

/* An interval that touches 1 shows nothing. */
Test(performance, a_pair_differs_where_its_interval_leaves_one_out) {
    static const struct {
        double low, high;
        const char *says;
    } cases[] = {{1.001, 2, "faster"},
                 {1, 2, "not shown to differ"},
                 {0.9, 1.1, "not shown to differ"},
                 {0.5, 1, "not shown to differ"},
                 {1, 1, "not shown to differ"},
                 {0.5, 0.999, "slower"}};
    static const char programs[] = "harness 2 at commit abc.\n"
                                   "The other: harness 1 at commit def with changes.\n";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1200], row[128];
        strbuf out = {0};
        cJSON *record;
        snprintf(text, sizeof text, PAIRS_HEAD "\"low\": %g, \"high\": %g}]}", cases[i].low,
                 cases[i].high);
        snprintf(row, sizeof row, " %.3f to %.3f | %s |", cases[i].low, cases[i].high,
                 cases[i].says);
        MUST(json_parse(&record, text, strlen(text), "it"));
        MUST(pairs_table(&out, record, "it"));
        cr_expect(strstr(out.text, row), "no '%s' in: %s", row, out.text);
        cr_expect(strstr(out.text, programs), "%s", out.text);
        cr_expect(strstr(out.text, "1,000 parameters; sentences of nsmc, batch 32.\n5 rounds of "),
                  "%s", out.text);
        cJSON_Delete(record);
        strbuf_free(&out);
    }
}
