#include "base/memory.h"
#include "platform/file.h"
#include "platform/lock.h"
#include "platform/stream.h"
#include "report/html.h"
#include "result/store.h"
#include "support/fake_record.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void setup(void) {}
static void teardown(void) {
    cr_assert_eq(mem_live_count(), 0, "%zu blocks are left", mem_live_count());
}

TestSuite(html, .init = setup, .fini = teardown);

static const char *const hostile = "<script>alert('x')</script> & \"q\"";

// Every tag opened is closed, in order; the few elements without an end tag are let through.
static void check_nesting(const char *html) {
    static const char *const empty[] = {"meta",   "link", "input",    "line",
                                        "circle", "rect", "polyline", "path"};
    char stack[64][16];
    size_t depth = 0;
    for (const char *p = html; (p = strchr(p, '<')); p++) {
        if (p[1] == '!') continue;
        bool closing = p[1] == '/';
        const char *name = p + 1 + closing;
        size_t length = strcspn(name, " >/\n");
        cr_assert(length > 0 && length < 16, "a bare '<' at: %.40s", p);
        bool skip = false;
        for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
            skip |= strlen(empty[i]) == length && !strncmp(empty[i], name, length);
        }
        if (skip) continue;
        if (!closing) {
            cr_assert_lt(depth, 64);
            memcpy(stack[depth], name, length);
            stack[depth++][length] = '\0';
            // scripts hold '<' of their own
            if (!strcmp(stack[depth - 1], "script")) p = strstr(p, "</script>") - 1;
        } else {
            cr_assert_gt(depth, 0, "nothing is open at: %.40s", p);
            depth--;
            cr_assert(!strncmp(stack[depth], name, length) && !stack[depth][length],
                      "'%s' is open at: %.40s", stack[depth], p);
        }
    }
    cr_assert_eq(depth, 0);
}

/* Nothing is fetched but the two files beside the index, and nothing is inside that a policy of
 * default-src 'self' would stop. `root` is the way to the index's folder. */
static void check_self_contained(const char *html, const char *root) {
    static const char *const stopped[] = {"http",   "@import",  "url(",     "<style",
                                          "style=", "onclick=", "onsubmit", "data:"};
    char script[80], style[80];
    for (size_t i = 0; i < sizeof stopped / sizeof *stopped; i++)
        cr_assert_not(strstr(html, stopped[i]), "%s", stopped[i]);
    snprintf(script, sizeof script, "<script defer src=\"%sharness.js\"></script>", root);
    snprintf(style, sizeof style, "<link rel=\"stylesheet\" href=\"%sharness.css\">", root);
    const char *at = strstr(html, script);
    cr_assert(at && strstr(html, style), "%s", root);
    cr_assert_not(strstr(at + 1, "<script"));
    cr_assert_eq(strstr(html, "src="), strstr(at, "src="));
}

Test(html, run_page_is_escaped_and_whole) {
    record r;
    strbuf out = {0};
    const char *texts[60];
    for (int i = 0; i < 60; i++) texts[i] = hostile;
    fake_record_make(&r, &(fake_record){.model = hostile, .right = 0.5, .steps = 1234});
    fake_recipe_text(&r, "note", hostile);
    cr_assert_not(record_text(&r.device.name, hostile));
    r.loss_scale = 32768;
    r.skipped_steps = 3;
    const char *labels[] = {"a<b", "없음", "c&d"};
    cr_assert_not(record_labels(&r, labels, 3));
    cr_assert_not(record_score(&r));
    cr_assert_not(html_run(&out, &r, texts, NULL, PAGE_EN));
    cr_assert_not(strstr(out.text, "<script>"));
    cr_assert(
        strstr(out.text, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;q&quot;"));
    cr_assert(strstr(out.text, "a&lt;b"));
    cr_assert(strstr(out.text, "Each point is the mean of 7 steps."));
    cr_assert(strstr(out.text, "class=\"bar\""));
    cr_assert(strstr(out.text,
                     "<tr><th scope=\"row\">steps skipped by the loss scaler</th><td>3</td></tr>"));
    cr_assert(strstr(out.text, "<tr><th scope=\"row\">final loss scale</th><td>32768</td></tr>"));
    check_nesting(out.text);
    check_self_contained(out.text, "../../");
    strbuf_free(&out);
    // without texts there is no column for them, and no loss means no chart
    cr_assert_not(record_loss(&r, NULL, 0));
    r.loss_scale = 0;
    cr_assert_not(html_run(&out, &r, NULL, NULL, PAGE_EN));
    cr_assert_not(strstr(out.text, ">text</th>"));
    // what is taken for what stands once: below the matrix, or of many labels in its place
    cr_assert(strstr(out.text, "Confused labels") && !strstr(out.text, "Commonest mistakes"));
    cr_assert_not(strstr(out.text, "Training loss"));
    cr_assert_not(strstr(out.text, "loss scale"));
    cr_assert(strstr(out.text, "--device cpu</code>"));
    check_nesting(out.text);
    strbuf_free(&out);
    record_free(&r);
}

/* Each bin of lengths that holds a row has its bar, and no other has; one bar is the calibration's. */
Test(html, lengths_of_one_row_have_a_bar) {
    static const int64_t rows[] = {1, 1, 57, 1};
    record r;
    fake_record_make(&r, &(fake_record){.right = 0.5});
    mem_free(r.lengths);
    MUST(mem_new(&r.lengths, 4));
    for (size_t i = 0; i < 4; i++) {
        strbuf out = {0};
        size_t bars = 0;
        r.lengths[i] = (record_length){3 + 7 * (int64_t)i, rows[i]};
        r.length_count = i + 1;
        MUST(html_run(&out, &r, NULL, NULL, PAGE_EN));
        for (const char *at = out.text; (at = strstr(at, "class=\"bar\"")); at++) bars++;
        cr_expect_eq(bars, i + 2, "%zu lengths, %zu bars", i + 1, bars);
        strbuf_free(&out);
    }
    record_free(&r);
}

// a loss list of every small length draws, with finite coordinates
Test(html, charts_of_few_points_are_finite) {
    const size_t steps[] = {1, 2, 3, 199, 200, 201, 400, 401};
    const unsigned means[] = {1, 1, 1, 1, 1, 2, 2, 3}; // at most 200 points
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        char words[64];
        record r;
        strbuf out = {0};
        fake_record_make(&r, &(fake_record){.right = 1, .steps = steps[i]});
        r.loss[0] = 0; // a single zero has no range of its own
        cr_assert_not(html_run(&out, &r, NULL, NULL, PAGE_EN));
        cr_assert_not(strstr(out.text, "nan"), "%zu steps", steps[i]);
        cr_assert_not(strstr(out.text, "inf,"), "%zu steps", steps[i]);
        snprintf(words, sizeof words, "Each point is the mean of %u steps.", means[i]);
        cr_assert_eq(strstr(out.text, words) != NULL, means[i] > 1, "%zu steps", steps[i]);
        strbuf_free(&out);
        record_free(&r);
    }
}

static size_t count_html(const char *folder) {
    folder_list tasks = {0}, pages = {0};
    char *place, *task;
    size_t n = 0;
    cr_assert_not(path_join(&place, folder, "pages"));
    cr_assert_not(folder_list_read(&tasks, place));
    for (size_t t = 0; t < tasks.count; t++) {
        cr_assert_not(path_join(&task, place, tasks.names[t]));
        cr_assert_not(folder_list_read(&pages, task));
        n += pages.count;
        folder_list_free(&pages);
        mem_free(task);
    }
    folder_list_free(&tasks);
    mem_free(place);
    return n;
}

/* The page of a record that was deleted goes with the next report; a file of the user's stays. */
static void remove_a_record(const char *folder) {
    store s;
    char *path;
    cr_assert_not(store_read(&s, folder));
    cr_assert_not(mem_printf(&path, "%s/pages/fake_task/notes.html", folder));
    cr_assert_not(file_write(path, "mine", 4));
    mem_free(path);
    cr_assert_eq(count_html(folder), 4);
    cr_assert_not(path_join(&path, folder, s.paths[1]));
    cr_assert_eq(remove(path), 0);
    mem_free(path);
    store_free(&s);
    program_result p = RUN_WELL("report", "--results", folder, "--format", "html");
    cr_assert(strstr(p.err, "removed 1 page whose record is gone"), "%s", p.err);
    cr_assert_eq(count_html(folder), 3);
}

/* What a killed report left half written goes with the next, but nothing of another's, nor while a
 * report is at work. */
Test(html, half_written_pages_go) {
    enum { LEFT, OTHER, LINK, NAMES };
    static const char *const names[] = {".harness-0123456789abcdef.tmp", ".harness-mine.tmp",
                                        ".harness-0123456789abcde0.tmp"};
    char *folder, *pages, *paths[NAMES];
    bool alone = false;
    record r;
    fake_folder(&folder);
    fake_record_make(&r, &(fake_record){.right = 0.5, .seed = 1});
    MUST(store_write(folder, &r, NULL));
    record_free(&r);
    RUN_WELL("report", "--results", folder);
    MUST(path_join(&pages, folder, "pages"));
    for (int i = 0; i < NAMES; i++) MUST(mem_printf(&paths[i], "%s/fake_task/%s", pages, names[i]));
    MUST(file_write(paths[LEFT], "<!doc", 5));
    MUST(file_write(paths[OTHER], "mine", 4));
    cr_assert_eq(symlink("nowhere", paths[LINK]), 0);
    int at_work = lock_folder(pages, &alone);
    cr_assert(at_work >= 0 && alone);
    lock_folder_share(at_work);
    RUN_WELL("report", "--results", folder);
    cr_expect(file_exists(paths[LEFT]), "of a report at work");
    stream_close(at_work);
    RUN_WELL("report", "--results", folder);
    cr_expect_not(file_named(paths[LEFT]));
    cr_expect(file_exists(paths[OTHER]) && file_named(paths[LINK]));
    for (int i = 0; i < NAMES; i++) mem_free(paths[i]);
    mem_free(pages);
    fake_folder_end(folder);
}

Test(html, index_links_to_pages_that_exist) {
    char *folder, *path, *text;
    size_t count, links = 0;
    fake_folder(&folder);
    for (uint32_t seed = 0; seed < 3; seed++) {
        record r;
        fake_record_make(&r, &(fake_record){.model = hostile, .right = 0.5, .seed = seed});
        cr_assert_not(store_write(folder, &r, NULL));
        record_free(&r);
    }
    program_result p = RUN_WELL("report", "--results", folder, "--format", "html");
    cr_assert(strstr(p.err, "wrote 3 pages below "));
    cr_assert_not(path_join(&path, folder, "LEADERBOARD.md"));
    cr_assert_not(file_exists(path));
    mem_free(path);
    cr_assert_not(path_join(&path, folder, "index.html"));
    cr_assert_not(file_read((void **)&text, &count, path, 0));
    mem_free(path);
    check_nesting(text);
    check_self_contained(text, "");
    for (const char *at = text; (at = strstr(at, "href=\"pages/")); at++) {
        char *name;
        cr_assert_not(mem_strndup(&name, at + 6, strcspn(at + 6, "\"")));
        cr_assert_not(path_join(&path, folder, name));
        cr_assert(file_exists(path), "%s", path);
        links++;
        mem_free(name);
        mem_free(path);
    }
    cr_assert_eq(links, 3);
    cr_expect_not(strstr(text, "All tasks"), "they are one");
    mem_free(text);
    remove_a_record(folder);
    fake_folder_end(folder);
}

Test(html, devices_are_listed_once_as_they_first_appear) {
    static const char *const devices[] = {"zeta", "alpha", "zeta", "beta"};
    char *folder, *path, *text;
    size_t count;
    fake_folder(&folder);
    for (uint32_t m = 0; m < sizeof devices / sizeof *devices; m++) {
        record r;
        fake_record_make(&r, &(fake_record){.model = "m", .right = 0.9 - 0.2 * m, .rows = 200});
        cr_assert_not(record_text(&r.device.name, devices[m]));
        cr_assert_not(record_text(&r.model.name, (const char[]){(char)('m' + m), 0}));
        cr_assert_not(store_write(folder, &r, NULL));
        record_free(&r);
    }
    RUN_WELL("report", "--results", folder, "--format", "html");
    cr_assert_not(path_join(&path, folder, "index.html"));
    cr_assert_not(file_read((void **)&text, &count, path, 0));
    mem_free(path);
    cr_expect(
        strstr(text, "<option>zeta</option><option>alpha</option><option>beta</option></select>"));
    mem_free(text);
    fake_folder_end(folder);
}

// one run under two names, and a name that is no part of an address: each record has its own page
Test(html, no_two_records_share_a_page) {
    static const char *const names[] = {"a.json", "b\"><i>#?%.json"};
    char *folder, *path, *text;
    size_t count;
    fake_folder(&folder);
    for (int i = 0; i < 2; i++) {
        record r;
        fake_record_make(&r, &(fake_record){.right = 0.5});
        if (i) cr_assert_not(record_text(&r.device.driver, "another"));
        if (i) r.numerics_version++;
        cr_assert_not(mem_printf(&path, "%s/fake_task/%s", folder, names[i]));
        cr_assert_not(record_write(&r, path));
        mem_free(path);
        record_free(&r);
    }
    RUN_WELL("report", "--results", folder, "--format", "html");
    cr_assert_eq(count_html(folder), 2);
    cr_assert_not(path_join(&path, folder, "index.html"));
    cr_assert_not(file_read((void **)&text, &count, path, 0));
    check_nesting(text);
    cr_assert(strstr(text, "href=\"pages/fake_task/a.html\""));
    cr_assert_not(strstr(text, "<i>"));
    mem_free(text);
    mem_free(path);
    fake_folder_end(folder);
}

Test(html, texts_need_the_same_data) {
    char *folder;
    record r;
    fake_folder(&folder);
    for (unsigned seed = 1; seed <= 2; seed++) {
        fake_record_make(&r, &(fake_record){.task = "kor_hate", .right = 0.5, .seed = seed});
        cr_assert_not(store_write(folder, &r, NULL));
        record_free(&r);
    }
    program_result p = RUN("report", "--results", folder, "--texts", "--data", folder);
    cr_assert_eq(p.exit_code, 1);
    // of each record: what is lacking is the data
    const char *said = strstr(p.err, "harness data fetch kor_hate");
    cr_assert(said && strstr(said + 1, "harness data fetch kor_hate"), "%s", p.err);
    cr_assert_not(strstr(p.err, "the data of task"), "%s", p.err);
    cr_assert(strstr(p.err, "--texts: 2 of 2 pages are without texts"), "%s", p.err);
    cr_assert_eq(count_html(folder), 2); // the pages are there all the same
    if (getenv("HARNESS_DATA")) {
        p = RUN("report", "--results", folder, "--texts");
        EXPECT(p, 1, err, "--texts: the data of task 'kor_hate' is ");
    }
    fake_folder_end(folder);
}
