/* Two records of strangers on one board and side by side: a line each. Each stands on the board or
 * is named by a note, and no control character leaves through a page. */
#include "base/memory.h"
#include "fuzz.h"
#include "platform/file.h"
#include "report/board.h"
#include "report/compare.h"

#include <string.h>

/* Checks and drops a page that was written, and says whether it was. */
static bool check_page(strbuf *page, err e) {
    bool written = fuzz_needs(e);
    for (size_t i = 0; written && i < page->length; i++) {
        unsigned char c = (unsigned char)page->text[i];
        FUZZ_CHECK((c >= ' ' || c == '\n' || c == '\t') && c != 0x7f);
    }
    strbuf_free(page);
    return written;
}

static void check_board(const store *s) {
    board b = {0};
    strbuf page = {0};
    size_t standing = 0;
    if (fuzz_needs(board_init(&b, s, NULL))) {
        for (size_t t = 0; t < b.table_count; t++)
            for (size_t i = 0; i < b.tables[t].row_count; i++)
                standing += b.tables[t].rows[i].run_count;
        FUZZ_CHECK(standing + b.note_count == s->count);
        if (check_page(&page, board_markdown(&page, &b)) && check_page(&page, board_csv(&page, &b)))
            check_page(&page, board_json(&page, &b));
    }
    board_free(&b);
}

static void check_comparison(const record *a, const record *b) {
    comparison c;
    strbuf page = {0};
    if (!fuzz_accepts(compare_records(&c, a, b))) return;
    FUZZ_CHECK(c.only_a_right + c.only_b_right <= c.disagreements && c.disagreements <= c.rows);
    FUZZ_CHECK(c.mcnemar_p >= 0 && c.mcnemar_p <= 1);
    if (check_page(&page, compare_text(&page, &c, "a", "b")))
        check_page(&page, compare_json(&page, &c, "a", "b"));
}

FUZZ_TARGET(record_pair) {
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    store s = {0};
    if (!end) return;
    size_t first = (size_t)(end - data);
    fuzz_begin();
    if (fuzz_needs(folder_make(fuzz_path("results/task")))) {
        fuzz_file("results/task/a.json", data, first);
        fuzz_file("results/task/b.json", end + 1, size - first - 1);
        if (fuzz_needs(store_read(&s, fuzz_path("results")))) {
            FUZZ_CHECK(s.count + s.partial + s.dirty + s.damaged == 2);
            check_board(&s);
            if (s.count == 2) check_comparison(&s.records[0], &s.records[1]);
        }
        store_free(&s);
    }
    fuzz_end();
}
