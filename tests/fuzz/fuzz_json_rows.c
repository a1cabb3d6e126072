/* JSON and JSONL data files. The first byte chooses between them, and the split. */
#include "fuzz.h"
#include "rows.h"

#include <stdio.h>

/* bits: 0 one object a line, 1 hash split and drop. */
static const task *task_of(unsigned bits) {
    static task tasks[4];
    char format[200];
    if (tasks[bits].manifest) return &tasks[bits];
    snprintf(format, sizeof format,
             "\"format\": {\"kind\": \"%s\", \"text\": \"text\", \"label\": \"label\"}",
             bits & 1 ? "jsonl" : "json");
    rows_task(&tasks[bits], format, (bits & 2) != 0, (bits & 2) != 0);
    return &tasks[bits];
}

FUZZ_TARGET(json_rows) {
    if (!size) return;
    fuzz_setup();
    const task *t = task_of(data[0] % 4);
    fuzz_begin();
    rows_check(t, data + 1, size - 1);
    fuzz_end();
}
