/* What the writers of boards, pages, comparisons and records make of records in which every field
 * has a value of its own, whole: a wrong field, a lost last row or a swapped column shows. */
#include "base/memory.h"
#include "cli/bench_svg.h"
#include "platform/file.h"
#include "report/compare.h"
#include "report/html.h"
#include "support/expected.h"
#include "support/fake_record.h"
#include "support/must.h"

#include <stdio.h>

TestSuite(whole_output, .fini = nothing_left);

static void set_hash(char **field, char digit) {
    char hex[65];
    memset(hex, digit, 64);
    hex[64] = '\0';
    MUST(record_text(field, hex));
}

static void tag(char **field, const char *name, uint32_t i) {
    char text[64];
    snprintf(text, sizeof text, "%s %u", name, i);
    MUST(record_text(field, text));
}

static void set_corpus(record *r, uint32_t i) {
    char text[500];
    snprintf(text, sizeof text,
             "{\"name\":\"corpus %u\",\"sha256\":\"%064u\",\"licence\":\"CC0 %u\",\"source\":"
             "\"source <%u>\",\"left_out\":[\"%s\"],\"before\":[{\"name\":\"earlier %u\","
             "\"sha256\":\"%064u\"}]}",
             i, i, i, i, i ? r->task.name : "other", i, 1000 + i);
    MUST(json_parse(&r->model.corpus, text, strlen(text), "corpus"));
    r->model.corpus_is_source = i == 1;
}

/* No two fields of one kind have one value, nor do two records of other i. */
static void fill(record *r, uint32_t i) {
    char version[16];
    snprintf(version, sizeof version, "0.%u.0", i);
    MUST(record_text(&r->harness_version, version));
    MUST(record_text(&r->device.kind, "gpu"));
    tag(&r->device.name, "device", i);
    tag(&r->device.driver, "driver", i);
    tag(&r->device.version, "driver version", i);
    tag(&r->device.uuid, "uuid", i);
    tag(&r->device.isa, "isa", i);
    tag(&r->device.libraries, "libraries", i);
    tag(&r->device.kernels, "kernels", i);
    MUST(record_text(&r->device.precision, i % 2 ? "fp16" : "fp32"));
    set_hash(&r->model.weights_sha256, (char)('a' + i % 6));
    tag(&r->model.label_map, "no=yes", i);
    set_hash(&r->run_sha256, (char)('b' + i % 5));
    set_hash(&r->commit, (char)('0' + i % 10));
    r->commit[40] = '\0';
    set_corpus(r, i);
    r->device.threads = 2 + i;
    r->numerics_version = 5 + i;
    r->metric_version = 1;
    r->task.version = 3;
    r->task.train_rows = 1000;
    r->timing = (record_timing){.tokenize_s = 0.25 + i,
                                .train_s = 9.5 + i,
                                .eval_s = 0.75 + i,
                                .steps = r->timing.steps,
                                .train_tokens = 123456 + i,
                                .tokens_per_s = 12995.4 * (1 + i),
                                .sentences_per_s = 600.5 * (1 + 2 * i),
                                .step_ms_p50 = 37.5 / (1 + i),
                                .step_ms_p10 = 35.25 / (1 + i),
                                .step_ms_p90 = 41.5 / (1 + i)};
    r->device_bytes = 7654321 + i;
    r->host_peak_bytes = 123456789 + i;
    r->loss_scale = i % 2 ? 32768 >> i : 0;
    r->skipped_steps = i % 2 ? 3 : 0;
    r->ranks = 3 + i;
    MUST(record_text(&r->engine, i ? "an MPI" : "another MPI"));
    MUST(record_text(&r->rank_devices, i ? "a CPU; a GPU" : "a GPU; a CPU"));
    MUST(record_kernel_add(r, "begin", "begin", 3, 0.125 * (i + 1)));
    MUST(record_kernel_add(r, i ? "of the others" : "of the first", "update", 4, 0.0625 * (i + 1)));
    fake_recipe_number(r, "per_device_train_batch_size", 32);
    fake_record_follow(r);
}

enum { SIDES = 3, SEEDS = 2 };

static void make(record *r, const char *model, uint32_t i, uint32_t seed) {
    fake_record_make(
        r, &(fake_record){.model = model, .right = 0.4 + 0.2 * i, .seed = seed, .steps = 80});
    fake_record_by_dev(r, "loss");
    r->task.dev_rows = 90;
    fill(r, i);
}

Test(whole_output, of_comparisons) {
    static const char *const models[SIDES] = {"first", "second|<b>", "third"};
    record runs[SIDES][SEEDS];
    const record *lists[SIDES][SEEDS];
    compare_side sides[SIDES], ones[SIDES];
    comparison c;
    group_comparison g;
    strbuf out = {0};
    for (uint32_t i = 0; i < SIDES; i++) {
        for (uint32_t k = 0; k < SEEDS; k++) {
            // seeds 0 and 1, 1 and 2, 2 and 3: two sides share one
            make(&runs[i][k], models[i], i, i + k);
            runs[i][k].loss[70] *= 1 + 0.25f * (float)i; // the largest difference comes late
            lists[i][k] = &runs[i][k];
        }
        sides[i] = (compare_side){models[i], lists[i], SEEDS};
        ones[i] = (compare_side){models[i], lists[i] + !i, 1}; // seeds 1, 1 and 2
    }
#define HELD(name, call)                                                                           \
    do {                                                                                           \
        MUST(call);                                                                                \
        expect_output(name, out.text);                                                             \
        strbuf_free(&out);                                                                         \
    } while (0)
    MUST(compare_records(&c, lists[0][1], lists[1][0]));
    HELD("compare.md", compare_text(&out, &c, "left", "right"));
    HELD("compare.json", compare_json(&out, &c, "left", "right"));
    MUST(compare_groups(&g, lists[0], SEEDS, lists[1], SEEDS));
    HELD("groups.md", compare_groups_text(&out, &g, "left", "right"));
    HELD("groups.json", compare_groups_json(&out, &g, "left", "right"));
    HELD("matrix.md", compare_matrix_text(&out, sides, SIDES, PAGE_EN));
    HELD("matrix.json", compare_matrix_json(&out, sides, SIDES));
    HELD("matrix_of_one.md", compare_matrix_text(&out, ones, SIDES, PAGE_EN));
    HELD("matrix_of_one.json", compare_matrix_json(&out, ones, SIDES));
    for (int i = 0; i < SIDES; i++)
        for (int k = 0; k < SEEDS; k++) record_free(&runs[i][k]);
}

/* As many sides as `compare` takes: their times are two columns a side. */
Test(whole_output, of_the_most_sides) {
    enum { MOST = 26 };
    static record runs[MOST];
    static const record *lists[MOST];
    compare_side sides[MOST];
    strbuf out = {0};
    for (uint32_t i = 0; i < MOST; i++) {
        make(&runs[i], "one", 0, i);
        lists[i] = &runs[i];
        sides[i] = (compare_side){"one", &lists[i], 1};
    }
    MUST(compare_matrix_text(&out, sides, MOST, PAGE_EN));
    cr_assert(strstr(out.text, " Z ") && strstr(out.text, "speed Z / A"), "%s", out.text);
    strbuf_free(&out);
    for (uint32_t i = 0; i < MOST; i++) record_free(&runs[i]);
}

static char *folder;

static void put(const char *of, const char *model, uint32_t i, uint32_t seed, int64_t version,
                const char *name) {
    record r;
    char *path;
    fake_record_make(
        &r, &(fake_record){
                .task = of, .model = model, .right = 0.3 + 0.2 * i, .seed = seed, .rows = 80});
    fill(&r, i);
    r.task.version = version;
    MUST(mem_printf(&path, "%s/%s/%s.json", folder, of, name));
    MUST(record_write(&r, path));
    mem_free(path);
    record_free(&r);
}

/* Two tasks, one of them in two versions; models of three, two and one seed, one that failed a
 * task, one under two recipes' worth of devices; a record that repeats another. */
Test(whole_output, of_a_board) {
    store s;
    board b;
    strbuf out = {0};
    fake_folder(&folder);
    for (uint32_t seed = 0; seed < 3; seed++) {
        char name[8];
        snprintf(name, sizeof name, "a%u", seed);
        put("kor_x", "tiny", 1, seed, 2, name);
        put("kor_y", "tiny", 1, seed, 2, name);
        name[0] = 'b';
        if (seed < 2) put("kor_x", "mini", 3, seed, 2, name);
        name[0] = 'c';
        if (seed < 1) put("kor_x", "=small|<i>", 2, seed, 2, name);
        name[0] = 'd';
        if (seed < 2) put("kor_x", "tiny", 0, seed, 1, name);
        name[0] = 'e';
        if (seed < 2) put("kor_y", "mini", 2, seed, 2, name);
    }
    put("kor_x", "tiny", 1, 2, 2, "z-again");
    MUST(store_read(&s, folder));
    cr_assert(s.count == 14 && !s.damaged, "%zu, %zu", s.count, s.damaged);
    MUST(board_init(&b, &s, NULL));
    HELD("board.md", board_markdown(&out, &b));
    HELD("board.csv", board_csv(&out, &b));
    HELD("board.json", board_json(&out, &b));
    HELD("board.html", board_html(&out, &b, PAGE_EN));
    // what tells rows apart is in the language of the page
    out = (strbuf){0};
    MUST(board_html(&out, &b, PAGE_KO));
    cr_expect(strstr(out.text, "class=\"recipe\">3에폭, 학습률 5e-05"), "no Korean rows");
    cr_expect_null(strstr(out.text, " epochs"));
    strbuf_free(&out);
    board_free(&b);
    store_free(&s);
    fake_folder_end(folder);
}

Test(whole_output, of_a_run) {
    enum { ROWS = 60 };
    record r;
    strbuf out = {0};
    char *path, *text;
    size_t count;
    const char *texts[ROWS];
    static char names[ROWS][16];
    for (int i = 0; i < ROWS; i++) {
        snprintf(names[i], sizeof names[i], "text <%d>", i + 1);
        texts[i] = names[i];
    }
    make(&r, "org/<model>", 1, 7);
    HELD("run.html", html_run(&out, &r, texts, NULL, PAGE_EN));
    fake_folder(&folder);
    MUST(path_join(&path, folder, "r.json"));
    MUST(record_write(&r, path));
    MUST(file_read((void **)&text, &count, path, 0));
    expect_output("record.json", text);
    mem_free(text);
    mem_free(path);
    record_free(&r);
    fake_folder_end(folder);
}

/* Rates beyond the axes that every chart has, and rates inside them. */
Test(whole_output, of_a_roofline) {
    static bench b;
    const spread none = {0};
    strbuf out = {0};
    b = (bench){.peak_gflops = 800, .peak_gbytes = 40, .low_gflops = 700, .low_gbytes = 30};
    b.training.row_count = 3;
    b.training.rows[0] =
        (bench_row){OP_linear_fwd, "512x128", 4, 4, none, 300, 20, 6e8, 4e7, 0.6, 0};
    b.training.rows[1] = (bench_row){OP_layernorm_fwd, "", 2, 2, none, 0.5, 25, 1e6, 5e7, 0.3, 0};
    b.training.rows[2] = (bench_row){OP_adamw, "", 1, 1, none, 5, 30, 2e6, 12e6, 0.1, 0};
    b.evaluation.row_count = 1;
    b.evaluation.rows[0] = (bench_row){OP_linear_fwd, "64x64", 1, 1, none, 200, 2, 5e8, 5e5, 1, 0};
    HELD("roofline.svg", bench_svg(&out, &b, "a < b"));
    b.peak_gflops = 12000;
    b.training.row_count = 1; // products alone
    HELD("roofline_wide.svg", bench_svg(&out, &b, "wide"));
}
