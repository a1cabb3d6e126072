#define _XOPEN_SOURCE 700
#include "base/memory.h"
#include "platform/places.h"
#include "support/must.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void set(const char *name, const char *value) {
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

Test(places, a_cache_follows_the_xdg_rule) {
    const struct passwd *me = getpwuid(getuid());
    char of_table[512] = "";
    if (me) snprintf(of_table, sizeof of_table, "%s/.cache/harness/x", me->pw_dir);
    const struct {
        const char *cache, *home, *want;
    } rows[] = {
        {"/c", "/h", "/c/harness/x"},
        {"/c/", "/h", "/c//harness/x"},
        {"rel", "/h", "/h/.cache/harness/x"},
        {"./rel", "/h", "/h/.cache/harness/x"},
        {"~/c", "/h", "/h/.cache/harness/x"},
        {"", "/h", "/h/.cache/harness/x"},
        {NULL, "/h", "/h/.cache/harness/x"},
        {"/c", NULL, "/c/harness/x"},
        {NULL, NULL, of_table},
        {"rel", "", of_table},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *path;
        set("XDG_CACHE_HOME", rows[i].cache);
        set("HOME", rows[i].home);
        if (!rows[i].want[0]) continue; // this user stands in no table
        MUST(place_cache(&path, "harness/x"));
        cr_expect_str_eq(path, rows[i].want, "%zu: %s", i, path);
        mem_free(path);
    }
}

Test(places, paths_are_expanded_as_python_does) {
    setenv("HOME", "/h///", 1);
    setenv("ONE", "1", 1);
    setenv("E", "", 1);
    unsetenv("NONE");
    static const char *const rows[][2] = {
        {"~", "/h"},
        {"~/x", "/h/x"},
        {"a~/x", "a~/x"},
        {"$ONE/x", "1/x"},
        {"${ONE}x", "1x"},
        {"$ONEx", "$ONEx"},
        {"$NONE/x", "$NONE/x"},
        {"${NONE}", "${NONE}"},
        {"a$$ONE", "a$1"},
        {"${ONE", "${ONE"},
        {"$", "$"},
        {"", ""},
        {"~nobody-here/x", "~nobody-here/x"},
        {"$E$ONE", "1"},
        {"${}", "${}"},
        {"$HOME", "/h///"},
        {"~$ONE", "~1"},
    };
    size_t live = mem_live_count();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *path;
        MUST(place_expand(&path, rows[i][0]));
        cr_expect_str_eq(path, rows[i][1], "'%s' gave '%s'", rows[i][0], path);
        mem_free(path);
    }
    setenv("HOME", "/", 1);
    char *path;
    MUST(place_expand(&path, "~"));
    cr_expect_str_eq(path, "/");
    mem_free(path);
    cr_assert_eq(mem_live_count(), live);
    for (uint64_t n = 1; n < 12; n++) {
        mem_fail_at(n);
        err e = place_expand(&path, "~root/$ONE${NONE}");
        mem_fail_at(0);
        cr_expect(e == ERR_OK || e == ERR_MEMORY);
        mem_free(path);
        cr_assert_eq(mem_live_count(), live, "request %llu", (unsigned long long)n);
    }
}

Test(places, switches_are_read_as_huggingface_hub_does) {
    static const char *const yes[] = {"1", "on", "ON", "Yes", "tRuE"};
    static const char *const no[] = {"", "0", "true ", "2", "y", "off", "11"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        setenv("SWITCH", yes[i], 1);
        cr_expect(environment_is_true("SWITCH"), "%s", yes[i]);
    }
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        setenv("SWITCH", no[i], 1);
        cr_expect_not(environment_is_true("SWITCH"), "'%s'", no[i]);
    }
    unsetenv("SWITCH");
    cr_expect_not(environment_is_true("SWITCH"));
    cr_expect_null(environment("SWITCH"));
}
