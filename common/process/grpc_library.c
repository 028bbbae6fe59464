#include "common/process/grpc_library.h"

#include <stdlib.h>

#include <grpc/grpc.h>

#include "common/base/clock.h"
#include "common/log/grpc_log.h"

enum { LOOK_INTERVAL_MS = 2 };

/* Debian 12's c-ares leaks with each look-up of a host name that gRPC does with it. The user's own choice stands. */
static void choose_resolver(void)
{
    setenv("GRPC_DNS_RESOLVER", "native", 0);
}

void grpc_library_prepare(void)
{
    choose_resolver();
    grpc_log_redirect();
}

bool grpc_library_wait_for_end(int64_t timeout_ms)
{
    const int64_t deadline_us = clock_monotonic_us() + timeout_ms * 1000;
    while (grpc_is_initialized()) {
        if (clock_monotonic_us() >= deadline_us) {
            return false;
        }
        clock_sleep_ms(LOOK_INTERVAL_MS);
    }
    return true;
}
