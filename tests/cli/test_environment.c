/* What surrounds the program: folders by the XDG rule, languages, revisions of hub models. */
#define _XOPEN_SOURCE 700
#include "base/ascii.h"
#include "base/memory.h"
#include "compute/device.h"
#include "net/http_internal.h"
#include "platform/file.h"
#include "platform/places.h"
#include "support/child.h"
#include "support/locale.h"
#include "support/must.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { SECONDS = 120 };

#define RUNS(setup, ...) child_run(setup, SECONDS, (const char *const[]){__VA_ARGS__, NULL})

#if HARNESS_CPU
Test(environment, a_relative_cache_home_is_ignored) {
    const char *home = temporary_path("home");
    bool gpu = need_vulkan(test_device());
    MUST(folder_make(home));
    setenv("HOME", home, 1);
    setenv("XDG_CACHE_HOME", "rel", 1);
    unsetenv("HARNESS_DATA");
    program_result r =
        RUNS(NULL, "run", "--task", "kor_hate", "--sample", "--limit", "8", "--device", "cpu",
             "--threads", "1", "--max-steps", "1", "--check-device", "always", "-o", "out");
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    cr_expect(folder_exists(temporary_path("home/.cache/harness/verified")));
    if (gpu) {
        r = RUNS(NULL, "verify", "fill", "--device", test_device());
        cr_assert_eq(r.exit_code, 0, "%s", r.err);
        folder_list list;
        bool kept = false;
        MUST(folder_list_read(&list, temporary_path("home/.cache/harness")));
        for (size_t i = 0; i < list.count; i++)
            kept = kept || strstr(list.names[i], "pipelines-") != NULL;
        folder_list_free(&list);
        cr_expect(kept, "the pipelines lie in the home folder's cache");
    }
    r = RUNS(NULL, "data", "fetch", "nsmc", "--offline");
    cr_expect_eq(r.exit_code, 1);
    cr_expect_not_null(strstr(r.err, "/home/.cache/harness/data/nsmc/"), "%s", r.err);
    r = RUNS(NULL, "tokenize", "--offline", "--model", "org/model", "x");
    cr_expect_eq(r.exit_code, 1);
    cr_expect_not_null(strstr(r.err, "/home/.cache/huggingface/hub"), "%s", r.err);
    // Mesa has a cache of its own and other rules
    cr_expect_not(folder_exists(temporary_path("rel/harness")));
    cr_expect_not(folder_exists(temporary_path("rel/huggingface")));
}
#endif

Test(environment, turkish_letters_are_no_matter) {
    const char *folder = locale_made("tr_TR", "ISO-8859-9");
    const child_setup turkish = {.locale = "tr_TR.ISO-8859-9", .locale_path = folder};
    setenv("LOCPATH", folder, 1);
    cr_assert_not_null(setlocale(LC_ALL, "tr_TR.ISO-8859-9"));
    cr_expect_neq(strcasecmp("INTEL", "intel"), 0, "the locale is really that one");
    const device_info list[2] = {
        {.class = CLASS_INTEGRATED, .name = "Intel(R) Iris(R) Xe", .index = 0},
        {.class = CLASS_DISCRETE, .name = "NVIDIA GH100", .index = 1}};
    static const char *const selectors[] = {"intel", "INTEL", "iris", "IRIS", "nvidia", "NVIDIA"};
    for (size_t i = 0; i < sizeof selectors / sizeof *selectors; i++) {
        const device_info *d;
        MUST(device_select(&d, list, 2, selectors[i]));
        cr_expect_eq(d->index, i / 4, "%s", selectors[i]);
    }
    http__call c = {.url = "https://hub.co"};
    MUST(http__header(&c, "X-LINKED-SIZE: 7\r\n", 18));
    cr_expect_eq(c.linked_bytes, 7);
    cr_expect(http__same_origin("https://WIKI.org/", "https://wiki.org/"));
    setenv("SWITCH", "TRUE", 1);
    cr_expect(environment_is_true("SWITCH"));
    setlocale(LC_ALL, "C");
    if (!need_vulkan(test_device())) return;
    char selector[64];
    snprintf(selector, sizeof selector, "%s", test_device());
    for (char *p = selector; *p; p++)
        if (*p >= 'a' && *p <= 'z') *p = (char)(*p - 'a' + 'A');
    program_result r = RUNS(&turkish, "verify", "fill", "--device", selector);
    cr_expect_eq(r.exit_code, 0, "%s", r.err);
}

Test(environment, decimal_commas_come_nowhere) {
    const char *folder = locale_made("de_DE", "ISO-8859-1");
    const child_setup german = {.locale = "de_DE.ISO-8859-1", .locale_path = folder};
    program_result plain = RUNS(NULL, "data", "stats", "kor_hate", "--sample", "--json");
    program_result there = RUNS(&german, "data", "stats", "kor_hate", "--sample", "--json");
    cr_assert_eq(there.exit_code, 0, "%s", there.err);
    cr_expect_str_eq(there.out, plain.out);
    cr_expect_not_null(strchr(plain.out, '.'), "there are fractions in it");
#if HARNESS_CPU
    // read as well: half a step's learning rate is no 0 and no error
    there = RUNS(&german, "run", "--task", "kor_hate", "--sample", "--limit", "8", "--device",
                 "cpu", "--threads", "1", "--max-steps", "1", "--lr", "0.5", "--json", "-o", "out");
    cr_assert_eq(there.exit_code, 0, "%s", there.err);
    char *record;
    size_t count;
    MUST(file_read((void **)&record, &count, temporary_path("out/record.json"), 0));
    cr_expect_not_null(strstr(record, "\"learning_rate\":\t0.5"), "%s", record);
    mem_free(record);
#endif
}

Test(environment, revisions_on_the_command_line) {
    static const struct {
        const char *arguments[9], *message;
    } rows[] = {
        {{"tokenize", "--model", "org/m@a", "--revision", "b", "x"},
         "model 'org/m@a' names its revision, and --revision 'b' another"},
        {{"tokenize", "--revision", "b", "x"}, "--revision needs --model NAME"},
        {{"tokenize", "--model", "tiny", "--revision", "b", "x"},
         "--revision goes with a model of a hub, 'tiny' is a preset"},
        {{"tokenize", "--model", "here", "--revision", "b", "x"},
         "--revision goes with a model of a hub, 'here' is a folder here"},
        {{"tokenize", "--model", "org/m", "--revision", "../b", "x"}, "'../b' is no revision"},
        {{"run", "--sample", "--task", "nsmc", "--model", "tiny@b", "--offline"},
         "did you mean 'tiny'?"},
    };
    MUST(folder_make(temporary_path("here")));
    setenv("HF_HOME", temporary_path("hub"), 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        program_result r = child_run(NULL, SECONDS, rows[i].arguments);
        cr_expect_eq(r.exit_code, 2, "%zu: %d %s", i, r.exit_code, r.err);
        cr_expect_not_null(strstr(r.err, rows[i].message), "%zu: %s", i, r.err);
    }
    static const char *const same[][8] = {
        {"tokenize", "--model", "org/m", "--revision", "v1", "--offline", "x"},
        {"tokenize", "--model", "org/m@v1", "--revision", "v1", "--offline", "x"},
        {"tokenize", "--model", "org/m@v1", "--offline", "x"},
        {"data", "stats", "kor_hate", "--sample", "--model", "org/m@v1", "--offline"}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        program_result r = child_run(NULL, SECONDS, same[i]);
        cr_expect_eq(r.exit_code, 1, "%s", r.err);
        cr_expect_not_null(strstr(r.err, "model 'org/m' (revision v1) is not whole in "), "%s",
                           r.err);
    }
}
