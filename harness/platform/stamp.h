/* Whether a file is the one that was read before, without reading it: its place on the disk, size
 * and times, as git's index has them. */
#ifndef HARNESS_PLATFORM_STAMP_H
#define HARNESS_PLATFORM_STAMP_H

#include <stdbool.h>
#include <stdint.h>

typedef struct file_stamp {
    uint64_t device, inode, size, modified_ns, changed_ns;
} file_stamp;

/* Of a regular file, or what a link leads to; zeros where there is none. */
file_stamp file_stamp_of(const char *path);

/* False of zeros. */
bool file_stamp_same(const file_stamp *a, const file_stamp *b);

/* The stamp, or zeros where the file changed so shortly before that one more change could leave it
 * the same: clocks of file systems tick in up to two seconds. To be asked of a stamp taken before
 * the file is read. */
file_stamp file_stamp_settled(file_stamp s);

/* What tells this program from every other build of it, 32 bytes: the linker's build id and the C
 * library's version. False where the linker left no id. */
bool program_id(uint8_t id[32]);

#endif
