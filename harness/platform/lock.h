/* Locks on files: of two processes one has it, and it ends with that process, however that ends. */
#ifndef HARNESS_PLATFORM_LOCK_H
#define HARNESS_PLATFORM_LOCK_H

#include <stdbool.h>

typedef enum lock_way {
    LOCK_MAKE, /* to be taken; made if absent */
    LOCK_OPEN, /* to be taken, if it is there */
    LOCK_LOOK  /* only to be looked at: all that is allowed with another's */
} lock_way;

typedef enum lock_state {
    LOCK_TAKEN,
    LOCK_HELD, /* by another process, or another opening of it in this one */
    LOCK_NONE  /* there are none on this file system; errno says why */
} lock_state;

/* Opens it; a link is not followed, and nothing is waited for. Its number (stream_close gives back what was taken), or -1,
 * and errno says why. */
int lock_open(const char *path, lock_way way);
lock_state lock_take(int fd);
/* Whether another has it. */
bool lock_is_held(int fd);
/* Writes into it who has it, "" in its end; a full disk leaves it empty. pre: taken. */
void lock_sign(int fd, const char *text);

/* The lock of downloads, which other programs take in the same folders (flock); waits: until it is free.
 * False: another has it, or errno says why not. */
bool lock_take_download(int fd, bool waits);

/* Opens a folder that several processes write into at once, not through a link. *alone: no other has
 * it open so, and whoever opens it waits until lock_folder_share, ten seconds at most (one that is
 * stopped holds up nobody). Its number (stream_close), or -1, and errno says why; without such locks
 * there nobody is alone. */
int lock_folder(const char *path, bool *alone);
void lock_folder_share(int fd);

#endif
