#include "common/profile/thread_names.h"

#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 64 };

static void read_name(pid_t id, char out[THREAD_NAME_SIZE])
{
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "/proc/self/task/%d/comm", (int)id);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(out, THREAD_NAME_SIZE, file) == NULL) {
        snprintf(out, THREAD_NAME_SIZE, "ended");
    }
    out[strcspn(out, "\n")] = '\0';
    if (file != NULL) {
        fclose(file);
    }
}

const char *thread_names_find(struct thread_names *names, pid_t id)
{
    size_t i = 0;
    while (i < names->count && names->threads[i].id != id) {
        i++;
    }
    if (i == THREAD_NAMES_MAX) {
        return "other";
    }
    if (i == names->count) {
        names->threads[names->count++].id = id;
        read_name(id, names->threads[i].name);
    }
    return names->threads[i].name;
}
