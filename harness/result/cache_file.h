/* Files of this program's cache: bytes that can be made again, before an end that names the build
 * that wrote them and their checksum. They lie below the user's cache folder, where no stranger's archive
 * or repository brings any. */
#ifndef HARNESS_RESULT_CACHE_FILE_H
#define HARNESS_RESULT_CACHE_FILE_H

#include "base/memory.h"

#include <stddef.h>
#include <stdint.h>

/* "<cache>/harness/report/<16 digits of the folder's real path>"; *path is owned, NULL where there
 * is no place for a cache or the program cannot tell its build. Errors: ERR_MEMORY. */
err cache_folder_of(char **path, const char *folder) MUST_CHECK;

/* Makes the cache folder, writes down which folder it is of, and removes those beside it whose folders
 * are gone. Errors: ERR_IO; ERR_MEMORY. */
err cache_folder_claim(const char *cache, const char *folder) MUST_CHECK;

/* *bytes (owned) is NULL and *size 0 where there is no such file, it is not this build's, or it is
 * damaged. Errors: ERR_MEMORY. */
err cache_file_read(uint8_t **bytes, size_t *size, const char *path) MUST_CHECK;

/* Writes it whole or not at all, making its folder; bytes get the end of such a file. Errors: ERR_IO;
 * ERR_MEMORY. */
err cache_file_write(const char *path, strbuf *bytes) MUST_CHECK;

#endif
