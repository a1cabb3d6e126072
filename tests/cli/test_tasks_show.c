/* `tasks show`: columns stand below their headings, however wide what stands in them is. */
#include "base/json.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <string.h>

static void set(cJSON *label, const char *key, size_t width) {
    char text[80] = "";
    memset(text, key[0], width);
    cJSON_DeleteItemFromObject(label, key);
    cr_assert(cJSON_AddStringToObject(label, key, text));
}

/* Where a word of a line stands; of what is not there the line's end. */
static size_t column(const char *line, const char *word) {
    const char *end = strchr(line, '\n'), *at = strstr(line, word);
    cr_assert(end && at && at < end, "no '%s' in: %.*s", word, (int)(end - line), line);
    return (size_t)(at - line);
}

Test(tasks_show, columns_of_labels_stand_below_their_headings) {
    // of what the file has and of names: shorter than the heading, as wide as the least, wider
    static const size_t widths[][2] = {{3, 30},  {3, 31}, {11, 29}, {12, 12},
                                       {12, 70}, {60, 3}, {31, 12}, {30, 60}};
    cJSON *root = NULL;
    MUST(json_read(&root, HARNESS_SOURCE_DIR "/tasks/kor_hate.json", 0));
    cJSON_DeleteItemFromObject(root, "name");
    cr_assert(cJSON_AddStringToObject(root, "name", "wide"));
    cJSON_DeleteItemFromObject(root, "group");
    cJSON *label = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "labels"), 1);
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        set(label, "value", widths[i][0]);
        set(label, "name", widths[i][1]);
        MUST(json_write(temporary_path("wide.json"), root));
        program_result r = RUN_WELL("tasks", "show", "wide", "--task-dir", temporary_folder());
        const char *heads = strstr(r.out, "  id  in the file");
        cr_assert_not_null(heads, "%s", r.out);
        const char *first = strchr(heads, '\n') + 1, *second = strchr(first, '\n') + 1;
        size_t names = column(heads, "name"), people = column(heads, "for people");
        const cJSON *other = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "labels"), 0);
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(other, "name"));
        cr_expect_eq(column(first + 9, name) + 9, names, "%s", heads);
        cr_expect_eq(column(second, "nnn"), names, "%s", heads);
        const char *last = second + people - 1;
        cr_expect(strchr(second, '\n') > last && last[0] == ' ' && last[1] != ' ', "%s", heads);
        cr_expect_eq(column(second, "vvv"), column(heads, "in the file"), "%s", heads);
    }
    cJSON_Delete(root);
}
