#include "common/process/process_limits.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

int process_limits_raise_files(int64_t *ret_limit, struct error *error)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        error_set(error, "cannot read the limit of open files: %s", strerror(errno));
        return -1;
    }
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        error_set(error, "cannot raise the limit of open files: %s", strerror(errno));
        return -1;
    }
    *ret_limit = limit.rlim_max > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_max;
    return 0;
}
