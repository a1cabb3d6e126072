// Manifests: every one of ours loads, and every wrong one is refused with its key and what is
// allowed.
#define _XOPEN_SOURCE 700
#include "base/memory.h"
#include "platform/file.h"
#include "support/limits.h"
#include "support/must.h"
#include "support/program.h"
#include "task/task.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

CleanTest(manifest, all_of_ours_load_with_the_documented_headlines) {
    static const struct {
        const char *name, *headline;
        size_t labels;
    } known[] = {
        {"klue_dp", "las", 38},
        {"klue_dp_dev", "las", 38},
        {"klue_ner", "entity_f1", 13},
        {"klue_ner_dev", "entity_f1", 13},
        {"klue_nli", "accuracy", 3},
        {"klue_nli_dev", "accuracy", 3},
        {"klue_re", "relation_f1", 30},
        {"klue_sts", "pearson", 0},
        {"klue_sts_dev", "pearson", 0},
        {"klue_tc", "macro_f1", 7},
        {"klue_tc_dacon", "macro_f1", 7},
        {"kmhas", "macro_f1", 9},
        {"kmhas_small", "macro_f1", 9},
        {"kor_3i4k", "macro_f1", 7},
        {"kor_hate", "macro_f1", 3},
        {"kor_hate_bias", "macro_f1", 3},
        {"kor_hate_gender", "macro_f1", 2},
        {"kor_nli", "accuracy", 3},
        {"kor_nli_full", "accuracy", 3},
        {"kor_sae", "macro_f1", 6},
        {"kor_sarcasm", "accuracy", 2},
        {"kor_sts", "spearman", 0},
        {"korean_unsmile", "micro_f1", 10},
        {"lang_id", "macro_f1", 24},
        {"nsmc", "accuracy", 2},
        {"ud_ko_gsd", "las", 31},
        {"ud_ko_kaist", "las", 31},
    };
    enum { KNOWN = sizeof known / sizeof *known };
    size_t found = 0;
    task_catalog c;
    cr_assert_eq(task_list(&c, NULL), ERR_OK);
    for (size_t i = 0; i < c.count; i++) {
        task t;
        err e = task_load(&t, c.paths[i]);
        cr_assert_eq(e, ERR_OK, "%s", err_message(e));
        for (size_t k = 0; k < KNOWN; k++) {
            if (strcmp(t.name, known[k].name) != 0) continue;
            cr_expect_str_eq(t.headline, known[k].headline, "%s", t.name);
            cr_expect_eq(t.label_count, known[k].labels, "%s", t.name);
            found++;
        }
        for (size_t l = 0; l < t.label_count; l++) {
            const char *value = t.labels[l].value;
            cr_expect_eq(task_label_index(&t, value, strlen(value)), l);
        }
        cr_expect_eq(task_label_index(&t, "no such label", 13), t.label_count);
        task_free(&t);
    }
    cr_expect_eq(found, KNOWN);
    task_catalog_free(&c);
}

Test(manifest, unknown_names_list_the_known_and_the_nearest) {
    task t;
    task_catalog c;
    strbuf said = {0};
    MUST(task_list(&c, NULL));
    MUST(strbuf_add(&said, "unknown task 'kor_hat'; did you mean 'kor_hate'? (known: "));
    for (size_t i = 0; i < c.count; i++)
        MUST(strbuf_printf(&said, "%s%s", i ? ", " : "", c.names[i]));
    MUST(strbuf_add(&said, "; --task-dir names a folder of further ones)"));
    err e = task_find(&t, "kor_hat", NULL);
    cr_expect_eq(e, ERR_USAGE);
    cr_expect_str_eq(err_message(e), said.text);
    strbuf_free(&said);
    task_catalog_free(&c);
    e = task_find(&t, "something else entirely", NULL);
    cr_expect_eq(strncmp(err_message(e), "unknown task 'something else entirely' (known: ", 47), 0);
}

/* A manifest that is not valid is none of the known, and suggested to nobody: its file is named. */
Test(manifest, unknown_names_do_not_list_what_is_not_valid) {
    task t;
    char said[600];
    temporary_put("cut.json", "{");
    temporary_put("other.json", "{\"schema\": 1}");
    MUST_FAIL(task_find(&t, "othe", temporary_folder()), ERR_USAGE, "unknown task 'othe' (known: ");
    snprintf(said, sizeof said, "lang_id, nsmc, ud_ko_gsd, ud_ko_kaist; not valid: %s, ",
             temporary_path("cut.json"));
    cr_expect(strstr(err_message(ERR_USAGE), said), "%s", err_message(ERR_USAGE));
    cr_expect(strstr(err_message(ERR_USAGE), "/other.json)"), "%s", err_message(ERR_USAGE));
    cr_expect_null(strstr(err_message(ERR_USAGE), " cut,"), "%s", err_message(ERR_USAGE));
}

static const char whole[] =
    "{\"schema\": 1, \"name\": \"made\", \"version\": 1, \"title\": \"t\", \"source\": \"s\", "
    "\"licence\": "
    "\"l\", \"citation\": \"c\", \"files\": [{\"role\": \"train\", \"name\": \"a.csv\"}, "
    "{\"role\": "
    "\"test\", \"name\": \"b.csv\"}], \"format\": {\"kind\": \"delimited\", \"delimiter\": \",\", "
    "\"quoting\": \"standard\", \"header\": true, \"columns\": [\"text\", \"label\"], \"text\": "
    "\"text\", "
    "\"label\": \"label\"}, \"labels\": [{\"value\": \"0\", \"name\": \"no\", \"readable\": "
    "\"no\"}, "
    "{\"value\": \"1\", \"name\": \"yes\", \"readable\": \"yes\"}], \"invalid_label\": \"error\", "
    "\"split\": "
    "{\"rule\": \"files\"}, \"cleaning\": {\"drop_empty\": true, \"drop_duplicates\": true}, "
    "\"metrics\": "
    "[\"accuracy\", \"macro_f1\"], \"headline\": \"accuracy\", \"max_length\": 64}";

#define SHA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BLOB "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

#define GROUP_AT "\"citation\": \"c\","
#define GROUP(name, metrics, rest)                                                                 \
    "\"citation\": \"c\", \"group\": {" name "\"title\": \"G\", \"column\": \"A\", \"place\": 1, " \
    "\"metrics\": [" metrics "]" rest "},"
#define PUBLISHED(scores) ", \"published\": {\"source\": \"s\", \"scores\": {" scores "}}"
#define LETTERS_20 "aaaaaaaaaaaaaaaaaaaa"
#define LETTERS_100 LETTERS_20 LETTERS_20 LETTERS_20 LETTERS_20 LETTERS_20

/* One change of the whole manifest, and the message after the path. */
static const struct {
    const char *from, *to, *want;
} wrong[] = {
    {"\"schema\": 1", "\"schema\": 2", ": key 'schema' is 2, expected a whole number from 1 to 1"},
    {"\"name\": \"made\"", "\"name\": \"other\"",
     ": key 'name' is 'other', the file's name says 'made'"},
    {"\"name\": \"made\"", "\"name\": \"Made\"",
     ": key 'name' is 'Made', allowed: a-z, letters of other scripts, 0-9, '_' and '-'"},
    {"\"version\": 1,", "", ": key 'version' is missing (expected a number)"},
    {"\"title\": \"t\"", "\"title\": 4", ": key 'title' is a number, expected a string"},
    {"\"source\": \"s\"", "\"source\": \"\"", ": key 'source' is empty"},
    {"\"citation\"", "\"cite\"",
     ": unknown key 'cite' (allowed: schema, name, version, title, source, "},
    {"\"title\": \"t\"", "\"title\": \"t\", \"title\": \"u\"", ": key 'title' stands there twice"},
    {"\"role\": \"train\"", "\"role\": \"devel\"",
     ": files[0]: key 'role' is 'devel', allowed: train, test, all, dev"},
    {"\"role\": \"train\"", "\"role\": \"test\"",
     ": key 'files': with split rule 'files' there is a file of role 'train'"},
    {"\"a.csv\"", "\"../a.csv\"",
     ": files[0]: key 'name' is '../a.csv', a plain file name is expected"},
    {"\"a.csv\"", "\"a.csv\", \"url\": \"http://example.org/a\"",
     ": files[0]: key 'url' is 'http://example.org/a', an https:// address is expected"},
    {"\"a.csv\"", "\"a.csv\", \"url\": \"http://localhost.example.org/a\"",
     ": files[0]: key 'url' is 'http://localhost.example.org/a', an https:// address is expected"},
    {"\"a.csv\"", "\"a.csv\", \"sha256\": \"AB\"",
     ": files[0]: key 'sha256' is 'AB', 64 lower-case hexadecimal digits are expected"},
    {"\"a.csv\"", "\"a.csv\", \"git_blob\": \"" SHA "\"",
     ": files[0]: key 'git_blob' is '" SHA "', 40 lower-case hexadecimal digits are expected"},
    {GROUP_AT, GROUP("", "\"accuracy\"", ""), ": group: key 'name' is missing (expected a string)"},
    {GROUP_AT, GROUP("\"name\": \"A b\", ", "\"accuracy\"", ""),
     ": group: key 'name' is 'A b', allowed: a-z, letters of other scripts, 0-9, '_' and '-'"},
    {GROUP_AT, GROUP("\"name\": \"g\", ", "\"pearson\"", ""),
     ": group: key 'metrics[0]': metric 'pearson' is not for one label a row"},
    {GROUP_AT, GROUP("\"name\": \"g\", ", "", ""),
     ": group: key 'metrics' has 0 elements, 1 to 4 are allowed"},
    {GROUP_AT, GROUP("\"name\": \"g\", ", "\"accuracy\", \"macro_f1\", \"accuracy\"", ""),
     ": group: key 'metrics' has 'accuracy' twice"},
    {GROUP_AT, GROUP("\"name\": \"g\", ", "\"accuracy\"", PUBLISHED("\"\": [1]")),
     ": group: published: a model has no name"},
    {GROUP_AT, GROUP("\"name\": \"g\", ", "7", ""), ": group: key 'metrics[0]' is not a string"},
    {GROUP_AT, GROUP("\"name\": \"g\", ", "\"accuracy\"", ", \"recipe\": 3"),
     ": group: key 'recipe' is a number, expected an object"},
    {GROUP_AT, GROUP("\"name\": \"g\", ", "\"accuracy\"", PUBLISHED("\"m\": [1, 2]")),
     ": group: published: 'm' has to be a list of 1 scores in percent"},
    {GROUP_AT, GROUP("\"name\": \"g\", ", "\"accuracy\"", PUBLISHED("\"m\": [101]")),
     ": group: published: 'm' has to be a list of 1 scores in percent"},
    {GROUP_AT, GROUP("\"name\": \"g\", ", "\"accuracy\"", PUBLISHED("\"m\": [-1]")),
     ": group: published: 'm' has to be a list of 1 scores in percent"},
    {GROUP_AT,
     GROUP("\"name\": \"g\", ", "\"mcc\", \"macro_f1\"",
           PUBLISHED("\"m\": [-1, 1], \"n\": [1, -1]")),
     ": group: published: 'n' has to be a list of 2 scores in percent"},
    {GROUP_AT,
     GROUP("\"name\": \"g\", ", "\"mcc\"",
           PUBLISHED("\"" LETTERS_100 "\": [1], \"" LETTERS_100 "b\": [1]")),
     ": group: published: a model's name has 101 bytes, at most 100 are allowed"},
    {GROUP_AT, GROUP("\"name\": \"g\", ", "\"accuracy\"", PUBLISHED("\"m\": 3")),
     ": group: published: 'm' has to be a list of 1 scores in percent"},
    {GROUP_AT, GROUP("\"name\": \"g\", ", "\"accuracy\"", PUBLISHED("\"m\": [1], \"m\": [2]")),
     ": group: published: 'm' stands there twice"},
    {"\"a.csv\"", "\"a.csv\", \"bytes\": -1",
     ": files[0]: key 'bytes' is -1, expected a whole number from 1 to 4294967295"},
    {"\"a.csv\"", "\"a.csv\", \"sha\": \"\"",
     ": files[0]: unknown key 'sha' (allowed: role, name, path, url, bytes, sha256, git_blob, "
     "rows, label)"},
    {"[{\"role\": \"train\", \"name\": \"a.csv\"}, {", "[3, {", ": files[0] is not an object"},
    {"\"delimited\"", "\"excel\"",
     ": format: key 'kind' is 'excel', allowed: delimited, jsonl, json"},
    {"\"delimiter\": \",\"", "\"delimiter\": \" \"",
     ": format: key 'delimiter' is ' ', allowed: ,, \\t, ;, |"},
    {"\"standard\"", "\"some\"", ": format: key 'quoting' is 'some', allowed: none, standard"},
    {"\"header\": true", "\"header\": 1",
     ": format: key 'header' is a number, expected true or false"},
    {"\"columns\": [\"text\", \"label\"]", "\"columns\": [\"text\", \"text\"]",
     ": format: key 'columns' has 'text' twice"},
    {"\"columns\": [\"text\", \"label\"]", "\"columns\": [\"id\", \"label\"]",
     ": format: key 'text' is 'text', which is no column (columns: id, label)"},
    {"\"text\": \"text\"", "\"text\": \"label\"",
     ": format: keys 'text' and 'label' are both 'label'"},
    {"\"text\": \"text\"", "\"text\": \"text\", \"text_pair\": \"text\"",
     ": format: keys 'text' and 'text_pair' are both 'text'"},
    {"\"text\": \"text\"", "\"text\": \"text\", \"text_pair\": \"label\"",
     ": format: keys 'text_pair' and 'label' are both 'label'"},
    {"\"kind\": \"delimited\"", "\"kind\": \"jsonl\"",
     ": format: unknown key 'delimiter' (allowed: kind, text, text_pair, label, label_separator, "
     "subject, object)"},
    {", {\"value\": \"1\", \"name\": \"yes\", \"readable\": \"yes\"}]", "]",
     ": key 'labels' has 1 elements, 2 to 4096 are allowed"},
    {"\"value\": \"1\"", "\"value\": \"0\"", ": labels[0] and labels[1] share a value or a name"},
    {"\"name\": \"yes\"", "\"name\": \"no\"", ": labels[0] and labels[1] share a value or a name"},
    // what nobody can see is no difference: of zero width, of direction, and jamo for syllables
    {"\"name\": \"yes\"", "\"name\": \"no\\u200b\"", ": labels[0] and labels[1] look alike, 'no'"},
    {"\"value\": \"1\"", "\"value\": \"\\u200f0\"",
     ": labels[0] and labels[1] look alike, 'no': their values differ only in letters that do not "
     "show"},
    {"\"name\": \"no\", \"readable\": \"no\"}, {\"value\": \"1\", \"name\": \"yes\"",
     "\"name\": \"각\", \"readable\": \"no\"}, {\"value\": \"1\", \"name\": "
     "\"\u1100\u1161\u11A8\"",
     ": labels[0] and labels[1] look alike, '각'"},
    {"\"name\": \"made\"", "\"name\": \"\u1100\u1161\"",
     ": key 'name' is '\u1100\u1161' spelt in single letters (NFD), its syllables are expected "
     "(NFC), in the file's name too"},
    {"{\"role\": \"test\", \"name\": \"b.csv\"}",
     "{\"role\": \"test\", \"name\": \"b.csv\"}, {\"role\": \"train\", \"name\": \"a.csv\"}",
     ": files[2]: 'a.csv' is files[0] already"},
    {"\"b.csv\"", "\"a.csv\"", ": files[1]: 'a.csv' is files[0] already"},
    {"\"a.csv\"}, {\"role\": \"test\", \"name\": \"b.csv\"",
     "\"a.csv\", \"sha256\": \"" SHA "\"}, {\"role\": \"test\", \"name\": \"b.csv\", \"sha256\": "
     "\"" SHA "\"",
     ": files[1]: 'b.csv' has the sha256 of files[0], 'a.csv'"},
    {"\"a.csv\"}, {\"role\": \"test\", \"name\": \"b.csv\"",
     "\"a.csv\", \"git_blob\": \"" BLOB "\"}, {\"role\": \"test\", \"name\": \"b.csv\", "
     "\"git_blob\": \"" BLOB "\"",
     ": files[1]: 'b.csv' has the git_blob of files[0], 'a.csv'"},
    {"\"a.csv\"}, {\"role\": \"test\", \"name\": \"b.csv\"",
     "\"a.csv\", \"path\": \"x/y\"}, {\"role\": \"test\", \"name\": \"b.csv\", \"path\": \"x/y\"",
     ": files[1]: 'b.csv' has the path of files[0], 'a.csv'"},
    {"[\"accuracy\", \"macro_f1\"]", "[\"accuracy\", \"macro_f1\", \"accuracy\"]",
     ": key 'metrics' has 'accuracy' twice"},
    {"[\"accuracy\", \"macro_f1\"]", "[]", ": key 'metrics' has 0 elements, 1 to "},
    {"\"drop_empty\": true", "\"drop_empty\": true, \"drop_empty\": true",
     ": cleaning: key 'drop_empty' stands there twice"},
    {"\"title\": \"t\"", "\"title\": \"\\ud800\"",
     ":1:55: a lone surrogate: its second half lacks"},
    {"\"title\": \"t\"", "\"title\": \"\\u0000\"", ":1:55: a 0 byte in JSON text, written \\u0000"},
    {"\"value\": \"1\"", "\"value\": 1", ": labels[1]: key 'value' is a number, expected a string"},
    {"\"error\"", "\"ignore\"", ": key 'invalid_label' is 'ignore', allowed: error, drop"},
    {"{\"rule\": \"files\"}", "{\"rule\": \"random\"}",
     ": split: key 'rule' is 'random', allowed: files, hash"},
    {"{\"rule\": \"files\"}", "{\"rule\": \"hash\", \"one_in\": 1}",
     ": split: key 'one_in' is 1, expected a whole number from 2 to 1000"},
    {"{\"rule\": \"files\"}", "{\"rule\": \"hash\", \"one_in\": 5}",
     ": key 'files': with split rule 'hash' there is one, and every file has role 'all' (found 1 "
     "train, 1 test, 0 "
     "all)"},
    {"{\"rule\": \"files\"}",
     "{\"rule\": \"files\"}, \"sample_split\": {\"rule\": \"hash\", \"one_in\": 5}",
     ": key 'sample_split' has another rule than 'split'"},
    {"\"drop_empty\": true, ", "",
     ": cleaning: key 'drop_empty' is missing (expected true or false)"},
    {"\"macro_f1\"]", "\"f2\"]", ": key 'metrics[1]': "},
    {"\"headline\": \"accuracy\"", "\"headline\": \"mcc\"",
     ": key 'headline' is 'mcc', which is not in 'metrics'"},
    {"\"max_length\": 64", "\"max_length\": 513",
     ": key 'max_length' is 513, expected a whole number from 3 to 512"},
    {"64}", "64", ":1:"},
};

/* A copy of whole with the first `from` replaced. Owned. */
static char *changed(const char *from, const char *to) {
    char *text;
    const char *at = strstr(whole, from);
    cr_assert_not_null(at, "%s", from);
    cr_assert_eq(mem_printf(&text, "%.*s%s%s", (int)(at - whole), whole, to, at + strlen(from)),
                 ERR_OK);
    return text;
}

CleanTest(manifest, wrong_ones_name_file_key_found_and_allowed) {
    char folder[] = "/tmp/harness-test-XXXXXX", path[64];
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/made.json", folder);
    task t;
    cr_assert_eq(file_write_quick(path, whole, sizeof whole - 1), ERR_OK);
    err e = task_load(&t, path);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
    task_free(&t);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *text = changed(wrong[i].from, wrong[i].to);
        cr_assert_eq(file_write_quick(path, text, strlen(text)), ERR_OK);
        mem_free(text);
        e = task_load(&t, path);
        const char *message = err_message(e);
        cr_expect_eq(e, ERR_FORMAT, "%s: %s", wrong[i].to, message);
        cr_expect_eq(strncmp(message, path, strlen(path)), 0, "%s", message);
        message += strlen(path);
        cr_expect_eq(strncmp(message, wrong[i].want, strlen(wrong[i].want)), 0,
                     "\n got %s\nwant %s", message, wrong[i].want);
        task_free(&t);
    }
    // of a rule that asks for one role alone none is not enough
    char *hash = changed("{\"rule\": \"files\"}", "{\"rule\": \"hash\", \"one_in\": 5}"), *text;
    const char *files = strstr(hash, "\"files\": ["), *stop = files ? strstr(files, "}]") : NULL;
    cr_assert(stop, "%s", hash);
    MUST(mem_printf(&text, "%.*s\"files\": [%s", (int)(files - hash), hash, stop + 1));
    MUST(file_write_quick(path, text, strlen(text)));
    MUST_FAIL(task_load(&t, path), ERR_FORMAT, "found 0 train, 0 test, 0 all");
    task_free(&t);
    mem_free(text);
    mem_free(hash);
    cr_assert_eq(folder_remove(folder), ERR_OK);
}

Test(manifest, a_users_folder_comes_first) {
    char folder[] = "/tmp/harness-test-XXXXXX", path[64];
    task t;
    cr_assert(mkdtemp(folder));
    err e = task_find(&t, "made", folder);
    cr_expect_eq(e, ERR_USAGE);
    snprintf(path, sizeof path, "%s/made.json", folder);
    cr_assert_eq(file_write_quick(path, whole, sizeof whole - 1), ERR_OK);
    e = task_find(&t, "made", folder);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
    cr_expect_str_eq(t.folder, folder);
    cr_expect_str_eq(t.data_folder, "made");
    task_free(&t);
    cr_assert_eq(task_find(&t, "nsmc", folder), ERR_OK);
    task_free(&t);
    cr_assert_eq(folder_remove(folder), ERR_OK);
    e = task_find(&t, "nsmc", folder);
    cr_expect_eq(e, ERR_IO, "a folder that is named has to be there");
}

/* Folders of HARNESS_TASKS: before what comes with the program, in their order, behind a folder that
 * a flag names; an empty place between colons is none. */
Test(manifest, folders_of_the_environment_are_looked_into) {
    char folder[3][32], path[64], list[128];
    task t;
    for (size_t i = 0; i < 3; i++) {
        snprintf(folder[i], sizeof folder[i], "/tmp/harness-test-XXXXXX");
        cr_assert(mkdtemp(folder[i]));
        snprintf(path, sizeof path, "%s/%s.json", folder[i], i == 2 ? "other" : "made");
        cr_assert_eq(file_write_quick(path, whole, sizeof whole - 1), ERR_OK);
    }
    snprintf(list, sizeof list, "%s::%s", folder[1], folder[2]);
    setenv("HARNESS_TASKS", list, 1);
    // an editor's copy is no task
    snprintf(path, sizeof path, "%s/.made.json", folder[1]);
    cr_assert_eq(file_write_quick(path, "{", 1), ERR_OK);
    task_catalog c = {0};
    cr_assert_eq(task_list(&c, NULL), ERR_OK);
    for (size_t i = 0; i < c.count; i++) cr_expect_neq(*c.names[i], '.', "%s", c.names[i]);
    task_catalog_free(&c);
    cr_assert_eq(task_find(&t, "made", NULL), ERR_OK, "%s", err_message(ERR_USAGE));
    cr_expect_str_eq(t.folder, folder[1]);
    task_free(&t);
    cr_assert_eq(task_find(&t, "made", folder[0]), ERR_OK);
    cr_expect_str_eq(t.folder, folder[0]);
    task_free(&t);
    // found, and then refused for the name inside
    cr_expect_eq(task_find(&t, "other", NULL), ERR_FORMAT);
    cr_expect(strstr(err_message(ERR_FORMAT), folder[2]), "%s", err_message(ERR_FORMAT));
    task_free(&t);
    snprintf(list, sizeof list, "%s:/nowhere/at/all", folder[1]);
    setenv("HARNESS_TASKS", list, 1);
    cr_expect_eq(task_find(&t, "made", NULL), ERR_IO);
    cr_expect(strstr(err_message(ERR_IO), "HARNESS_TASKS: "), "%s", err_message(ERR_IO));
    unsetenv("HARNESS_TASKS");
    for (size_t i = 0; i < 3; i++) cr_assert_eq(folder_remove(folder[i]), ERR_OK);
}

/* A manifest whose first `list` is replaced by start, `count` elements of the format, and end. */
static err load_long(task *t, const char *path, const char *list, const char *start,
                     const char *element, size_t count, const char *end) {
    strbuf text = {0};
    err e = strbuf_add(&text, start);
    for (size_t i = 0; i < count && !e; i++) {
        char one[8192];
        // an element names its number once, twice or not at all
        int n = snprintf(one, sizeof one, "%s", i && *element != '[' ? ", " : "");
        for (const char *p = element; *p; p++)
            n += *p == '#' ? snprintf(one + n, sizeof one - (size_t)n, "%zx", i)
                           : snprintf(one + n, sizeof one - (size_t)n, "%c", *p);
        e = strbuf_add(&text, one);
    }
    if (!e) e = strbuf_add(&text, end);
    cr_assert_eq(e, ERR_OK);
    char *manifest = changed(list, text.text);
    cr_assert_eq(file_write_quick(path, manifest, strlen(manifest)), ERR_OK);
    mem_free(manifest);
    strbuf_free(&text);
    return task_load(t, path);
}

#define TIMES_10(text) text text text text text text text text text text

Test(manifest, long_lists_cost_what_their_length_says) {
    char folder[] = "/tmp/harness-test-XXXXXX", path[64];
    static const struct {
        const char *list, *start, *element;
        size_t count;
        const char *end, *want; // NULL: loads
    } cases[] = {
        {"[\"text\", \"label\"]", "[\"text\", \"label\", ", "\"#\"", 100000, "]",
         ": format: key 'columns' has 100002 elements, 0 to 4096 are allowed"},
        {"[\"text\", \"label\"]", "[\"text\", ", "\"#\"", 4094, ", \"label\"]", NULL},
        {"[\"text\", \"label\"]", "[\"text\", \"label\", ", "\"#\"", 4093, ", \"7ff\"]",
         ": format: key 'columns' has '7ff' twice"},
        {"[{\"value\"", "[", "{\"value\": \"#\", \"name\": \"n#\", \"readable\": \"r\"}", 4097,
         ", {\"value\"", ": key 'labels' has 4099 elements, 2 to 4096 are allowed"},
        {"[{\"value\": \"0\", ", "[", "{\"value\": \"v#\", \"name\": \"n#\", \"readable\": \"r\"}",
         4094, ", {\"value\": \"0\", ", NULL},
        {"[{\"value\": \"0\", ", "[", "{\"value\": \"#\", \"name\": \"n#\", \"readable\": \"r\"}",
         4094, ", {\"value\": \"0\", ", ": labels[0] and labels[4094] share a value or a name"},
        {"[{\"value\": \"0\", ", "[",
         "{\"value\": \"v#\", \"name\": \"n#\", \"readable\": \"" TIMES_10(TIMES_10("long")) "\"}",
         4094, ", {\"value\": \"0\", ", NULL},
        {"[{\"value\": \"0\", ", "[",
         "{\"value\": \"v#\", \"name\": \"" TIMES_10(
             TIMES_10("ever longer, so that it is a text")) "\"}",
         4094, ", {\"value\": \"0\", ", ": larger than the 8388608 bytes allowed"},
        {"[{\"role\"", "[", "{\"role\": \"train\", \"name\": \"#\"}", 20000, ", {\"role\"",
         ": key 'files' has 20002 elements, 0 to 256 are allowed"},
        {"[\"accuracy\", \"macro_f1\"]", "[", "\"accuracy\"", 70000, "]",
         ": key 'metrics' has 70000 elements"},
        {"\"title\": \"t\"", "\"title\": \"t\", ", "\"k#\": 1", 70000, "",
         ": unknown key 'k0' (allowed: "},
        {"\"title\": \"t\"", "\"title\": \"t\", ", "\"title\": 1", 70000, "",
         ": key 'title' stands there twice"},
        {"\"title\": \"t\"", "\"title\": \"t\", \"x\": ", "[", 100000, "",
         ":1:1063: nested too deeply"},
    };
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/made.json", folder);
    limits_hostile();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        task t;
        size_t live = mem_live_count();
        err e = load_long(&t, path, cases[i].list, cases[i].start, cases[i].element, cases[i].count,
                          cases[i].end);
        const char *message = err_message(e);
        cr_expect_eq(e, cases[i].want ? ERR_FORMAT : ERR_OK, "case %zu: %s", i, message);
        if (cases[i].want) {
            const char *want = cases[i].want;
            cr_expect_eq(strncmp(message + strlen(path), want, strlen(want)), 0,
                         "\n got %s\nwant %s", message, want);
        }
        for (size_t l = 0; !e && l < t.label_count; l++) {
            const char *value = t.labels[l].value;
            cr_assert_eq(task_label_index(&t, value, strlen(value)), l, "label %s", value);
        }
        // a part of a value is not the value
        if (!e) cr_expect_eq(task_label_index(&t, "v", 1), t.label_count);
        task_free(&t);
        cr_assert_eq(mem_live_count(), live);
    }
    cr_assert_eq(folder_remove(folder), ERR_OK);
}
