#include "counter-service/redis_clock.h"

#include "common/decimal.h"

bool redis_time_parse(struct text seconds, struct text microseconds, int64_t *ret_redis_us)
{
    const int64_t seconds_max = INT64_C(10000000000); /* three centuries: far from overflow */
    int64_t whole;
    int64_t part;
    if (!decimal_parse(seconds, &whole) || whole <= 0 || whole > seconds_max || !decimal_parse(microseconds, &part) ||
        part < 0 || part >= 1000000) {
        return false;
    }
    *ret_redis_us = whole * 1000000 + part;
    return true;
}
