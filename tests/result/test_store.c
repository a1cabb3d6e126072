/* The folder of records. */
#include "base/memory.h"
#include "platform/file.h"
#include "result/store.h"
#include "support/fake_record.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(store, .init = fake_results_begin, .fini = fake_results_end);

// what is no record at its place stays as it is, and the record lies beside it
Test(store, what_is_no_record_is_not_replaced) {
    enum { JUNK, EMPTY_LINK, FIFO, FOLDER, KINDS };
    for (int kind = 0; kind < KINDS; kind++) {
        record r;
        char *plain = NULL, *place = NULL;
        fake_record_make(&r, &(fake_record){.task = "kor_x", .right = 0.5, .seed = 1});
        cr_assert_not(record_text(&r.run_sha256, r.recipe_sha256));
        MUST(store_place(&plain, fake_results, &r, false));
        MUST(store_make_folder(fake_results, plain));
        switch (kind) {
        case JUNK: MUST(file_write(plain, "junk", 4)); break;
        case EMPTY_LINK: cr_assert_eq(symlink("nowhere", plain), 0); break;
        case FIFO: cr_assert_eq(mkfifo(plain, 0600), 0); break;
        default: MUST(folder_make(plain)); break;
        }
        for (int again = 0; again < 2; again++) { // its own record is replaced there
            MUST(store_write(fake_results, &r, &place));
            cr_expect_eq(strlen(place), strlen(plain) + 9, "%s", place);
            cr_expect(file_is_own(place));
            mem_free(place);
        }
        cr_expect_eq(kind == JUNK, file_is_own(plain));
        record_free(&r);
        mem_free(plain);
        MUST(folder_remove(fake_results));
    }
}
