/* Run records: what is accepted is written, read and written again, to the same bytes. */
#include "base/memory.h"
#include "fuzz.h"
#include "platform/file.h"
#include "result/record.h"

#include <string.h>

static void check_name(const record *r) {
    char *name = NULL;
    if (!fuzz_needs(record_file_name(&name, r))) return;
    const char *slash = strchr(name, '/');
    FUZZ_CHECK(slash && slash != name && !strchr(slash + 1, '/'));
    FUZZ_CHECK(name[0] != '.' && slash[1] != '.');
    mem_free(name);
}

static void check_ids(const record *r) {
    for (int64_t i = 0; i < r->task.test_rows; i++) {
        FUZZ_CHECK(r->gold[i] < r->task.label_count && r->predicted[i] < r->task.label_count);
        FUZZ_CHECK(r->first_row[i] <= i && r->first_row[r->first_row[i]] == r->first_row[i]);
    }
}

static void write_and_compare(record *r) {
    record again = {0};
    void *first = NULL, *second = NULL;
    size_t first_count = 0, second_count = 0;
    const char *a = fuzz_path("a.json"), *b = fuzz_path("b.json");
    // one of an older program is held to more once it is written as one of this
    bool (*reads)(err) = r->schema > 1 ? fuzz_needs : fuzz_accepts;
    if (fuzz_needs(record_write(r, a)) && reads(record_read(&again, a)) &&
        fuzz_needs(record_write(&again, b)) && fuzz_needs(file_read(&first, &first_count, a, 0)) &&
        fuzz_needs(file_read(&second, &second_count, b, 0))) {
        FUZZ_CHECK(first_count == second_count && !memcmp(first, second, first_count));
    }
    record_free(&again);
    mem_free(first);
    mem_free(second);
}

FUZZ_TARGET(record) {
    record r;
    fuzz_begin();
    if (fuzz_accepts(record_read(&r, fuzz_file("record.json", data, size)))) {
        check_ids(&r);
        check_name(&r);
        write_and_compare(&r);
    }
    record_free(&r);
    fuzz_end();
}
