/* What a killed writer leaves behind. */
#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>

Test(file, clears_what_killed_writers_left) {
    static const struct {
        const char *name;
        bool stays;
    } cases[] = {
        {"record.json.4711.tmp", false}, {"a.1.tmp", false}, {"record.json", true},
        {"record.json.tmp", true},       {"4711.tmp", true}, {".4711.tmp", true},
        {"notes.47x1.tmp", true},        {"a.4711", true},   {"below/a.4711.tmp", true},
    };
    enum { CASES = sizeof cases / sizeof *cases };
    size_t live = mem_live_count();
    char *paths[CASES], *below = NULL, *folder = NULL;
    MUST(path_join(&below, temporary_folder(), "below"));
    MUST(path_join(&folder, below, "folder.4711.tmp")); // a folder is no file of a writer
    MUST(folder_make(folder));
    for (size_t i = 0; i < CASES; i++) {
        MUST(path_join(&paths[i], temporary_folder(), cases[i].name));
        MUST(file_write(paths[i], "x", 1));
    }
    MUST(folder_clear_temporary(temporary_folder()));
    for (size_t i = 0; i < CASES; i++) {
        cr_assert_eq(file_exists(paths[i]), cases[i].stays, "%s", cases[i].name);
        mem_free(paths[i]);
    }
    MUST(folder_clear_temporary(below));
    cr_assert(folder_exists(folder));
    MUST_FAIL(folder_clear_temporary("/absent"), ERR_IO, "/absent");
    mem_free(folder);
    mem_free(below);
    cr_assert_eq(mem_live_count(), live);
}
