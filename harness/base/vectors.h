/* Loops that are worth a build for wider vectors: VECTOR_CLONES before a function has the compiler
 * make several, of which the processor's runs. No result differs: products and sums are never
 * contracted (-ffp-contract=off), and lanes are an array's. Sanitizers start after the choice would
 * be made, so they get the plain build. */
#ifndef HARNESS_BASE_VECTORS_H
#define HARNESS_BASE_VECTORS_H

#if defined __x86_64__ && defined __GNUC__ && !defined __clang__ &&                                \
    !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
#define VECTOR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define VECTOR_CLONES
#endif

#endif
