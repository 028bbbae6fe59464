#include "common/base/timestamp.h"

#include <stdio.h>
#include <time.h>

void timestamp_write(int64_t realtime_us, char out[TIMESTAMP_SIZE])
{
    const time_t seconds = (time_t)(realtime_us / 1000000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    const size_t len = strftime(out, TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + len, TIMESTAMP_SIZE - len, ".%03dZ", (int)(realtime_us / 1000 % 1000));
}
