/* Drivers are other people's code in this process: one that aborts, crashes or exits takes the
 * program with it. What can be done is to say which one it was, and how to do without it. */
#include "compute/vulkan/vulkan_internal.h"
#include "platform/crash.h"

#include <stdatomic.h>
#include <string.h>

enum { DRIVERS_BYTES = 700 };

static const char *_Atomic doing; // NULL: no driver is at work
static char drivers[DRIVERS_BYTES];

const char vulkan__at_work[] = "a Vulkan device was at work";

static bool tell(const char *how) {
    const char *what = atomic_exchange(&doing, NULL);
    bool is_exit = strcmp(how, "exit") == 0;
    if (!what || (is_exit && what == vulkan__at_work)) return false;
    const char *library = crash_culprit();
    if (!library && what == vulkan__at_work) return false; // this program's own fault
    crash_say("harness: ");
    crash_say(library ? "the Vulkan driver " : "a Vulkan driver");
    crash_say(library ? library : "");
    crash_say(" ended the program (");
    crash_say(how);
    crash_say(") while ");
    crash_say(what);
    crash_say("; drivers: ");
    crash_say(drivers);
    crash_say("; `harness VERB --device cpu` does without Vulkan\n");
    return is_exit;
}

static void install(void) {
    static bool is_installed;
    if (is_installed) return;
    is_installed = true;
    vulkan__drivers(drivers, sizeof drivers);
    crash_watch(tell, "libvulkan.so");
}

const char *vulkan__guard(const char *what) {
    install();
    return atomic_exchange(&doing, what);
}
