/* OpenMP's functions for programs that are built without it: one thread. */
#ifndef TESTS_FUZZ_SINGLE_OMP_H
#define TESTS_FUZZ_SINGLE_OMP_H

static inline int omp_get_max_threads(void) {
    return 1;
}

static inline int omp_get_thread_num(void) {
    return 0;
}

static inline void omp_set_num_threads(int threads) {
    (void)threads;
}

#endif
