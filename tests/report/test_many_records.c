#include "base/memory.h"
#include "platform/file.h"
#include "result/store.h"
#include "support/fake_record.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { TASKS = 5, RUNS = 400 }; // runs of each task

static double child_seconds(void) {
    struct rusage use;
    getrusage(RUSAGE_CHILDREN, &use);
    return (double)use.ru_utime.tv_sec + 1e-6 * (double)use.ru_utime.tv_usec;
}

static void write_records(const char *folder, uint32_t seeds) {
    for (uint32_t t = 0; t < TASKS; t++) {
        for (uint32_t m = 0; m < RUNS / seeds; m++) {
            for (uint32_t s = 0; s < seeds; s++) {
                char task[16], model[32];
                record r;
                snprintf(task, sizeof task, "task_%u", t);
                snprintf(model, sizeof model, "model %03u", m);
                fake_record_make(&r, &(fake_record){.task = task,
                                                    .model = model,
                                                    .right = 0.5 + 0.4 * m * seeds / RUNS,
                                                    .rows = 471,
                                                    .seed = s,
                                                    .steps = 741});
                cr_assert_not(store_write(folder, &r, NULL), "%s", err_message(ERR_IO));
                record_free(&r);
            }
        }
    }
}

/* Two thousand records, of 471 test rows and 741 steps each, make their whole report in under ten
 * seconds of a processor. HARNESS_MANY_RECORDS names a folder that keeps them, then of one seed
 * each, which makes as many rows as can be: tests/report-pages looks at the pages with a browser.
 */
Test(report, two_thousand_records_are_quick, .timeout = 120) {
    const char *kept = getenv("HARNESS_MANY_RECORDS");
    char *folder = NULL;
    json_setup();
    size_t live = mem_live_count();
    if (kept)
        cr_assert_not(mem_strdup(&folder, kept));
    else
        fake_folder(&folder);
    write_records(folder, kept ? 1 : 4);
    double begin = child_seconds();
    program_result p = RUN("report", "--results", folder);
    double seconds = child_seconds() - begin;
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    cr_assert(strstr(p.err, "wrote 2000 pages below "), "%s", p.err);
    program_free(&p);
    printf("report of 2,000 records: %.1f s of processor time\n", seconds);
#ifndef __SANITIZE_ADDRESS__ // which makes all slower
    cr_assert_lt(seconds, 10.0);
#endif
    if (!kept) cr_assert_not(folder_remove(folder));
    mem_free(folder);
    cr_assert_eq(mem_live_count(), live);
}
