/* harness devices: every device of this machine, what it can do, and which is the default and
 * why. */
#include "base/json.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/options.h"
#include "cli/output.h"
#include "compute/device.h"
#include "platform/places.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What is printed about a device: the one that runs, and whether --device named it. */
typedef struct choice {
    const device_info *chosen;
    bool is_named;
} choice;

// Why a device is the default, or what asking for it takes.
static const char *reason(const device_info *d, choice c) {
    if (d == c.chosen && c.is_named) return "what --device names";
    if (d == c.chosen) {
        if (d->class > CLASS_VIRTUAL) return "the default: no GPU here that can train";
        return device_order()
                   ? "the default: the first GPU of those that the environment puts in order"
                   : "the default: the best class of GPU here";
    }
    if (d->is_unfit) return "left out: no training on it";
    switch (d->class) {
    case CLASS_SOFTWARE: return "a driver that runs on the CPU: used only when named";
    case CLASS_REFERENCE: return "the oracle of verify, f64 and slow: used only when named";
    case CLASS_NATIVE_CPU: return "used when named";
    default:
        return !c.is_named && c.chosen && d->class == c.chosen->class ? "as good as the default, "
                                                                        "listed later"
                                                                      : "used when named";
    }
}

static err add_json(cJSON *array, const device_info *d, choice c) {
    cJSON *o;
    err e = json_append_object(&o, array);
    if (!e)
        e = json_put(o,
                     "index %f threads %u memory_bytes %f max_buffer_bytes %f max_binding_bytes %f "
                     "max_workgroup %u max_shared_bytes %u subgroup_size %u",
                     (double)d->index, d->threads, (double)d->memory_bytes,
                     (double)d->max_buffer_bytes, (double)d->max_binding_bytes, d->max_workgroup,
                     d->max_shared_bytes, d->subgroup_size);
    if (!e)
        e = json_put(o,
                     "name %s class %s kind %s driver %s version %s uuid %s isa %s libraries %s "
                     "kernels %s why %s fault %s",
                     d->name, device_class_name(d->class), device_record_kind(d), d->driver,
                     d->version, d->uuid, d->isa, d->libraries, d->kernels, reason(d, c), d->fault);
    if (e) return e;
    return json_put(o, "has_f16 %d has_bf16 %d bf16_lacks %s has_matrix %d is_default %d",
                    d->has_f16, d->has_bf16, d->bf16_lacks, d->has_matrix, d == c.chosen);
}

static err print_json(const device_info *list, size_t count, choice c, const char *note) {
    cJSON *root = cJSON_CreateObject(), *devices;
    err e = json_add_array(&devices, root, "devices");
    for (size_t i = 0; !e && i < count; i++) e = add_json(devices, &list[i], c);
    cJSON *variables;
    if (!e) e = json_add_object(&variables, root, "environment");
    for (const char *const *name = device_variables; *name && !e; name++)
        if (environment(*name)) e = json_add_string(variables, *name, environment(*name));
    if (!e) e = json_add_string(root, "note", *note ? note : NULL);
    return output_json_last(e, root, true);
}

// "23.4 GiB", "128 MiB"; a dash where the device names no limit.
static void format_bytes(char out[SHOWN_SIZE_BYTES], uint64_t bytes) {
    if (!bytes || bytes >= (uint64_t)1 << 60)
        snprintf(out, SHOWN_SIZE_BYTES, "-");
    else if (bytes >= (uint64_t)1 << 30)
        snprintf(out, SHOWN_SIZE_BYTES, "%.1f GiB", (double)bytes / 1073741824.0);
    else
        shown_memory(out, bytes);
}

// "     driver   NVIDIA  550.1"
static PRINTF_LIKE(2, 3) void print_fact(const char *title, const char *format, ...) {
    char label[24], text[1024];
    va_list args;
    va_start(args, format);
    shown_vsnprintf(text, sizeof text, SHOWN_TERMINAL, format, args);
    va_end(args);
    snprintf(label, sizeof label, "     %-8s ", title);
    shown_wrapped(label, text);
}

static void print_device(const device_info *d, choice c) {
    char memory[SHOWN_SIZE_BYTES], allocation[SHOWN_SIZE_BYTES], binding[SHOWN_SIZE_BYTES];
    format_bytes(memory, d->memory_bytes);
    format_bytes(allocation, d->max_buffer_bytes);
    format_bytes(binding, d->max_binding_bytes);
    char head[16];
    snprintf(head, sizeof head, "%c %-2u ", d == c.chosen ? '*' : ' ', d->index);
    output_labelled(head, d->name);
    print_fact("class", "%s; %s", device_class_name(d->class), reason(d, c));
    if (*d->fault) print_fact("fault", "%s", d->fault);
    if (*d->driver || *d->version) print_fact("driver", "%s  %s", d->driver, d->version);
    if (*d->uuid) print_fact("uuid", "%s", d->uuid);
    print_fact("memory", "%s; largest allocation %s, largest binding %s", memory, allocation,
               binding);
    char limits[96] = "", threads[32] = "";
    if (d->subgroup_size)
        snprintf(limits, sizeof limits, ", workgroups of %u, %u KiB shared, subgroups of %u",
                 d->max_workgroup, d->max_shared_bytes / 1024, d->subgroup_size);
    if (d->kind == DEVICE_CPU)
        snprintf(threads, sizeof threads, ", %u thread%s", d->threads, shown_plural(d->threads));
    print_fact("compute", "%s%s%s%s%s%s%s%s", *d->isa ? d->isa : "f64", *d->kernels ? ", " : "",
               d->kernels, *d->kernels ? " kernels" : "", limits, threads,
               *d->libraries ? ", " : "", d->libraries);
    if (d->kind == DEVICE_CPU && *d->bf16_lacks)
        print_fact("bf16", "slower than fp32; missing: %s", d->bf16_lacks);
    if (d->kind == DEVICE_CPU && !*d->bf16_lacks) print_fact("bf16", "faster than fp32");
    if (d->kind == DEVICE_VULKAN)
        print_fact("has", "16-bit floats: %s, bfloat16: %s, matrix cores: %s",
                   d->has_f16 ? "yes" : "no", d->has_bf16 ? "yes" : "no",
                   d->has_matrix ? "yes" : "no");
}

err verb_devices(const options *o) {
    device_info *list;
    size_t count;
    const char *note;
    choice c = {.is_named = o->has_device};
    err e = device_list_for(&list, &count, &note, o->device);
    if (e) return e;
    e = device_select(&c.chosen, list, count, o->device);
    if (e && c.is_named) {
        if (*note) e = err_set(e, "%s; %s", err_message(e), note);
        goto done;
    }
    if (e) err_clear(); // no default is no failure here
    e = ERR_OK;
    if (o->json) {
        e = print_json(list, count, c, note);
        goto done;
    }
    for (size_t i = 0; i < count; i++) print_device(&list[i], c);
    if (c.chosen) {
        printf("\n");
        shown_wrapped(c.is_named ? "* is named; " : "* is the default; ",
                      "--device takes cpu, an index, or part of a name or UUID");
    } else {
        printf("\nNo default: name one with --device\n");
    }
    if (*note) shown_out("%s\n", note);
    for (const char *const *name = device_variables; *name; name++)
        if (environment(*name)) shown_line("environment: %s=%s", *name, environment(*name));
done:
    mem_free(list);
    return e;
}
