#include "cli/run_record.h"
#include "platform/file.h"
#include "platform/power.h"
#include "support/fake_record.h"
#include "support/must.h"
#include "support/program.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

/* A tree as /sys has it. */
static void put(const char *name, const char *text) {
    char path[256], *folder = NULL;
    snprintf(path, sizeof path, "sys/%s", name);
    MUST(path_folder(&folder, temporary_path(path)));
    MUST(folder_make(folder));
    MUST(file_write_quick(temporary_path(path), text, strlen(text)));
    mem_free(folder);
}

#define PACKAGE "class/powercap/intel-rapl:"
static void put_machine(void) {
    put("class/powercap/intel-rapl/enabled", "1\n");
    put(PACKAGE "0/name", "package-0\n");
    put(PACKAGE "0/max_energy_range_uj", "262143328850\n");
    put(PACKAGE "0/energy_uj", "262143000000\n");
    // a part of the package, which it holds already, and one that this user may not read
    put(PACKAGE "0:0/name", "core\n");
    put(PACKAGE "0:0/energy_uj", "5\n");
    put(PACKAGE "1/name", "package-1\n");
    put("class/hwmon/hwmon0/name", "coretemp\n");
    put("class/hwmon/hwmon3/name", "xe\n");
    put("class/hwmon/hwmon3/energy1_input", "2000000\n");
    put("devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "3000000\n");
    put("devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "2000000\n");
    put("devices/system/cpu/cpufreq/policy0/scaling_cur_freq", "9000000\n");
    put("devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "7\n");
    put("devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "0\n");
}

static void read_here(power_sample *out, const char *uuid) {
    char proc[256];
    snprintf(proc, sizeof proc, "%s", temporary_path("sys/proc"));
    power_read(out, &(power_place){temporary_path("sys"), HARNESS_FAKE_NVML, uuid, proc});
}

Test(power, a_machine_without_counters_tells_nothing) {
    power_sample s;
    power_read(&s, &(power_place){temporary_path("none"), temporary_path("none.so"), "x", "none"});
    cr_expect(!s.count && s.clock_mhz == 0 && !s.tells_heat && !s.is_card && s.others_s == 0);
    put(PACKAGE "0/energy_uj", "twelve\n");
    put(PACKAGE "1/energy_uj", "-3\n");
    put(PACKAGE "2/energy_uj", "");
    power_read(&s, &(power_place){temporary_path("sys"), NULL, "", NULL});
    cr_expect_eq(s.count, 0);
}

Test(power, counters_clock_and_heat_of_a_machine) {
    power_sample a, b;
    double joules[POWER_COUNTERS];
    put_machine();
    read_here(&a, "");
    cr_assert_eq(a.count, 2, "%zu", a.count);
    cr_expect_str_eq(a.counters[0].name, "powercap package-0");
    cr_expect_str_eq(a.counters[1].name, "hwmon xe");
    cr_expect_float_eq(a.counters[0].joules, 262143, 1e-9);
    cr_expect_float_eq(a.counters[1].joules, 2, 1e-9);
    cr_expect_float_eq(a.clock_mhz, 2500, 1e-9);
    cr_expect(a.tells_heat && a.throttled == 7);
    // the package's counter begins anew, and the card's is gone
    put(PACKAGE "0/energy_uj", "1000000\n");
    put("class/hwmon/hwmon3/energy1_input", "");
    read_here(&b, "");
    power_between(joules, &a, &b);
    cr_expect_float_eq(joules[0], 1.32885, 1e-6, "%g", joules[0]);
    cr_expect(isnan(joules[1]));
    cr_expect_not(power_throttled(&a, &b));
    put("devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "1\n");
    read_here(&b, "");
    cr_expect(power_throttled(&a, &b));
}

/* Of the processors' time what is idle, waits or is this process's own is left out; guests are users'. */
Test(power, what_others_kept_busy) {
    power_sample a, b;
    put("proc/stat", "cpu  100000 0 20000 9999 77 0 0 5000 99999 0\ncpu0 1 2 3\n");
    read_here(&a, "");
    put("proc/stat", "cpu  100100 20 20030 89999 97 5 5 5040 99999 0\n");
    read_here(&b, "");
    double ticks = (double)sysconf(_SC_CLK_TCK);
    cr_expect(a.others_s > 0 && a.others_s < 125000 / ticks && b.at_s >= a.at_s);
    cr_expect_float_eq(b.others_s - a.others_s, 200 / ticks, 0.5, "%g", b.others_s - a.others_s);
    a = (power_sample){.at_s = 10, .others_s = 7};
    b = (power_sample){.at_s = 14, .others_s = 10};
    cr_expect_eq(power_beside(&a, &b), 0.75);
    cr_expect_eq(power_beside(&b, &a), 0);
    a.others_s = 0; // it was not told then
    cr_expect_eq(power_beside(&a, &b), 0);
    static const char *const none[] = {"cpu 1 2 3 4 5 6 7\n", "cpu0 1 2 3 4 5 6 7 8\n", "\n",
                                       "cpu  1 2 3 4 5 6 -7 8\n"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        put("proc/stat", none[i]);
        read_here(&a, "");
        cr_expect_eq(a.others_s, 0, "%s", none[i]);
    }
}

/* As many counters as a sample holds, and one more: it is left out. */
Test(power, counters_have_an_end) {
    power_sample s;
    char name[64];
    for (int i = 0; i <= POWER_COUNTERS; i++) {
        snprintf(name, sizeof name, "class/hwmon/hwmon%d/energy1_input", i);
        put(name, "2000000\n");
        read_here(&s, "");
        cr_assert_eq(s.count, i < POWER_COUNTERS ? (size_t)i + 1 : POWER_COUNTERS);
        cr_assert(s.clock_mhz == 0 && !s.tells_heat && !s.is_card);
    }
}

/* A counter that falls and does not say where it wraps. */
Test(power, a_counter_that_began_anew_tells_nothing) {
    power_sample a = {.count = 1, .counters = {{"hwmon xe", 10, 0}}}, b = a;
    double joules[POWER_COUNTERS];
    b.counters[0].joules = 9;
    power_between(joules, &a, &b);
    cr_expect(isnan(joules[0]));
}

#define CARD "00010203-0405-0607-0809-0a0b0c0d0e0f"
Test(power, a_card_that_nvml_knows) {
    power_sample a, b;
    double joules[POWER_COUNTERS];
    put_machine();
    read_here(&a, CARD);
    read_here(&b, CARD); // its counter goes on: the library stays loaded
    cr_assert_eq(a.count, 3);
    cr_expect_str_eq(a.counters[2].name, "nvml");
    cr_expect(a.is_card && a.clock_mhz == 1410 && !a.is_throttled && b.is_throttled);
    power_between(joules, &a, &b);
    cr_expect_float_eq(joules[2], 1500, 1e-9);
    cr_expect(power_throttled(&a, &b));
    read_here(&b, "00010203-0405-0607-0809-000000000000");
    cr_expect(b.count == 2 && !b.is_card && b.clock_mhz == 2500);
}

static void at_moment(power_sample *s, double joules, double mhz, uint64_t throttled) {
    *s = (power_sample){.count = 2,
                        .counters = {{"powercap package-0", joules, 1000}, {"hwmon xe", joules, 0}},
                        .clock_mhz = mhz,
                        .tells_heat = true,
                        .throttled = throttled};
}

Test(power, a_record_keeps_what_was_told) {
    power_sample at[RUN_MOMENTS];
    record r, again;
    fake_record_make(&r, &(fake_record){.right = 0.5});
    at_moment(&at[RUN_TRAINS], 900, 3000, 1);
    at_moment(&at[RUN_TRAINED], 100, 2000, 1);
    at_moment(&at[RUN_SCORES], 100, 2000, 1);
    at_moment(&at[RUN_SCORED], 130, 2000, 5);
    at[RUN_TRAINS].at_s = at[RUN_TRAINS].others_s = 100;
    at[RUN_TRAINED].at_s = 108;
    at[RUN_TRAINED].others_s = 102;
    run_cost(&r.cost, at, &r);
    MUST(record_write(&r, temporary_path("r.json")));
    MUST(record_read(&again, temporary_path("r.json")));
    cr_assert_eq(again.cost.energy_count, 1); // the second fell
    cr_expect_eq(again.cost.beside, 0.25);
    cr_expect_str_eq(again.cost.energy[0].source, "powercap package-0");
    cr_expect_eq(again.cost.energy[0].train_j, 200);
    cr_expect_eq(again.cost.energy[0].eval_j, 30);
    cr_expect(again.cost.clock_begin_mhz == 3000 && again.cost.clock_end_mhz == 2000);
    cr_expect(again.cost.tells_heat && !again.cost.was_throttled);
    record_free(&again);
    // of a GPU that says nothing of itself the processors' clock is not told
    MUST(record_text(&r.device.kind, "gpu"));
    MUST(record_text(&r.device.uuid, "00000000-0000-0000-0000-000000000000"));
    run_cost(&r.cost, at, &r);
    cr_expect(r.cost.clock_begin_mhz == 0 && !r.cost.tells_heat && r.cost.energy_count == 1);
    // scored in less time than a counter takes to move
    at_moment(&at[RUN_SCORED], 100, 2000, 5);
    run_cost(&r.cost, at, &r);
    MUST(record_write(&r, temporary_path("r.json")));
    MUST(record_read(&again, temporary_path("r.json")));
    cr_assert_eq(again.cost.energy_count, 1);
    cr_expect_eq(again.cost.energy[0].eval_j, 0);
    record_free(&again);
    r.cost = (record_cost){0};
    MUST(record_write(&r, temporary_path("r.json")));
    MUST(record_read(&again, temporary_path("r.json")));
    cr_expect_eq(again.cost.energy_count, 0);
    record_free(&again);
    record_free(&r);
}

/* A record of as many sources as there may be, and of one more. */
Test(power, a_records_sources_have_an_end) {
    record r, again;
    fake_record_make(&r, &(fake_record){.right = 0.5});
    r.cost.energy_count = RECORD_ENERGIES;
    for (int i = 0; i < RECORD_ENERGIES; i++) {
        r.cost.energy[i] = (record_energy){.train_j = i + 1, .eval_j = 1};
        snprintf(r.cost.energy[i].source, RECORD_SOURCE_BYTES, "hwmon %d", i);
    }
    MUST(record_write(&r, temporary_path("r.json")));
    MUST(record_read(&again, temporary_path("r.json")));
    cr_expect_eq(again.cost.energy_count, RECORD_ENERGIES);
    cr_expect_eq(again.cost.energy[RECORD_ENERGIES - 1].train_j, RECORD_ENERGIES);
    record_free(&again);
    cJSON *top;
    MUST(json_read(&top, temporary_path("r.json"), 0));
    cJSON *list = cJSON_GetObjectItem(cJSON_GetObjectItem(top, "cost"), "energy");
    cJSON_AddItemToArray(list, cJSON_Duplicate(list->child, true));
    MUST(json_write(temporary_path("r.json"), top));
    MUST_FAIL(record_read(&again, temporary_path("r.json")), ERR_FORMAT,
              "key 'cost': more than 8 sources of energy");
    record_free(&again);
    cJSON_Delete(top);
    record_free(&r);
}
