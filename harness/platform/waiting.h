/* How OpenMP's threads wait for work: they look for it for a few microseconds and then sleep, unless
 * the environment (OMP_WAIT_POLICY, GOMP_SPINCOUNT) says otherwise. To wake one takes longer than
 * many a small model's operation (virtual machines: tiny evaluated 1.3 times as many sentences so
 * as with threads that slept at once); but threads that went on spinning made training ten times
 * slower on cores that others use too.
 *
 * libgomp reads these variables when it is loaded, before main. The first functions of a program
 * run before those of its libraries, but what they add to the environment does not last; so one
 * variable that no library reads gives up its place there, and gets it back in main. LLVM's libomp,
 * which clang links and which knows no such count, reads them at the first parallel region. */
#ifndef HARNESS_PLATFORM_WAITING_H
#define HARNESS_PLATFORM_WAITING_H

/* Puts the environment in order again; built by clang, with OMP_WAIT_POLICY=passive in it. pre:
 * called once, by main, before anything reads the environment. */
void waiting_settle(void);

#endif
