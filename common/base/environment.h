/* A list of NAME=value, as a process gets it. */
#ifndef TALLY_COMMON_BASE_ENVIRONMENT_H
#define TALLY_COMMON_BASE_ENVIRONMENT_H

#include <stddef.h>
#include <string.h>

/* environment: NULL-terminated, or NULL as clearenv() leaves it. Returns the value of the variable whose name is the
 * first name_len bytes of name and then suffix, or NULL when there is none. */
static inline const char *environment_find(char *const *environment, const char *name, size_t name_len,
                                           const char *suffix)
{
    const size_t suffix_len = strlen(suffix);
    for (char *const *entry = environment; entry != NULL && *entry != NULL; entry++) {
        if (strncmp(*entry, name, name_len) == 0 && strncmp(*entry + name_len, suffix, suffix_len) == 0 &&
            (*entry)[name_len + suffix_len] == '=') {
            return *entry + name_len + suffix_len + 1;
        }
    }
    return NULL;
}

#endif
