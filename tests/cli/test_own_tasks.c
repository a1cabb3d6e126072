/* What can be done after a run from files of the user's own: the verbs that look at a task take the
 * run's, by its folder, by its name or by the same flags. */
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const labels[] = {"나쁨", "좋음"};

static void setup(void) {
    model_folder_make(temporary_path("m"), labels, 2, NULL);
}

TestSuite(own_tasks, .init = setup, .timeout = 240);

/* Rows of two labels that words tell apart, under columns with blanks in their names. */
static void put_reviews(const char *name, size_t from, size_t rows) {
    static const char *const words[] = {"정말 좋아요", "너무 지루해요"};
    strbuf text = {0};
    MUST(strbuf_add(&text, "댓글 내용,평가\n"));
    for (size_t i = from; i < from + rows; i++)
        MUST(strbuf_printf(&text, "%s %zu,%s\n", words[i % 2], i, labels[1 - i % 2]));
    MUST(file_write(temporary_path(name), text.text, text.length));
    strbuf_free(&text);
}

static void expect_error(program_result p, int code, const char *said) {
    cr_expect_eq(p.exit_code, code, "%d, not %d: %s", p.exit_code, code, p.err);
    cr_expect(strstr(p.err, said), "no '%s' in %s", said, p.err);
}

static void expect_out(program_result p, const char *said) {
    cr_expect_eq(p.exit_code, 0, "%s", p.err);
    cr_expect(strstr(p.out, said), "no '%s' in %s", said, p.out);
}

Test(own_tasks, names_stay_readable) {
    static const struct {
        const char *file, *task;
    } names[] = {
        {"Reviews.csv", "own-reviews"},
        {"내 댓글 (최종).csv", "own-내-댓글-최종"},
        // the same syllables in jamo, as macOS spells them
        {"\u1102\u1162 \u1103\u1162\u11BA\u1100\u1173\u11AF.csv", "own-내-댓글"},
        {"a.b_c-1.tsv", "own-a-b_c-1"},
        {"영화평.csv", "own-영화평"},
        {"映画の感想.csv", "own-映画の感想"},
        {"\xF0\x9F\x98\x80.csv", "own-f0443a34"}, // nothing of it is a letter
        {"\xd0\xbewn.csv", "own-f1d94edb"},       // a Cyrillic o
        {"가가가가가가가가가가가가가가가가가가가가가가가가가가가가가가가가가.csv",
         "own-가가가가가가가가가가가가가가가가가가가가가가가가가가가가가가"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char file[200];
        put_reviews(names[i].file, 0, 20);
        snprintf(file, sizeof file, "%s.json", names[i].task);
        program_result p = RUN("tasks", "new", names[i].file, "--text-column", "댓글 내용",
                               "--label-column", "평가");
        cr_expect_eq(p.exit_code, 0, "%s: %s", names[i].file, p.err);
        cr_expect(file_exists(temporary_path(file)), "%s: no %s: %s", names[i].file, file, p.out);
        expect_out(RUN("tasks", "show", names[i].task, "--task-dir", "."), names[i].task);
    }
    expect_error(RUN("tasks", "new", "영화평.csv", "--text-column", "댓글 내용", "--label-column",
                     "평가", "--output", "한 글.json"),
                 1, "key 'name' is '한 글', allowed: a-z, letters of other scripts, 0-9");
}

Test(own_tasks, a_manifest_goes_into_a_folder_that_it_makes) {
    put_reviews("댓글.csv", 0, 20);
    expect_out(RUN("tasks", "new", "댓글.csv", "--text-column", "댓글 내용", "--label-column",
                   "평가", "--output", "new/하위/댓글.json"),
               "harness run --task '댓글' --task-dir 'new/하위'");
    expect_out(RUN("data", "verify", "댓글", "--task-dir", "new/하위"), "good");
    // nothing is made where nothing is written
    expect_error(RUN("tasks", "new", "댓글.csv", "--text-column", "없음", "--output", "no/a.json"),
                 2, "no column '없음'");
    cr_expect_not(folder_exists(temporary_path("no")));
}

Test(own_tasks, a_name_that_means_something_else_is_refused) {
    static const char *const means[][2] = {{"klue", "a group of tasks"},
                                           {"all", "every task"},
                                           {"pages", "a folder of other files in results"},
                                           {"kor_hate", "a task that comes with the program"}};
    char path[100], said[200];
    put_reviews("f.csv", 0, 20);
    for (size_t i = 0; i < sizeof means / sizeof *means; i++) {
        snprintf(path, sizeof path, "mt/%s.json", means[i][0]);
        snprintf(said, sizeof said, "'%s' already means something else: %s", means[i][0],
                 means[i][1]);
        expect_error(RUN("tasks", "new", "f.csv", "--output", path), 2, said);
    }
    cr_expect_not(folder_exists(temporary_path("mt")));
    // a manifest by hand: it is told of, not those of the group
    expect_out(RUN("tasks", "new", "f.csv", "--text-column", "댓글 내용", "--label-column", "평가",
                   "--output", "mt/mine.json"),
               "mine");
    void *text = NULL;
    size_t length;
    MUST(file_read(&text, &length, temporary_path("mt/mine.json"), 0));
    char *at = strstr(text, "\"mine\"");
    cr_assert_not_null(at);
    memcpy(at, "\"klue\"", 6);
    MUST(file_write(temporary_path("mt/klue.json"), text, length));
    mem_free(text);
    static const char wrong[] =
        "mt/klue.json: key 'name' is 'klue', which means something else: a group of tasks";
    expect_error(RUN("tasks", "show", "klue", "--task-dir", "mt"), 1, wrong);
    // the others are listed all the same, and the list is no success
    MUST(file_write(temporary_path("mt/a.json"), "{", 1));
    const char *const forms[][5] = {{"tasks", "--task-dir", "mt", NULL},
                                    {"tasks", "--task-dir", "mt", "--json", NULL}};
    program_result p;
    for (size_t i = 0; i < 2; i++) {
        p = program_run(NULL, 60, forms[i]);
        cr_expect_eq(p.exit_code, 1);
        cr_expect(strstr(p.err, wrong) && strstr(p.err, "warning: mt/a.json:1:2:") &&
                      strstr(p.err, "harness: 2 of "),
                  "%s", p.err);
        cr_expect(strstr(p.out, "mine") && strstr(p.out, "nsmc"), "%s", p.out);
        cr_expect(strstr(p.out, i ? "\"klue_dp\"" : "group klue: klue_"), "%s", p.out);
    }
    MUST(folder_make(temporary_path("mu")));
    temporary_put("mu/a.json", "{");
    expect_error(RUN("run", "--task", "klue", "--task-dir", "mu", "--data", "mt", "--offline",
                     "--model", "tiny", "--device", "cpu"),
                 1, "if it is a task of klue, it is left out");
    p = RUN("tasks", "check", "--task-dir", "mt");
    cr_expect_neq(p.exit_code, 0);
    cr_expect(strstr(p.out, wrong) && !strstr(p.out, "group: key"), "%s", p.out);
}

#if HARNESS_CPU
#define QUICK "--device", "cpu", "--threads", "1", "-q"
#define COLUMNS "--text-column", "댓글 내용", "--label-column", "평가"
#define FILES "--train-file", "\u1102\u1162 글.csv", "--test-file", "시험.csv", COLUMNS

static void put_files(void) {
    put_reviews("\u1102\u1162 글.csv", 0, 24);
    put_reviews("시험.csv", 24, 8);
}

static char *text_at(const char *path, const char *key) {
    cJSON *root = NULL;
    char *text = NULL;
    MUST(json_read(&root, temporary_path(path), 0));
    MUST(mem_strdup(&text, cJSON_GetObjectItem(root, key)->valuestring));
    cJSON_Delete(root);
    return text;
}

static void train(const char *output, const char *seed) {
    program_result p = RUN_WELL("run", FILES, "--model", "m", "--epochs", "1", "--seed", seed,
                                "--check-device", "never", "-o", output, QUICK);
    cr_expect(strstr(p.out, "  harness errors"), "%s", p.out);
    cr_expect(strstr(p.out, "  harness tasks new --train-file '\u1102\u1162 글.csv' --test-file "
                            "'시험.csv' --text-column '댓글 내용' --label-column '평가' --output "
                            "'own-내-글.json'\n"),
              "%s", p.out);
}

/* One of the commands that come next makes more seeds of the very run; typed, it finds this one done,
 * and what comes then looks at all three. */
Test(own_tasks, a_run_says_how_to_make_more_seeds) {
    put_files();
    program_result p = RUN_WELL("run", FILES, "--model", "m", "--epochs", "1", "--lr", "1e-3",
                                "--seed", "5", "--check-device", "never", QUICK);
    cr_expect(strstr(p.out,
                     "\n  harness run --train-file '\u1102\u1162 글.csv' --test-file '시험.csv' "
                     "--text-column '댓글 내용' --label-column '평가' --model m --recipe "
                     "trainer --seeds 5,6,7 --lr 0.001 --epochs 1 --device cpu\n"),
              "%s", p.out);
    p = RUN_WELL("run", FILES, "--model", "m", "--recipe", "trainer", "--seeds", "5,6,7", "--lr",
                 "0.001", "--epochs", "1", "--check-device", "never", "--device", "cpu");
    const char *first = strstr(p.err, "this very run is finished already");
    cr_expect(first && !strstr(first + 1, "this very run"), "%s", p.err);
    char *next = strstr(p.out, "\nNext (new.csv: a file of yours)\n");
    cr_assert(next, "%s", p.out);
    cr_expect(!strstr(next, "harness run ") &&
                  strstr(next, "\n  harness errors 'runs/own-내-글/m-cpu-'* --texts\n") &&
                  strstr(next, " --output answers.csv\n") &&
                  strstr(next, " --output 'own-내-글.json'\n"),
              "%s", next);
    // what is there already is asked for by no command, which would be refused
    static const char *const there[] = {"new.csv", "answers.csv", "own-내-글.json"};
    for (size_t i = 0; i < 3; i++) MUST(file_write(temporary_path(there[i]), "{}", 2));
    p = RUN("run", FILES, "--model", "m", "--recipe", "trainer", "--seeds", "5,6,7", "--lr",
            "0.001", "--epochs", "1", "--check-device", "never", "--device", "cpu");
    next = strstr(p.out, "Next\n");
    cr_expect(next && strstr(next, "predict") && !strstr(next, "--output"), "%s", p.out);
}

Test(own_tasks, a_run_is_looked_at_by_its_folder_and_by_its_name) {
    put_files();
    train("runs/own-내-글/a", "1");
    expect_out(RUN("errors", "runs/own-내-글/a", "--texts", QUICK), "Scores by slice");
    expect_out(RUN("tasks", "show", "own-내-글"), "manifest  runs/own-내-글/a/run.json");
    expect_error(RUN("run", "--task", "own-내-글,kor_hate", "--sample", QUICK), 2,
                 "own-내-글: files of your own are run by themselves, with --task own-내-글 alone");
    expect_out(RUN("eval", "--task", "own-내-글", QUICK), "own-내-글  runs/own-내-글/a");
    expect_error(RUN("eval", "--task", "own-내 글", QUICK), 2,
                 "unknown task 'own-내 글'; did you mean 'own-내-글'?");
    expect_out(RUN("eval", "-c", "runs/own-내-글/a", QUICK), " 8 rows");
    expect_out(RUN("eval", "-c", "runs/own-내-글/a/model", "--split", "train", QUICK), " 24 rows");
    expect_out(RUN("data", "stats", "own-내-글"), "Own files");
    // a file like those it was trained on is read as they were
    expect_out(RUN("predict", "-c", "runs/own-내-글/a", "--input", "시험.csv", QUICK),
               ",label,score");
    expect_out(RUN("data", "head", "own-내-글", "-n", "1"), "정말 좋아요 0");
    // a file's name is a text like any other, but hardly one that was meant
    program_result p = RUN("predict", "-c", "runs/own-내-글/a", "좋아요", "시험.csv", "--device",
                           "cpu", "--threads", "1");
    cr_expect(strstr(p.err,
                     "'시험.csv' is read as a text, and a file is called so: `harness predict "
                     "--input '시험.csv'` reads what is in it"),
              "%s", p.err);
    p = RUN("tokenize", "-c", "runs/own-내-글/a", "시험.csv");
    cr_expect(strstr(p.err, "`harness tokenize < '시험.csv'`"), "%s", p.err);
    expect_out(
        RUN("predict", "--task", "own-내-글", "-c", "runs/own-내-글/a", "--json", "좋아요", QUICK),
        "\"좋음\"");
    // elsewhere the files are found too
    p = program_run(temporary_path("runs"), 120,
                    (const char *const[]){"eval", "-c", "own-내-글/a", QUICK, NULL});
    expect_out(p, " 8 rows");
    // and trained on again: the record has the flags that name them
    RUN_WELL("run", "--task", "own-내-글", "--model", "m", "--epochs", "1", "--seed", "2",
             "--check-device", "never", "-o", "b", QUICK);
    char *command = text_at("b/record.json", "command");
    cr_expect(strstr(command,
                     "harness run --train-file '\u1102\u1162 글.csv' --test-file "
                     "'시험.csv' --text-column '댓글 내용' --label-column '평가' --model "),
              "%s", command);
    mem_free(command);
    cr_expect_not(file_named(temporary_path("results")));
    expect_out(RUN("errors", "b", "runs/own-내-글/a", "--json", QUICK), "\"confused\"");
}

Test(own_tasks, files_are_held_to_their_hashes) {
    put_files();
    train("a", "1");
    put_reviews("시험.csv", 26, 8); // as many bytes
    expect_error(RUN("eval", "-c", "a", QUICK), 1, "시험.csv: SHA-256 is ");
    expect_error(RUN("errors", "a", QUICK), 1, "시험.csv: SHA-256 is ");
    put_reviews("시험.csv", 26, 9);
    expect_error(RUN("eval", "-c", "a", QUICK), 1,
                 " when a/run.json was written: the file has changed since; put the old one back, "
                 "name the new one (--train-file, --test-file), or train anew");
    expect_error(RUN("errors", "a", QUICK), 1, "has changed since; put the old one back, or train");
    MUST(folder_make(temporary_path("runs/own-내-글")));
    char *from = NULL;
    MUST(mem_strdup(&from, temporary_path("a")));
    cr_assert_eq(rename(from, temporary_path("runs/own-내-글/a")), 0);
    expect_error(RUN("run", "--task", "own-내-글", "--model", "m", "--seed", "2", QUICK), 1,
                 " when runs/own-내-글/a/run.json was written: the file has changed since");
    cr_assert_eq(rename(temporary_path("runs/own-내-글/a"), from), 0);
    mem_free(from);
    MUST(file_remove(temporary_path("시험.csv")));
    expect_error(RUN("eval", "-c", "a", QUICK), 1,
                 "시험.csv: no such file, and a/run.json says that it lies there (SHA-256 ");
    cr_assert_eq(mkfifo(temporary_path("시험.csv"), 0600), 0);
    expect_error(RUN("eval", "-c", "a", QUICK), 1,
                 "시험.csv: is a FIFO, no file, and a/run.json says that one lies there (SHA-256 ");
    cr_assert_eq(unlink(temporary_path("시험.csv")), 0);
    cr_assert_eq(symlink("nowhere", temporary_path("시험.csv")), 0);
    expect_error(RUN("eval", "-c", "a", QUICK), 1,
                 "시험.csv: is a link that leads nowhere, no file, ");
    cr_assert_eq(unlink(temporary_path("시험.csv")), 0);
    // a manifest that is not the run's
    put_files();
    char *text = NULL;
    size_t bytes = 0;
    MUST(file_read((void **)&text, &bytes, temporary_path("a/run.json"), 0));
    char *version = strstr(text, "Own files: ");
    cr_assert(version, "%s", text);
    *version = 'A';
    MUST(file_write(temporary_path("a/run.json"), text, bytes));
    mem_free(text);
    expect_error(RUN("eval", "-c", "a", QUICK), 1, "a/run.json: key 'own_files': SHA-256 is ");
}

/* What stands between the words becomes `to`, in the manifest that a run keeps under the key, whose
 * hash is made anew. */
static void change_kept(const char *path, const char *key, const char *from, const char *to,
                        const char *task) {
    cJSON *root = NULL;
    char *text = NULL, hex[HASH_HEX_BYTES];
    MUST(json_read(&root, path, 0));
    const char *kept = cJSON_GetStringValue(cJSON_GetObjectItem(root, key));
    const char *at = kept ? strstr(kept, from) : NULL;
    cr_assert(at, "no %s in %s", from, kept);
    MUST(mem_printf(&text, "%.*s%s%s", (int)(at - kept), kept, to, at + strlen(from)));
    hash_bytes_hex(text, strlen(text), hex);
    cJSON_ReplaceItemInObject(root, key, cJSON_CreateString(text));
    cJSON *identity = cJSON_GetObjectItem(root, "identity");
    cJSON_ReplaceItemInObject(identity, "manifest", cJSON_CreateString(hex));
    if (task) cJSON_ReplaceItemInObject(identity, "task", cJSON_CreateString(task));
    MUST(json_write(path, root));
    mem_free(text);
    cJSON_Delete(root);
}

/* A stranger's folder fetches nothing, and goes by no other task's name. */
Test(own_tasks, what_a_strangers_run_may_keep) {
    static const struct {
        const char *from, *to, *task, *said;
    } changes[] = {
        {"\"path\":\t\"", "\"url\":\t\"https://example.org/", NULL,
         "a/run.json: key 'own_files': file 1 of the task has a url"},
        {"\"path\":\t\"", "\"url\":\t\"https://example.org/", NULL,
         "own files have a path and a SHA-256"},
        {"\"name\":\t\"own-", "\"name\":\t\"nsmc-", "nsmc-내-글",
         "the name of a task of own files begins with 'own-'"},
    };
    put_files();
    train("a", "1");
    char *text = NULL, *path;
    size_t bytes = 0;
    MUST(mem_strdup(&path, temporary_path("a/run.json")));
    MUST(file_read((void **)&text, &bytes, path, 0));
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        MUST(file_write(path, text, bytes));
        change_kept(path, "own_files", changes[i].from, changes[i].to, changes[i].task);
        expect_error(changes[i].task
                         ? RUN("predict", "--task", changes[i].task, "-c", "a", "가", QUICK)
                         : RUN("errors", "a", QUICK),
                     1, changes[i].said);
    }
    mem_free(text);
    mem_free(path);
}

static void train_mine(const char *folder, const char *tasks) {
    RUN_WELL("run", "--task", "mine", "--task-dir", tasks, "--model", "m", "--epochs", "1",
             "--check-device", "never", "-o", folder, QUICK);
}

/* A manifest that lies in some folder stays with its run, and its folder is in the run's command. */
Test(own_tasks, a_manifest_of_a_folder_is_kept_with_its_run) {
    put_files();
    expect_out(RUN("tasks", "new", FILES, "--output", "new/mine.json"), "--task-dir new");
    char up[300]; // here by another way
    snprintf(up, sizeof up, "..%s/new", strrchr(temporary_folder(), '/'));
    train_mine("a", up);
    // a page with texts is replaced by none without them
    expect_out(RUN("report", "--texts", "--task-dir", "new", "-q"), "");
    folder_list pages = {0};
    char place[300], *with = NULL, *after = NULL;
    size_t bytes = 0;
    MUST(folder_list_read(&pages, temporary_path("results/pages/mine")));
    cr_assert_eq(pages.count, 1);
    snprintf(place, sizeof place, "results/pages/mine/%s", pages.names[0]);
    folder_list_free(&pages);
    MUST(file_read((void **)&with, &bytes, temporary_path(place), 0));
    cr_expect(strstr(with, "정말 좋아요") || strstr(with, "너무 지루해요"), "no texts");
    expect_error(RUN("report"), 0, "1 page there was made with --texts and stays as it is");
    MUST(file_read((void **)&after, &bytes, temporary_path(place), 0));
    cr_expect_str_eq(with, after);
    mem_free(after);
    MUST(file_remove(temporary_path(place)));
    expect_out(RUN("report", "-q"), "");
    MUST(file_read((void **)&after, &bytes, temporary_path(place), 0));
    cr_expect_null(strstr(after, "정말 좋아요"));
    mem_free(after);
    train_mine("runs/mine/b", temporary_path("new/"));
    for (int i = 0; i < 2; i++) {
        char *command = text_at(i ? "runs/mine/b/record.json" : "a/record.json", "command");
        cr_expect_eq(strncmp(command, "harness run --task mine --task-dir new --model ", 47), 0,
                     "%s", command);
        mem_free(command);
    }
    MUST(file_rename_durable(temporary_path("new"), temporary_path("later")));
    expect_out(RUN("eval", "-c", "a", QUICK), "mine  a ");
    expect_out(RUN("errors", "a", "--json", QUICK), "\"confused\"");
    program_result told = RUN("errors", "a", QUICK); // of all rows, with nothing to warn of
    cr_expect(!strstr(told.out, "Runs of a part") && !strstr(told.out, "Rows of the bundled"), "%s",
              told.out);
    MUST(file_remove(temporary_path(place)));
    expect_out(RUN("report", "--texts", "-q"), "");
    MUST(file_read((void **)&after, &bytes, temporary_path(place), 0));
    cr_expect(strstr(after, "정말 좋아요") || strstr(after, "너무 지루해요"), "no texts");
    mem_free(with);
    mem_free(after);
    // the newest run of ./runs has one of that name
    expect_error(RUN("run", "--task", "mine", QUICK), 2, "unknown task 'mine'");
    expect_error(RUN("eval", "-c", "a", "--test-file", "시험.csv", QUICK), 2,
                 "--test-file needs --train-file");
    // its run's manifest comes before one that is here, and fetches nothing
    change_kept(temporary_path("a/run.json"), "manifest", "\"path\":\t\"",
                "\"url\":\t\"https://example.org/", NULL);
    expect_out(RUN("eval", "-c", "a", QUICK), "mine  a ");
    MUST(file_rename_durable(temporary_path("\u1102\u1162 글.csv"), temporary_path("weg.csv")));
    setenv("HARNESS_TASKS", temporary_path("later"), 1);
    expect_error(RUN("eval", "-c", "a", QUICK), 1, "and a/run.json says that it lies there");
    unsetenv("HARNESS_TASKS");
    // of an older program
    cJSON *root = NULL;
    MUST(json_read(&root, temporary_path("a/run.json"), 0));
    cJSON_DeleteItemFromObject(root, "manifest");
    MUST(json_write(temporary_path("a/run.json"), root));
    cJSON_Delete(root);
    expect_error(RUN("errors", "a", QUICK), 2,
                 "a was trained by a manifest that is not here: name its folder again, --task-dir "
                 "DIR or $HARNESS_TASKS: unknown task 'mine'");
}

/* Files that have a name alone are found where the run read them, or where they are said to be. */
Test(own_tasks, a_run_by_names_in_a_data_folder_goes_on_without_its_manifest) {
    put_files();
    expect_out(RUN("tasks", "new", FILES, "--output", "new/mine.json"), "--task-dir new");
    char *path;
    cJSON *root = NULL, *file;
    MUST(mem_strdup(&path, temporary_path("new/mine.json")));
    MUST(json_read(&root, path, 0));
    MUST(folder_make(temporary_path("data/mine")));
    cJSON_ArrayForEach(file, cJSON_GetObjectItem(root, "files")) {
        char from[PATH_MAX], to[PATH_MAX];
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(file, "name"));
        snprintf(from, sizeof from, "%s", temporary_path(name));
        snprintf(to, sizeof to, "%s/%s", temporary_path("data/mine"), name);
        MUST(file_rename_durable(from, to));
        cJSON_DeleteItemFromObject(file, "path");
        cJSON_DeleteItemFromObject(file, "sha256");
    }
    MUST(json_write(path, root));
    cJSON_Delete(root);
    mem_free(path);
    program_result p =
        RUN("run", "--task", "mine", "--task-dir", "new", "--data", "data", "--model", "m",
            "--epochs", "1", "--check-device", "never", "--seeds", "1,2", QUICK);
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    folder_list runs = {0};
    MUST(folder_list_read(&runs, temporary_path("runs/mine")));
    cr_assert_eq(runs.count, 2);
    char run[PATH_MAX], other[PATH_MAX];
    snprintf(run, sizeof run, "runs/mine/%s", runs.names[0]);
    snprintf(other, sizeof other, "runs/mine/%s", runs.names[1]);
    folder_list_free(&runs);
    MUST(file_rename_durable(temporary_path("new"), temporary_path("later")));
    for (int moved = 0; moved < 3; moved++) {
        // where the run read them, in $HARNESS_DATA, by --data
        if (moved == 1) {
            MUST(file_rename_durable(temporary_path("data"), temporary_path("elsewhere")));
            expect_error(RUN("eval", "-c", run, QUICK), 1, "or name its place with --data DIR");
            setenv("HARNESS_DATA", temporary_path("elsewhere"), 1);
        }
        if (moved == 2) unsetenv("HARNESS_DATA");
        const char *flag = moved == 2 ? "--data=elsewhere" : "-q";
        expect_out(RUN("eval", "-c", run, flag, "--offline"), "mine  runs/mine/");
        expect_out(RUN("eval", "--task", "mine", flag, "--offline"), "mine  runs/mine/");
        expect_out(RUN("data", "stats", "mine", flag), "mine");
        expect_out(RUN("errors", run, "--json", flag), "\"confused\"");
        expect_out(RUN("compare", "--texts", run, other, flag), "mine");
    }
}

/* A newer run by the manifest of that name does not hide the run from the files. */
Test(own_tasks, a_name_means_its_newest_run_by_files_or_manifest) {
    put_files();
    train("runs/own-내-글/a", "1");
    expect_out(RUN("tasks", "new", FILES, "--output", "own-내-글.json"), "--task-dir .");
    program_result p =
        RUN("run", "--task", "own-내-글", "--task-dir", ".", "--model", "m", "--epochs", "1",
            "--check-device", "never", "-o", "runs/own-내-글/b", QUICK);
    EXPECT(p, 0, out, "\n  harness report --task-dir .\n");
    expect_out(RUN("eval", "--task", "own-내-글", QUICK), "own-내-글  runs/own-내-글/b");
    expect_out(RUN("data", "stats", "own-내-글"), "own-내-글");
    p = RUN("tasks", "show", "own-내-글");
    cr_expect(strstr(p.err, "the manifest that runs/own-내-글/b was trained by"), "%s", p.err);
    // its file's name alone is no task's
    static const char *const verbs[] = {"run", "tune", "eval"};
    for (size_t i = 0; i < 3; i++)
        expect_error(RUN(verbs[i], "--task", "내 글", QUICK), 2,
                     "unknown task '내 글'; did you mean 'own-내-글'?");
    // trained again it is the files
    RUN_WELL("run", "--task", "own-내-글", "--model", "m", "--epochs", "1", "--check-device",
             "never", "-o", "c", QUICK);
    char *command = text_at("c/record.json", "command");
    cr_expect_eq(strncmp(command, "harness run --train-file ", 25), 0, "%s", command);
    mem_free(command);
    // and another test file goes with the files
    expect_out(RUN("eval", "--task", "own-내-글", "--test-file", "시험.csv", QUICK), " 8 rows");
}

/* Two runs of one name and other files: each side's folder has its own. */
Test(own_tasks, texts_of_a_comparison_are_those_of_its_runs) {
    put_files();
    train("runs/own-내-글/a", "1");
    train("runs/own-내-글/b", "2");
    put_reviews("시험.csv", 26, 8);
    train("runs/own-내-글/newer", "1");
    put_files();
    expect_out(RUN("compare", "--texts", "runs/own-내-글/a", "runs/own-내-글/b"), "own-내-글");
}

Test(own_tasks, a_model_is_scored_on_another_file) {
    put_files();
    put_reviews("다른 시험.csv", 40, 6);
    train("runs/own-내-글/a", "1");
    expect_out(RUN("eval", "--task", "own-내-글", "--test-file", "다른 시험.csv", QUICK),
               " 6 rows");
    expect_out(RUN("eval", "-c", "runs/own-내-글/a", "--test-file", "다른 시험.csv", QUICK),
               "own-내-글  runs/own-내-글/a");
    expect_error(RUN("eval", "-c", "runs/own-내-글/a", "--test-file", "다른 시험.csv",
                     "--label-column", "x", QUICK),
                 2, "--label-column goes with --train-file: a test file alone is read as the");
    expect_error(RUN("eval", "-c", "m", "--test-file", "다른 시험.csv", QUICK), 2,
                 "m: no record beside the model says which task it is of");
    // of the newest run
    expect_out(RUN("eval", "--test-file", "다른 시험.csv", QUICK), " 6 rows");
    put_reviews("\u1102\u1162 글.csv", 2, 24);
    expect_error(RUN("eval", "-c", "runs/own-내-글/a", "--test-file", "다른 시험.csv", QUICK), 1,
                 ", of what runs/own-내-글/a/run.json was trained on");
}

Test(own_tasks, the_flags_of_run_name_the_files_too) {
    put_files();
    model_folder_make(temporary_path("c"), labels, 2, NULL);
    expect_out(RUN("eval", FILES, "-c", "c", QUICK), "own-내-글  c ");
    expect_out(RUN("data", "stats", FILES), "Own files");
    expect_out(RUN("data", "head", FILES, "--split", "test", "-n", "1"), "정말 좋아요 24");
    expect_error(RUN("data", "stats", "nsmc", FILES), 2,
                 "name one task, or files of your own: harness data stats TASK");
    expect_error(RUN("eval", FILES, "--task", "nsmc", QUICK), 2,
                 "--task and --train-file exclude each other");
    expect_error(RUN("eval", "--task", "nsmc", COLUMNS, QUICK), 2,
                 "--text-column goes with --train-file");
}

Test(own_tasks, what_is_not_known_says_what_to_type) {
    expect_error(RUN("eval", "--task", "own-댓글", QUICK), 2,
                 "unknown task 'own-댓글': no finished run under ./runs keeps such files of your "
                 "own; name them again (--train-file FILE ...), or keep a manifest: harness tasks "
                 "new FILE... --output 'own-댓글.json', then --task 'own-댓글' --task-dir .");
    expect_error(RUN("run", "--task", "own-x", QUICK), 2, "harness tasks new FILE...");
    MUST(folder_make(temporary_path("runs/own-x/a")));
    temporary_put("runs/own-x/a/unfinished.json", "{}");
    expect_error(RUN("run", "--task", "own-x", QUICK), 2,
                 "task 'own-x' is of files whose run is not finished: runs/own-x/a; its own "
                 "`harness run` goes on with --resume");
    expect_error(RUN("data", "check", "nsmc"), 2, "data check; did you mean 'verify'?");
    program_result p = RUN("run", "--task", "kor_hat", "--device", "cpu");
    cr_expect_null(strstr(p.err, "by default"), "%s", p.err);
    expect_error(p, 2, "unknown task 'kor_hat'");
    expect_error(RUN("eval", "-c", "m", QUICK), 2,
                 "m: no record beside the model says which task it is of: name one with --task");
    expect_error(RUN("eval", QUICK), 1, "no finished run under ./runs");
}

Test(own_tasks, a_search_opens_no_test_file) {
    put_files();
    MUST(file_remove(temporary_path("시험.csv")));
    program_result p = RUN_WELL("tune", FILES, "--model", "m", "--lr", "1e-4,1e-3", "--epochs", "1",
                                "--output-dir", "t", "--check-device", "never", QUICK);
    cr_expect(strstr(p.out, "Next\n  harness run --train-file '\u1102\u1162 글.csv' --test-file "
                            "'시험.csv' --text-column '댓글 내용' --label-column '평가' --model m "
                            "--recipe t/recipe.json --device cpu --threads 1 --runs 5\n"),
              "%s", p.out);
    cr_expect(strstr(p.err, "all 2 trials have the same score"), "%s", p.err);
    // a recipe that is kept where nothing can be is refused before the first trial
    expect_error(
        RUN("tune", FILES, "--model", "m", "--lr", "1e-4,1e-3", "--output", "no/r.json", QUICK), 1,
        "no/r.json: cannot write: there is no folder no");
    expect_error(RUN("tune", FILES, "--task", "nsmc", "--lr", "1e-4,1e-3"), 2,
                 "--task and --train-file exclude each other");
    expect_error(RUN("tune", "--lr", "1e-4,1e-3"), 2, "or files of your own (--train-file)");
    put_reviews("시험.csv", 24, 8);
    train("runs/own-내-글/a", "1");
    p = RUN_WELL("tune", "--task", "own-내-글", "--model", "m", "--lr", "1e-4", "--epochs", "1,2",
                 "--check-device", "never", QUICK);
    cr_expect(strstr(p.out, "  harness run --train-file '\u1102\u1162 글.csv' --test-file"), "%s",
              p.out);
}

Test(own_tasks, a_folder_of_runs_names_them) {
    MUST(folder_make(temporary_path("runs/nsmc/a/model")));
    MUST(folder_make(temporary_path("runs/nsmc/b c/model")));
    MUST(folder_make(temporary_path("runs/nsmc/c/checkpoint-8/model"))); // of an unfinished run
    MUST(folder_make(temporary_path("runs/none")));
    static const char said[] =
        "runs/nsmc is not a run's folder; name one of the 2 runs below it: runs/nsmc/a, "
        "'runs/nsmc/b c'";
    expect_error(RUN("predict", "-c", "runs/nsmc", "가", QUICK), 1, said);
    expect_error(RUN("eval", "--task", "kor_hate", "--sample", "-c", "runs/nsmc", QUICK), 1, said);
    expect_error(RUN("tokenize", "-c", "runs/nsmc", "가"), 1, said);
    expect_error(RUN("errors", "runs/nsmc"), 1,
                 "runs/nsmc is not a run's folder; name the runs, as FOLDER/*: runs/nsmc/a, ");
    expect_error(RUN("predict", "-c", "runs", "가", QUICK), 1,
                 "runs is not a run's folder; name one of the 2 runs below it: runs/nsmc/a");
    expect_error(RUN("predict", "-c", "runs/none", "가", QUICK), 1, "no config.json in it");
}
#endif
