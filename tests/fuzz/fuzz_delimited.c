/* CSV and TSV files. The first byte chooses delimiter, quoting, header, byte order mark and
 * split. */
#include "fuzz.h"
#include "rows.h"

#include <stdio.h>

enum { TASKS = 64 };

/* bits: 0-1 delimiter, 2 quoted, 3 header, 4 keep the byte order mark, 5 hash split and drop. */
static const task *task_of(unsigned bits) {
    static task tasks[TASKS];
    static const char *const delimiters[] = {",", "\\t", ";", "|"};
    char format[400];
    if (tasks[bits].manifest) return &tasks[bits];
    snprintf(format, sizeof format,
             "\"format\": {\"kind\": \"delimited\", \"delimiter\": \"%s\", \"quoting\": \"%s\","
             "\"header\": %s, \"bom\": \"%s\", \"columns\": [\"id\", \"text\", \"label\"],"
             "\"text\": \"text\", \"label\": \"label\"}",
             delimiters[bits & 3], bits & 4 ? "standard" : "none", bits & 8 ? "true" : "false",
             bits & 16 ? "keep" : "drop");
    rows_task(&tasks[bits], format, (bits & 32) != 0, (bits & 32) != 0);
    return &tasks[bits];
}

FUZZ_TARGET(delimited) {
    if (!size) return;
    fuzz_setup();
    const task *t = task_of(data[0] % TASKS);
    fuzz_begin();
    rows_check(t, data + 1, size - 1);
    fuzz_end();
}
