#include "counter-service/redis/redis_store_id.h"

#include <stdio.h>

#include "common/base/random_hex.h"
#include "counter-service/redis/redis_checks.h"

const struct text redis_store_id_key = {"tally:store", 11};
const struct text redis_store_id_request = {"*2\r\n$3\r\nGET\r\n$11\r\ntally:store\r\n", 31};

int redis_store_id_make(char out[STORE_ID_SIZE], struct error *error)
{
    if (random_hex(out, STORE_ID_LEN) != 0) {
        error_set(error, "the kernel has no random numbers for a store id");
        return -1;
    }
    return 0;
}

int redis_store_id_read(struct text found, char out[STORE_ID_SIZE], struct error *error)
{
    if (redis_check_repartition(found, error) != 0) {
        return -1;
    }
    if (!store_id_is_valid(found)) {
        error_set(error, "Redis holds \"%s\" under key tally:store: that is no store id", redis_quote(found).text);
        return -1;
    }
    memcpy(out, found.data, STORE_ID_LEN);
    out[STORE_ID_LEN] = '\0';
    return 0;
}

void redis_store_mark_put(char out[REDIS_STORE_MARK_SIZE], const char *store_id, int partitions)
{
    snprintf(out, REDIS_STORE_MARK_SIZE, "%.*s/%d", STORE_ID_LEN, store_id, partitions);
}

bool redis_store_mark_is(struct text found, const char *store_id, int partitions)
{
    char mark[REDIS_STORE_MARK_SIZE];
    const bool is_store = found.len >= STORE_ID_LEN && memcmp(found.data, store_id, STORE_ID_LEN) == 0;
    if (!is_store || found.len == STORE_ID_LEN) {
        return is_store;
    }
    redis_store_mark_put(mark, store_id, partitions);
    return partitions == 0 ? found.data[STORE_ID_LEN] == '/' : text_equal(found, text_of(mark));
}
