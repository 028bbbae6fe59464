#include "common/log/grpc_log.h"

#include <grpc/support/log.h>

#include "common/log/log.h"

static void write_line(gpr_log_func_args *line)
{
    static const enum log_level levels[] = {
        [GPR_LOG_SEVERITY_DEBUG] = LOG_LEVEL_DEBUG,
        [GPR_LOG_SEVERITY_INFO] = LOG_LEVEL_INFO,
        [GPR_LOG_SEVERITY_ERROR] = LOG_LEVEL_ERROR,
    };
    LOG_AT(levels[line->severity], "grpc", line->message, LOG_STR("file", line->file), LOG_INT("line", line->line));
}

void grpc_log_redirect(void)
{
    gpr_set_log_function(write_line);
}
