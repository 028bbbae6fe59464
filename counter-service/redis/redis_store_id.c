#include "counter-service/redis/redis_store_id.h"

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
    if (!store_id_is_valid(found)) {
        error_set(error, "Redis holds \"%s\" under key tally:store: that is no store id", redis_quote(found).text);
        return -1;
    }
    memcpy(out, found.data, STORE_ID_LEN);
    out[STORE_ID_LEN] = '\0';
    return 0;
}
