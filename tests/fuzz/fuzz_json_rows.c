/* JSON and JSONL data files. The first byte chooses between them, and the split. */
#include "fuzz.h"
#include "rows.h"

#include <stdio.h>

enum { TASKS = 8 };

/* bits: 0 one object a line, 1 hash split and drop, 2 relations. */
static const task *task_of(unsigned bits) {
    static task tasks[TASKS];
    char format[300];
    if (tasks[bits].manifest) return &tasks[bits];
    snprintf(format, sizeof format,
             "%s\"format\": {\"kind\": \"%s\", \"text\": \"text\", \"label\": \"label\"%s}",
             bits & 4 ? "\"kind\": \"relation\", " : "", bits & 1 ? "jsonl" : "json",
             bits & 4 ? ", \"subject\": \"s\", \"object\": \"o\"" : "");
    rows_task(&tasks[bits], format, (bits & 2) != 0, (bits & 2) != 0);
    return &tasks[bits];
}

FUZZ_TARGET(json_rows) {
    if (!size) return;
    fuzz_setup();
    const task *t = task_of(data[0] % TASKS);
    fuzz_begin();
    rows_check(t, data + 1, size - 1);
    fuzz_end();
}
