#include "counter-service/redis/redis_store_id.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>

#include "counter-service/redis/redis_checks.h"

const struct text redis_store_id_key = {"tally:store", 11};
const struct text redis_store_id_request = {"*2\r\n$3\r\nGET\r\n$11\r\ntally:store\r\n", 31};

int redis_store_id_make(char out[STORE_ID_SIZE], struct error *error)
{
    uint8_t random[STORE_ID_LEN / 2];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        error_set(error, "the kernel has no random numbers for a store id");
        return -1;
    }
    for (size_t i = 0; i < sizeof(random); i++) {
        snprintf(out + 2 * i, 3, "%02x", random[i]);
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
