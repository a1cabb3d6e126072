/* What rows cost, and which of them no other beats. */
#include "base/memory.h"
#include "report/cost.h"
#include "report/html.h"
#include "support/fake_record.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

TestSuite(cost, .init = fake_results_begin, .fini = fake_results_end);

static void put(const char *model, const char *device, double right, double seconds,
                double joules) {
    record r;
    fake_record_make(&r,
                     &(fake_record){.task = "kor_x", .model = model, .right = right, .rows = 600});
    MUST(record_text(&r.device.name, device));
    fake_record_by_dev(&r, "loss");
    r.timing.train_s = seconds;
    r.timing.eval_s = 0.5;
    r.device_bytes = 4 << 20;
    if (joules > 0) {
        r.cost.energy_count = 2;
        r.cost.energy[0] = (record_energy){"powercap package-0", joules, 1};
        r.cost.energy[1] = (record_energy){"nvml", 2 * joules, 1};
        r.cost.tells_heat = r.cost.was_throttled = true;
    }
    fake_record_follow(&r);
    MUST(store_write(fake_results, &r, NULL));
    record_free(&r);
}

static const cost_point *point_of(const cost_point *points, const board_table *t,
                                  const char *model) {
    for (size_t i = 0; i < t->row_count; i++)
        if (!strcmp(points[i].row->runs[0]->model.name, model)) return &points[i];
    cr_assert_fail("no %s", model);
    return NULL;
}

Test(cost, the_front_is_what_no_other_row_of_the_device_beats) {
    store s;
    board b;
    cost_point *points;
    strbuf text = {0};
    put("quick", "cpu", 0.3, 10, 100);
    put("good", "cpu", 0.9, 1000, 0);
    put("slow", "cpu", 0.25, 100, 0);
    put("elsewhere", "gpu", 0.2, 500, 0);
    MUST(store_read(&s, fake_results));
    MUST(board_init(&b, &s, NULL));
    cr_assert_eq(b.table_count, 1);
    const board_table *t = &b.tables[0];
    MUST(cost_points(&points, t, cost_target_of(&b, t)));
    const cost_point *quick = point_of(points, t, "quick");
    cr_expect(quick->on_front && point_of(points, t, "good")->on_front);
    cr_expect_not(point_of(points, t, "slow")->on_front);
    // beaten by quick, were it of the same device
    cr_expect(point_of(points, t, "elsewhere")->on_front);
    cr_expect(quick->told == 1 && quick->joules == 300 && quick->throttled == 1);
    cr_expect_eq(point_of(points, t, "good")->told, 0);
    cr_expect_float_eq(quick->eval_rate, 1200, 1e-9);
    cr_expect_eq(quick->device_mib, 4);
    mem_free(points);
    MUST(cost_markdown(&text, &b));
    cr_expect_not_null(
        strstr(text.text, "| 16 | 1200 | 4 | 118 | 300 J, throttled: 1 of 1 | yes |"), "%s",
        text.text);
    cr_expect_not_null(strstr(text.text, "| 118 |  |  | 12 s |\n"), "%s", text.text);
    text.length = 0;
    MUST(cost_svg(&text, t, "score by time", ", on the front", PAGE_EN));
    size_t lines = 0, marks = 0, corners = 0;
    for (const char *at = text.text; (at = strstr(at, "<polyline")); at++, lines++)
        for (const char *c = at; *c != '>'; c++) corners += *c == ',';
    // quick, the corner below good, good; elsewhere: slow, between them, is no part of the line
    cr_expect_eq(corners, 4, "%zu", corners);
    for (const char *at = text.text; (at = strstr(at, "on the front</title>")); at++) marks++;
    cr_expect(lines == 2 && marks == 3, "%zu, %zu", lines, marks);
    strbuf_free(&text);
    MUST(board_json(&text, &b));
    cr_expect_not_null(strstr(text.text, "\"train_j\":\t300"), "%s", text.text);
    cr_expect_not_null(strstr(text.text, "\"train_j\":\tnull"), "%s", text.text);
    cr_expect_not_null(strstr(text.text, "\"until_dev_score_s\":\t12"), "%s", text.text);
    strbuf_free(&text);
    board_free(&b);
    store_free(&s);
}

/* Of two rows a second beats the first with as good a score in less time, or a better one in as
 * much; of equal rows neither beats the other. Of equal scores, too, the plot has places. */
Test(cost, a_row_is_beaten_by_what_is_better_in_one_and_not_worse_in_the_other) {
    static const struct {
        double mean, train_s;
        bool first, second; // on the front
    } seconds[] = {{0.5, 100, true, true},  {0.5, 99, false, true},  {0.5, 101, true, false},
                   {0.6, 100, false, true}, {0.4, 100, true, false}, {0.6, 101, true, true},
                   {0.4, 99, true, true},   {0.6, 99, false, true},  {0.4, 101, true, false}};
    store s;
    board b;
    put("first", "cpu", 0.5, 100, 0);
    put("second", "cpu", 0.5, 100, 0);
    MUST(store_read(&s, fake_results));
    MUST(board_init(&b, &s, NULL));
    board_table *t = &b.tables[0];
    cr_assert_eq(t->row_count, 2);
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        cost_point *points;
        strbuf text = {0};
        for (size_t k = 0; k < 2; k++) {
            bool second = !strcmp(t->rows[k].runs[0]->model.name, "second");
            t->rows[k].mean = second ? seconds[i].mean : 0.5;
            t->rows[k].train_s = second ? seconds[i].train_s : 100;
        }
        MUST(cost_points(&points, t, (cost_target){0}));
        cr_expect_eq(point_of(points, t, "first")->on_front, seconds[i].first, "case %zu", i);
        cr_expect_eq(point_of(points, t, "second")->on_front, seconds[i].second, "case %zu", i);
        mem_free(points);
        MUST(cost_svg(&text, t, "score by time", ", on the front", PAGE_EN));
        cr_expect(!strstr(text.text, "nan") && !strstr(text.text, "inf"), "case %zu: %s", i,
                  text.text);
        strbuf_free(&text);
    }
    board_free(&b);
    store_free(&s);
}

/* In a window of 360 px the plot is 336 wide and its letters have to be 11 px high. So large, a name
 * of 20 of them beside its mark, the axes' numbers and the marks stay within the drawing. */
Test(cost, the_plot_is_read_on_a_phone) {
    enum { SHEET = 336, LEAST = 11 };
    store s;
    board b;
    strbuf text = {0};
    double size = 0, width = 0, x, y;
    char anchor[8];
    MUST(html_style(&text));
    const char *narrow = strstr(text.text, "@media(max-width:40rem)");
    cr_assert(narrow && sscanf(strstr(narrow, ".plot text{"), ".plot text{font-size:%lfpx", &size));
    text.length = 0;
    for (int i = 0; i < 3; i++) {
        char name[24];
        snprintf(name, sizeof name, "quick, as %d others is", i);
        put(name, "cpu", 0.3, 10, 0); // a third name has no room at the rim
    }
    put("middle, of 20 letters", "cpu", 0.5, 90, 0);
    put("half, in 20 letters", "cpu", 0.6, 110, 0);
    put("late, in 20 letters", "cpu", 0.7, 300, 0);
    put("all, as 20 letters are", "cpu", 1, 1000, 0);
    MUST(store_read(&s, fake_results));
    MUST(board_init(&b, &s, NULL));
    MUST(cost_svg(&text, &b.tables[0], "score by time", ", on the front", PAGE_EN));
    cr_assert_eq(sscanf(text.text, "<svg class=\"plot\" viewBox=\"0 0 %lf", &width), 1, "%s",
                 text.text);
    cr_expect_geq(size * SHEET / width, LEAST, "%g", size * SHEET / width);
    size_t names = 0;
    for (const char *at = text.text; (at = strstr(at, "<text x=")); at++) {
        double letters = 5;
        cr_assert_eq(sscanf(at, "<text x=\"%lf\" y=\"%lf\" text-anchor=\"%7[a-z]", &x, &y, anchor),
                     3);
        if (at > strstr(text.text, "</path>")) letters = 20, names++;
        double room = letters * size * 0.55;
        double left = !strcmp(anchor, "start") ? x : x - (*anchor == 'm' ? room / 2 : room);
        cr_expect(left >= 0 && left + room <= width && y >= size && y < 240, "%.60s", at);
    }
    cr_expect_eq(names, 6);
    cr_expect(strstr(text.text, ">100.0</text>") && !strstr(text.text, ">103"), "%s", text.text);
    strbuf_free(&text);
    board_free(&b);
    store_free(&s);
}

/* Every device has a sign and a line of its own, and the page says which. */
Test(cost, the_plot_tells_devices_apart) {
    enum { DEVICES = 7 };
    store s;
    board b;
    strbuf text = {0};
    char lines[DEVICES][40], signs[DEVICES][80];
    size_t count = 0;
    for (int i = 0; i < DEVICES; i++) {
        char name[16];
        snprintf(name, sizeof name, "card <%d>", i);
        put("one", name, 0.3 + 0.01 * i, 10 + i, 0);
        put("two", name, 0.6 + 0.01 * i, 100 + i, 0);
    }
    MUST(store_read(&s, fake_results));
    MUST(board_init(&b, &s, NULL));
    MUST(cost_svg(&text, &b.tables[0], "score by time", ", on the front", PAGE_EN));
    const char *key = strstr(text.text, "</svg>\n<ul class=\"key\">");
    cr_assert(key, "%s", text.text);
    for (const char *at = key; (at = strstr(at, "<path class=\"line")); at++, count++) {
        const char *sign = strstr(at, "<path class=\"dot");
        char name[32];
        cr_assert(count < DEVICES && sign);
        cr_assert_eq(sscanf(at, "<path class=\"%39[^\"]", lines[count]), 1);
        cr_assert_eq(sscanf(sign, "<path class=\"%79[^>]", signs[count]), 1);
        snprintf(name, sizeof name, "</svg>card &lt;%zu&gt;, fp32</li>", count);
        cr_expect(strstr(sign, name) == strstr(sign, "</svg>"), "%s", at);
        for (size_t k = 0; k < count; k++) cr_expect_str_neq(signs[k], signs[count]);
    }
    cr_assert_eq(count, DEVICES);
    size_t drawn = 0;
    for (const char *at = text.text; (at = strstr(at, "<polyline class=\"")); at++, drawn++)
        cr_expect(drawn < DEVICES && !strncmp(at + 17, lines[drawn], strlen(lines[drawn])));
    cr_expect_eq(drawn, DEVICES);
    for (const char *at = text.text; (at = strstr(at, " transform=")) && at < key; at++) {
        char own[80], shape[60];
        const char *device = strstr(at, "card &lt;");
        const char *class = at - strlen("dot side0\"");
        cr_assert(device && sscanf(strstr(at, "d=\""), "d=\"%59[^\"]", shape) == 1);
        snprintf(own, sizeof own, "%.9s\" d=\"%s\"/", class, shape);
        cr_expect_str_eq(own, signs[device[9] - '0']);
    }
    strbuf_free(&text);
    board_free(&b);
    store_free(&s);
}

/* Names in the letters of a narrow window stand beside each other or not at all, and never on a mark. */
Test(cost, names_of_a_crowd_stand_apart) {
    enum { MODELS = 12 };
    store s;
    board b;
    strbuf text = {0};
    double x[2 * MODELS], y[2 * MODELS], right[2 * MODELS], bottom[2 * MODELS];
    size_t count = 0, marks;
    const double size = 19; // what the_plot_is_read_on_a_phone reads
    for (int i = 0; i < MODELS; i++) {
        char model[16];
        snprintf(model, sizeof model, "model-%d", i);
        put(model, i % 2 ? "cpu" : "gpu", 0.5 + 0.01 * (i % 5), 20 + 3 * i, 0);
    }
    MUST(store_read(&s, fake_results));
    MUST(board_init(&b, &s, NULL));
    MUST(cost_svg(&text, &b.tables[0], "score by time", ", on the front", PAGE_EN));
    for (const char *at = text.text; (at = strstr(at, " transform=")); at++, count++) {
        cr_assert_eq(sscanf(at, " transform=\"translate(%lf %lf)", &x[count], &y[count]), 2);
        right[count] = x[count] + 5, bottom[count] = y[count] + 5;
        x[count] -= 5, y[count] -= 5;
    }
    cr_assert_eq(marks = count, MODELS);
    for (const char *at = strstr(text.text, "</path>"); (at = strstr(at, "<text x=")); at++) {
        char anchor[8], name[24];
        cr_assert(count < 2 * MODELS &&
                  sscanf(at, "<text x=\"%lf\" y=\"%lf\" text-anchor=\"%7[a-z]\">%23[^<]", &x[count],
                         &y[count], anchor, name) == 4);
        double width = 0.55 * size * (double)strlen(name);
        if (*anchor != 's') x[count] -= *anchor == 'e' ? width : width / 2;
        right[count] = x[count] + width;
        bottom[count] = y[count];
        y[count] -= 0.7 * size;
        for (size_t k = 0; k < count; k++)
            cr_expect(right[k] < x[count] || right[count] < x[k] || bottom[k] < y[count] ||
                          bottom[count] < y[k],
                      "%s: %s", name, text.text);
        count++;
    }
    cr_expect(count > marks + 2 && count < 2 * MODELS, "%zu names", count - marks);
    strbuf_free(&text);
    board_free(&b);
    store_free(&s);
}

/* A run of a row of several seeds, in which all differs; joules 0: its machine did not tell. */
static void put_seed(uint32_t seed, double rate, double eval_s, uint64_t mib, double joules) {
    record r;
    fake_record_make(&r, &(fake_record){.task = "kor_x", .seed = seed, .rows = 600});
    r.timing.train_s *= r.timing.sentences_per_s / rate;
    r.timing.eval_s = eval_s;
    r.device_bytes = (int64_t)(mib << 20);
    r.host_peak_bytes = (int64_t)(2 * mib << 20);
    if (joules > 0) {
        r.cost.energy_count = 1;
        r.cost.energy[0] = (record_energy){"nvml", joules, 1};
        r.cost.tells_heat = true;
        r.cost.was_throttled = joules > 250;
        r.cost.beside = joules > 250 ? 0.5 : 0.49;
    }
    fake_record_follow(&r);
    MUST(store_write(fake_results, &r, NULL));
    record_free(&r);
}

/* Energy is the mean of those that told, rates of all; of memory the most counts. */
Test(cost, a_row_has_the_means_of_its_seeds) {
    store s;
    board b;
    cost_point *points;
    strbuf text = {0};
    put_seed(1, 100, 1, 5, 100);
    put_seed(2, 600, 3, 6, 300); // neither the first nor the last
    put_seed(3, 200, 2, 7, 0);
    MUST(store_read(&s, fake_results));
    MUST(board_init(&b, &s, NULL));
    cr_assert(b.table_count == 1 && b.tables[0].row_count == 1);
    const board_table *t = &b.tables[0];
    MUST(cost_points(&points, t, cost_target_of(&b, t)));
    cr_expect_eq(points->told, 2);
    cr_expect_float_eq(points->joules, 200, 1e-9, "%g", points->joules);
    cr_expect_eq(points->throttled, 1);
    cr_expect_float_eq(points->train_rate, 300, 1e-9, "%g", points->train_rate);
    cr_expect_float_eq(points->eval_rate, (600 + 300 + 200) / 3.0, 1e-9, "%g", points->eval_rate);
    cr_expect(points->device_mib == 7 && points->host_mib == 14);
    mem_free(points);
    MUST(cost_markdown(&text, &b));
    cr_expect_not_null(strstr(text.text,
                              " (beside others: 1 of 3 seeds) | 300 | 367 | 7 | 14 | 200 J, "
                              "throttled: 1 of 3 | yes |"),
                       "%s", text.text);
    text.length = 0;
    MUST(board_markdown(&text, &b));
    cr_expect_not_null(strstr(text.text, " s (beside others: 1 of 3 seeds) on "), "%s", text.text);
    text.length = 0;
    MUST(board_csv(&text, &b));
    cr_expect_not_null(strstr(text.text, ",1\n"), "%s", text.text);
    text.length = 0;
    MUST(board_html(&text, &b, PAGE_KO));
    cr_expect_not_null(strstr(text.text, "초 (다른 작업과 함께: 시드 1/3개)</td>"), "%s",
                       text.text);
    text.length = 0;
    MUST(html_run(&text, t->rows[0].runs[1], NULL, NULL, PAGE_EN));
    cr_expect_not_null(strstr(text.text, " s (beside others) on "), "%s", text.text);
    cr_expect_not_null(strstr(text.text, "kept busy meanwhile</th><td>0.5</td>"), "%s", text.text);
    strbuf_free(&text);
    board_free(&b);
    store_free(&s);
}

/* A run of protocol dev: its scores and seconds, three evaluations. */
static void put_dev(const char *model, uint32_t seed, const char *chooser, const double *scores,
                    const double *seconds) {
    record r;
    fake_record_make(&r,
                     &(fake_record){.task = "kor_x", .model = model, .seed = seed, .rows = 600});
    fake_record_by_dev(&r, chooser);
    r.evaluation_count = 0;
    for (int i = 0; i < 3; i++) MUST(record_evaluation_add(&r, 1 + i, scores[i], 1, seconds[i]));
    r.best_step = 1;
    fake_record_follow(&r);
    MUST(store_write(fake_results, &r, NULL));
    record_free(&r);
}

/* In the board's order: another metric's run, and those of models early, late and older. */
static void expect_until_in_json(const board *b) {
    strbuf text = {0};
    cJSON *top;
    MUST(board_json(&text, b));
    MUST(json_parse(&top, text.text, text.length, "it"));
    const cJSON *table = cJSON_GetArrayItem(cJSON_GetObjectItem(top, "tables"), 0), *row;
    cr_expect_str_eq(cJSON_GetObjectItem(table, "dev_metric")->valuestring, "macro_f1");
    cr_expect_float_eq(cJSON_GetObjectItem(table, "dev_score")->valuedouble, 75, 1e-9);
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(table, "rows")) {
        const cJSON *cost = cJSON_GetObjectItem(row, "cost");
        const cJSON *until = cJSON_GetObjectItem(cost, "until_dev_score_s");
        bool is_early = !strcmp(cJSON_GetObjectItem(row, "model")->valuestring, "early");
        cr_expect(is_early ? until->valuedouble == 18 : cJSON_IsNull(until));
        cr_expect_eq(cJSON_GetObjectItem(cost, "runs_that_reached")->valueint, is_early);
    }
    cJSON_Delete(top);
    strbuf_free(&text);
}

Test(cost, the_time_until_a_dev_score_is_that_of_the_first_that_has_it) {
    store s;
    board b;
    cost_point *points;
    strbuf text = {0};
    put_dev("early", 1, "macro_f1", (double[]){0.6, 0.5, 0.7}, (double[]){5, 10, 15});
    put_dev("early", 2, "macro_f1", (double[]){0.3, 0.4, 0.8}, (double[]){6, 12, 18});
    put_dev("late", 1, "macro_f1", (double[]){0.1, 0.65, 0.5}, (double[]){30, 60, 90});
    put_dev("older", 1, "macro_f1", (double[]){0.9, 0.9, 0.9}, (double[]){0, 0, 0});
    put_dev("other", 1, "loss", (double[]){0.1, 0.1, 0.1}, (double[]){1, 2, 3});
    MUST(store_read(&s, fake_results));
    MUST(board_init(&b, &s, NULL));
    const board_table *t = &b.tables[0];
    cost_target target = cost_target_of(&b, t);
    cr_assert_str_eq(target.metric, "macro_f1");
    cr_assert_eq(target.score, 0.65, "the worst of the best ones: %g", target.score);
    MUST(cost_points(&points, t, target));
    const cost_point *early = point_of(points, t, "early");
    cr_expect(early->reached == 2 && early->until_s == (15 + 18) / 2.0, "%g", early->until_s);
    cr_expect_eq(point_of(points, t, "late")->until_s, 60);
    cr_expect(point_of(points, t, "older")->untold == 1 && !point_of(points, t, "older")->reached);
    cr_expect(!point_of(points, t, "other")->untold && !point_of(points, t, "other")->reached);
    mem_free(points);
    b.dev_score = 55; // in percent
    target = cost_target_of(&b, t);
    MUST(cost_points(&points, t, target));
    cr_expect_eq(point_of(points, t, "early")->until_s, (5 + 18) / 2.0);
    mem_free(points);
    b.dev_score = 75;
    MUST(cost_markdown(&text, &b));
    cr_expect_not_null(strstr(text.text, "| until dev macro F1 75 |"), "%s", text.text);
    cr_expect_not_null(strstr(text.text, "| 18 s, 1 of 2 seeds |"), "%s", text.text);
    cr_expect_not_null(strstr(text.text, "| never |"), "%s", text.text);
    cr_expect_not_null(strstr(text.text, "| not told |"), "%s", text.text);
    strbuf_free(&text);
    expect_until_in_json(&b);
    board_free(&b);
    store_free(&s);
}

/* Of a loss lower is better. */
Test(cost, a_dev_loss_is_reached_from_above) {
    record r;
    fake_record_make(&r, &(fake_record){.rows = 60});
    MUST(record_text(&r.dev_metric, "loss"));
    r.evaluation_count = 0;
    for (int i = 0; i < 3; i++)
        MUST(record_evaluation_add(&r, 1 + i, (double[]){0.9, 0.4, 0.5}[i], 1, 10.0 * (1 + i)));
    cr_expect_eq(record_best_dev(&r), 0.4);
    cr_expect_eq(record_seconds_until(&r, 0.45), 20);
    cr_expect_eq(record_seconds_until(&r, 0.9), 10);
    cr_expect_eq(record_seconds_until(&r, 0.3), HUGE_VAL);
    record_free(&r);
}
