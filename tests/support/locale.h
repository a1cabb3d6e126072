/* Locales that the machine does not have installed. */
#ifndef TESTS_SUPPORT_LOCALE_H
#define TESTS_SUPPORT_LOCALE_H

/* Makes the locale `source`.`charmap`, such as tr_TR and ISO-8859-9 (which takes a third of the
 * time of UTF-8), below the test's temporary folder and returns the folder for LOCPATH; skips the
 * test where localedef or its sources are not to be had. */
const char *locale_made(const char *source, const char *charmap);

#endif
