/* What rows cost, and which of them no other beats. */
#include "base/memory.h"
#include "platform/file.h"
#include "report/cost.h"
#include "support/fake_record.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <string.h>

static char *folder;

static void setup(void) {
    json_setup();
    fake_folder(&folder);
}

static void teardown(void) {
    MUST(folder_remove(folder));
    mem_free(folder);
    cr_assert_eq(mem_live_count(), 0, "%zu blocks are left", mem_live_count());
}

TestSuite(cost, .init = setup, .fini = teardown);

static void put(const char *model, const char *device, double right, double seconds,
                double joules) {
    record r;
    fake_record_make(&r,
                     &(fake_record){.task = "kor_x", .model = model, .right = right, .rows = 600});
    MUST(record_text(&r.device.name, device));
    r.timing.train_s = seconds;
    r.timing.eval_s = 0.5;
    r.device_bytes = 3 << 20;
    if (joules > 0) {
        r.cost.energy_count = 2;
        r.cost.energy[0] = (record_energy){"powercap package-0", joules, 1};
        r.cost.energy[1] = (record_energy){"nvml", 2 * joules, 1};
        r.cost.tells_heat = r.cost.was_throttled = true;
    }
    MUST(store_write(folder, &r, NULL));
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
    MUST(store_read(&s, folder));
    MUST(board_init(&b, &s));
    cr_assert_eq(b.table_count, 1);
    const board_table *t = &b.tables[0];
    MUST(cost_points(&points, t));
    const cost_point *quick = point_of(points, t, "quick");
    cr_expect(quick->on_front && point_of(points, t, "good")->on_front);
    cr_expect_not(point_of(points, t, "slow")->on_front);
    // beaten by quick, were it of the same device
    cr_expect(point_of(points, t, "elsewhere")->on_front);
    cr_expect(quick->told == 1 && quick->joules == 300 && quick->throttled == 1);
    cr_expect_eq(point_of(points, t, "good")->told, 0);
    cr_expect_float_eq(quick->eval_rate, 1200, 1e-9);
    cr_expect_eq(quick->device_mib, 3);
    mem_free(points);
    MUST(cost_markdown(&text, &b));
    cr_expect_not_null(
        strstr(text.text, "| 600 | 1200 | 3 | 118 | 300 J, throttled: 1 of 1 | yes |"), "%s",
        text.text);
    cr_expect_not_null(strstr(text.text, "| 118 |  |  |\n"), "%s", text.text);
    text.length = 0;
    MUST(cost_svg(&text, t));
    size_t lines = 0, marks = 0;
    for (const char *at = text.text; (at = strstr(at, "<polyline")); at++) lines++;
    for (const char *at = text.text; (at = strstr(at, "on the front</title>")); at++) marks++;
    cr_expect(lines == 2 && marks == 3, "%zu, %zu", lines, marks);
    strbuf_free(&text);
    board_free(&b);
    store_free(&s);
}
