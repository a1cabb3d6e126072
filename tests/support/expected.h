/* Whole outputs held against files of tests/expected. A search for words in an output misses every
 * line that it does not look for; a whole output misses none. */
#ifndef TESTS_SUPPORT_EXPECTED_H
#define TESTS_SUPPORT_EXPECTED_H

/* The text is that of tests/expected/<name>, numbers to 1e-6 of their size; otherwise the test
 * fails and shows the first line that differs. Under HARNESS_WRITE_EXPECTED=1 the file is written:
 * `git diff` then shows what changed, which is to be read before it is committed. */
void expect_output(const char *name, const char *text);

#endif
