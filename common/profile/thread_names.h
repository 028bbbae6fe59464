/* The names of the process's threads by their ids, each read once. Owned by one thread. */
#ifndef TALLY_COMMON_PROFILE_THREAD_NAMES_H
#define TALLY_COMMON_PROFILE_THREAD_NAMES_H

#include <stddef.h>
#include <sys/types.h>

enum { THREAD_NAME_SIZE = 16, THREAD_NAMES_MAX = 256 };

struct thread_names {
    size_t count;
    struct {
        pid_t id;
        char name[THREAD_NAME_SIZE];
    } threads[THREAD_NAMES_MAX];
};

/* "ended" if it is gone, "other" if there are too many. */
const char *thread_names_find(struct thread_names *names, pid_t id);

#endif
