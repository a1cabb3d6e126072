/* `devices`: what people read of a device is what programs read of it. */
#include "base/json.h"
#include "base/memory.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#if HARNESS_VULKAN
#include "platform/library.h"

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>
#endif

TestSuite(devices, .timeout = 120);

static double number(const cJSON *o, const char *key) {
    double n = 0;
    MUST(json_number(&n, o, key, "devices"));
    return n;
}

static const char *text(const cJSON *o, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, key);
    return cJSON_IsString(item) ? item->valuestring : "";
}

static const char *yes(const cJSON *o, const char *key) {
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, key)) ? "yes" : "no";
}

static const char *size(char out[32], const cJSON *o, const char *key) {
    double bytes = number(o, key);
    bool is_large = bytes >= 1073741824.0;
    snprintf(out, 32, is_large ? "%.1f GiB" : "%.0f MiB",
             bytes / (is_large ? 1073741824.0 : 1048576.0));
    if (bytes < 1 || bytes >= 1152921504606846976.0) snprintf(out, 32, "-");
    return out;
}

static void expect_facts(const char *said, const cJSON *o) {
    char sizes[3][32];
    strbuf want = {0};
    MUST(strbuf_printf(&want, "%c %-2.0f %s\n     class    %s; %s\n",
                       *yes(o, "is_default") == 'y' ? '*' : ' ', number(o, "index"),
                       text(o, "name"), text(o, "class"), text(o, "why")));
    if (*text(o, "driver") || *text(o, "version"))
        MUST(strbuf_printf(&want, "     driver   %s  %s\n", text(o, "driver"), text(o, "version")));
    if (*text(o, "uuid")) MUST(strbuf_printf(&want, "     uuid     %s\n", text(o, "uuid")));
    MUST(strbuf_printf(&want, "     memory   %s; largest allocation %s, largest binding %s\n",
                       size(sizes[0], o, "memory_bytes"), size(sizes[1], o, "max_buffer_bytes"),
                       size(sizes[2], o, "max_binding_bytes")));
    cr_expect(strstr(said, want.text), "no\n%sin:\n%s", want.text, said);
    want.length = 0;
    if (number(o, "subgroup_size") > 0)
        MUST(strbuf_printf(&want, ", workgroups of %.0f, %.0f KiB shared, subgroups of %.0f",
                           number(o, "max_workgroup"), number(o, "max_shared_bytes") / 1024,
                           number(o, "subgroup_size")));
    else
        MUST(strbuf_printf(&want, "     compute  %s", *text(o, "isa") ? text(o, "isa") : "f64"));
    cr_expect(strstr(said, want.text), "no '%s' in:\n%s", want.text, said);
    want.length = 0;
    if (!strcmp(text(o, "kind"), "cpu") && !strcmp(text(o, "class"), "native CPU"))
        MUST(strbuf_printf(&want, ", %.0f thread%s", number(o, "threads"),
                           number(o, "threads") < 2 ? "" : "s"));
    else if (*text(o, "uuid"))
        MUST(strbuf_printf(&want, "     has      16-bit floats: %s, bfloat16: %s, matrix cores: %s",
                           yes(o, "has_f16"), yes(o, "has_bf16"), yes(o, "has_matrix")));
    if (want.length) cr_expect(strstr(said, want.text), "no '%s' in:\n%s", want.text, said);
    strbuf_free(&want);
}

Test(devices, people_read_what_programs_read) {
    program_result said = RUN("devices"), told = RUN("devices", "--json");
    cJSON *root = NULL;
    const cJSON *list = NULL, *one = NULL;
    cr_assert_eq(said.exit_code + told.exit_code, 0, "%s%s", said.err, told.err);
    MUST(json_parse(&root, told.out, strlen(told.out), "devices"));
    MUST(json_array(&list, root, "devices", "devices"));
    cJSON_ArrayForEach(one, list) {
        expect_facts(said.out, one);
    }
    cr_expect_gt(cJSON_GetArraySize(list), 0);
    cJSON_Delete(root);
}

#if HARNESS_VULKAN
/* How many devices the loader has, asked without the program's code. */
static uint32_t loader_count(void) {
    void *loader = library_open("libvulkan.so.1", true);
    uint32_t count = 0;
    VkInstance instance = VK_NULL_HANDLE;
    if (!loader) return 0;
    PFN_vkGetInstanceProcAddr find = NULL;
    PFN_vkCreateInstance create = NULL;
    PFN_vkEnumeratePhysicalDevices list = NULL;
    *(void **)&find = library_find(loader, "vkGetInstanceProcAddr");
    create = (PFN_vkCreateInstance)find(NULL, "vkCreateInstance");
    const VkApplicationInfo of = {VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                  .apiVersion = VK_API_VERSION_1_1};
    const VkInstanceCreateInfo info = {VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                       .pApplicationInfo = &of};
    if (create(&info, NULL, &instance) != VK_SUCCESS) return 0;
    list = (PFN_vkEnumeratePhysicalDevices)find(instance, "vkEnumeratePhysicalDevices");
    if (list(instance, &count, NULL) != VK_SUCCESS) count = 0;
    // the instance stays: drivers keep what they need until the process ends
    return count;
}

/* Tests on a device that is not listed are skipped: a list that lost one would pass them all. */
Test(devices, all_that_the_loader_has_are_listed) {
    program_result told = RUN("devices", "--json");
    cJSON *root = NULL;
    const cJSON *list = NULL, *one = NULL;
    uint32_t count = 0;
    cr_assert_eq(told.exit_code, 0, "%s", told.err);
    MUST(json_parse(&root, told.out, strlen(told.out), "devices"));
    MUST(json_array(&list, root, "devices", "devices"));
    cJSON_ArrayForEach(one, list) {
        count += *text(one, "uuid") != '\0';
    }
    cr_expect_eq(count, loader_count(), "%s", told.out);
    cJSON_Delete(root);
}
#endif
