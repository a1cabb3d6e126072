/* Drivers are other people's code in this process: one that aborts, crashes or exits takes the
 * program with it, and one that does not come back holds it for ever. What can be done is to say which
 * one it was, and how to do without it. */
#include "compute/vulkan/vulkan_internal.h"
#include "platform/crash.h"
#include "platform/places.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { DRIVERS_BYTES = 700, WAIT_MOST = 24 * 60 * 60 };

static const char wait_name[] = "HARNESS_DRIVER_WAIT";
static double wait_s = 120; // of eight GPUs that wake up, and of a machine that swaps

static const char *_Atomic doing; // NULL: no driver is at work
static char drivers[DRIVERS_BYTES], late[80];

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
    crash_say(strcmp(how, "no answer") == 0 ? late : how);
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
    crash_bound(0);
    return atomic_exchange(&doing, what);
}

err vulkan__guard_settle(void) {
    return environment_seconds(&wait_s, wait_name, WAIT_MOST);
}

const char *vulkan__guard_for_a_time(const char *what) {
    const char *before = vulkan__guard(what);
    snprintf(late, sizeof late, "no answer within %g s, %s", wait_s, wait_name);
    crash_bound(wait_s);
    return before;
}
