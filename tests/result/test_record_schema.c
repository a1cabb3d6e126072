/* docs/record.schema.json and the table that writes records are one: each key of either is in the
 * other, of the same type and, where it has none, as often there. tests/peer/record_schema.py holds
 * whole records against it, with a library. */
#include "platform/file.h"
#include "result/record_internal.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <string.h>

static const cJSON *at(const cJSON *object, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static bool lists(const cJSON *array, const char *text) {
    const cJSON *item;
    cJSON_ArrayForEach(item, array) {
        if (cJSON_IsString(item) && !strcmp(item->valuestring, text)) return true;
    }
    return false;
}

static const char *type_of(record_kind kind) {
    switch (kind) {
    case RECORD_WHOLE: return "integer";
    case RECORD_REAL: return "number";
    case RECORD_BOOL: return "boolean";
    case RECORD_OBJECT: return "object";
    case RECORD_ARRAY: return "array";
    default: return "string";
    }
}

static void check(const cJSON *section, const record_key *k) {
    const cJSON *property = at(at(section, "properties"), k->key), *type = at(property, "type");
    cr_assert_not_null(property, "the schema lacks %s.%s", k->section, k->key);
    if (k->kind == RECORD_PART) return;
    bool may_lack = k->kind == RECORD_TEXT_IF_ANY || k->kind == RECORD_HASH_IF_ANY;
    bool may_be_null = k->kind == RECORD_TEXT_OR_NULL || k->kind == RECORD_HASH_OR_NULL;
    cr_expect_eq(lists(at(section, "required"), k->key), !may_lack, "%s", k->key);
    if (k->choices) {
        const cJSON *choice;
        size_t length = 0;
        cJSON_ArrayForEach(choice, at(property, "enum")) {
            cr_expect_not_null(strstr(k->choices, choice->valuestring), "%s", k->key);
            length += strlen(choice->valuestring) + 1;
        }
        cr_expect_eq(length, strlen(k->choices) + 1, "%s", k->key);
        return;
    }
    const char *wanted = type_of(k->kind);
    cr_expect(may_be_null ? lists(type, wanted) && lists(type, "null")
                          : cJSON_IsString(type) && !strcmp(type->valuestring, wanted),
              "%s", k->key);
    if (k->kind != RECORD_WHOLE || k->high > UINT32_MAX) return;
    cr_expect_eq(at(property, "minimum")->valuedouble, (double)k->low, "%s", k->key);
    if (at(property, "maximum"))
        cr_expect_eq(at(property, "maximum")->valuedouble, (double)k->high, "%s", k->key);
}

/* The keys of a section that the table lacks. */
static void check_others(const cJSON *section, const char *name) {
    const cJSON *property;
    cr_expect(cJSON_IsFalse(at(section, "additionalProperties")), "%s", name);
    cJSON_ArrayForEach(property, at(section, "properties")) {
        bool known = false;
        for (size_t i = 0; i < record__key_count; i++) {
            const record_key *k = &record__keys[i];
            known = known || (!strcmp(k->section, name) && !strcmp(k->key, property->string)) ||
                    (!*name && !strcmp(k->section, property->string));
        }
        cr_expect(known, "no record has %s.%s", name, property->string);
    }
}

Test(record_schema, says_what_is_written) {
    cJSON *schema;
    MUST(json_read(&schema, HARNESS_SOURCE_DIR "/docs/record.schema.json", 0));
    const cJSON *versions = at(at(at(schema, "properties"), "schema"), "enum");
    cr_assert_eq(cJSON_GetArraySize(versions), RECORD_SCHEMA);
    for (size_t i = 0; i < record__key_count; i++) {
        const record_key *k = &record__keys[i];
        check(*k->section ? at(at(schema, "properties"), k->section) : schema, k);
        if (*k->section) {
            cr_expect(lists(at(schema, "required"), k->section), "%s", k->section);
            check_others(at(at(schema, "properties"), k->section), k->section);
        }
    }
    check_others(schema, "");
    cJSON_Delete(schema);
}
