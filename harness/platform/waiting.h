/* How OpenMP's threads wait for work: asleep, unless the environment (OMP_WAIT_POLICY,
 * GOMP_SPINCOUNT) says otherwise. Spinning made training ten times slower on cores that others use
 * too.
 *
 * libgomp reads these variables when it is loaded, before main. The first functions of a program
 * run before those of its libraries, but what they add to the environment does not last; so one
 * variable that no library reads gives up its place there, and gets it back in main. */
#ifndef HARNESS_PLATFORM_WAITING_H
#define HARNESS_PLATFORM_WAITING_H

/* Puts the environment in order again, with OMP_WAIT_POLICY in it for runtimes that read it later,
 * and for children. pre: called once, by main, before anything reads the environment. */
void waiting_settle(void);

#endif
