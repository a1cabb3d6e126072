/* Names of processors from what kernels write of them. */
#include "platform/processor.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *name_of(const char *cpuinfo, uint32_t midr, const char *board) {
    static char name[64];
    processor_name_from(name, sizeof name, cpuinfo, midr, board);
    return name;
}

#define CORE(part)                                                                                 \
    "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: " part "\nCPU revision\t: 1\n\n"

Test(processor, model_name_of_x86) {
    cr_expect_str_eq(
        name_of("processor\t: 0\nmodel\t\t: 207\nmodel name\t: A Processor\nstepping\t: 2\n"
                "model name\t: Another\n",
                0, ""),
        "A Processor");
    cr_expect_str_eq(name_of("", 0, ""), "CPU");
}

Test(processor, cores_of_arm64) {
    cr_expect_str_eq(name_of(CORE("0xd0c") CORE("0xd0c"), 0, ""), "ARM Neoverse-N1");
    cr_expect_str_eq(name_of(CORE("0xd05") CORE("0xd05") CORE("0xd0b"), 0x411fd070, ""),
                     "ARM Cortex-A55 + ARM Cortex-A76");
    cr_expect_str_eq(name_of(CORE("0xd0b"), 0, "Raspberry Pi 5 Model B Rev 1.0"),
                     "ARM Cortex-A76 (Raspberry Pi 5 Model B Rev 1.0)");
}

Test(processor, a_register_in_place_of_a_text) {
    // an emulator shows the text of the machine that it runs on
    cr_expect_str_eq(name_of("model name\t: A Processor\n", 0x411fd070, ""), "ARM Cortex-A57");
    cr_expect_str_eq(name_of("", 0xc00fac30, ""), "Ampere Ampere-1");
}

Test(processor, unknown_cores) {
    cr_expect_str_eq(name_of(CORE("0xfff"), 0, ""), "ARM part 0xfff");
    cr_expect_str_eq(name_of("CPU implementer : 0x99\nCPU part : 0x12\n", 0, ""),
                     "implementer 0x99 part 0x012");
}

Test(processor, long_names_are_cut) {
    char name[16];
    processor_name_from(name, sizeof name, CORE("0xd0b") CORE("0xd05"), 0, "Some long board");
    cr_expect_str_eq(name, "ARM Cortex-A76 ");
}
