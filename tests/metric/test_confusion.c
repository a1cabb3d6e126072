/* What was taken for what: counts, the commonest first, of equal ones by gold and then by answer. */
#include "base/memory.h"
#include "metric/confusion_cells.h"
#include "support/must.h"

#include <criterion/criterion.h>

static const uint32_t gold[] = {2, 0, 1, 0, 2, 1, 0, 2, 1, 0, 0},
                      said[] = {1, 1, 1, 2, 1, 0, 1, 0, 2, 0, 2};
enum { ROWS = sizeof gold / sizeof *gold };

static void expect_cells(const confusion_cell *cells, size_t count, const confusion_cell *wanted,
                         size_t wanted_count) {
    cr_assert_eq(count, wanted_count, "%zu cells", count);
    for (size_t i = 0; i < count; i++)
        cr_expect(cells[i].gold == wanted[i].gold && cells[i].predicted == wanted[i].predicted &&
                      cells[i].rows == wanted[i].rows,
                  "%zu: [%u, %u, %zu]", i, (unsigned)cells[i].gold, (unsigned)cells[i].predicted,
                  (size_t)cells[i].rows);
}

CleanTest(confusion, cells_by_place_and_mistakes_by_count) {
    static const confusion_cell all[] = {{0, 0, 1}, {0, 1, 2}, {0, 2, 2}, {1, 0, 1},
                                         {1, 1, 1}, {1, 2, 1}, {2, 0, 1}, {2, 1, 2}},
                                mistakes[] = {{0, 1, 2}, {0, 2, 2}, {2, 1, 2},
                                              {1, 0, 1}, {1, 2, 1}, {2, 0, 1}};
    confusion_cell *cells;
    size_t count;
    MUST(confusion_cells(&cells, &count, gold, said, ROWS));
    expect_cells(cells, count, all, sizeof all / sizeof *all);
    mem_free(cells);
    MUST(confusion_mistakes(&cells, &count, gold, said, ROWS));
    expect_cells(cells, count, mistakes, sizeof mistakes / sizeof *mistakes);
    mem_free(cells);
    // no mistake, and no row
    MUST(confusion_mistakes(&cells, &count, gold, gold, ROWS));
    cr_expect_eq(count, 0);
    mem_free(cells);
    MUST(confusion_cells(&cells, &count, gold, said, 0));
    cr_expect_eq(count, 0);
    mem_free(cells);
}
