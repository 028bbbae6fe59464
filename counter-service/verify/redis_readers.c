#include "counter-service/verify/redis_readers.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_login.h"
#include "counter-service/redis/redis_store_id.h"

enum { TOPOLOGY_WAIT_MS = 5000, LOOK_EVERY_MS = 10 };

static int out_of_memory(struct error *error)
{
    error_set(error, "out of memory");
    return -1;
}

/* ---- where the partitions are ------------------------------------------------------------------------------------ */

static int await_address(struct redis_readers *readers, int partition, int64_t give_up_us,
                         struct redis_address *ret_address, struct error *error)
{
    while (!topology_find(readers->topology, partition, ret_address)) {
        if (clock_monotonic_us() > give_up_us) {
            error_set(error, "no Redis has partition %d", partition);
            return -1;
        }
        clock_sleep_ms(LOOK_EVERY_MS);
    }
    return 0;
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

/* NULL with error filled. */
static struct redis_conn *conn_to(struct redis_readers *readers, const struct redis_address *address,
                                  const struct config *config, struct error *error)
{
    for (size_t i = 0; i < readers->link_count; i++) {
        if (redis_address_equal(&readers->links[i].address, address)) {
            return readers->links[i].conn;
        }
    }
    struct redis_conn *conn = redis_login(address, config, NULL, error);
    if (conn != NULL && topology_is_cluster(readers->topology) &&
        topology_check_member(readers->topology, conn, error) != 0) {
        redis_conn_close(conn);
        conn = NULL;
    }
    if (conn != NULL) {
        readers->links[readers->link_count++] = (struct redis_link){*address, conn};
    }
    return conn;
}

static int read_store_id(struct redis_readers *readers, struct error *error)
{
    struct redis_reader *reader = &readers->all[0];
    struct redis_reply reply;
    if (topology_is_cluster(readers->topology)) {
        topology_store_id(readers->topology, readers->store_id);
        return 0;
    }
    buffer_append_text(&reader->requests, redis_store_id_request);
    if (redis_command_begin(reader->conn, &reader->requests, reader->timeout_ms, error) != 0 ||
        redis_command_expect(reader->conn, "GET", &reply, error) != 0) {
        return -1;
    }
    if (reply.type == REDIS_NIL) {
        error_set(error, "Redis has no key tally:store: Tally has never used this Redis, or not this redis.db of it");
        return -1;
    }
    return redis_store_id_read(reply.text, readers->store_id, error);
}

/* ---- open and close ---------------------------------------------------------------------------------------------- */

static int open_readers(struct redis_readers *readers, const struct config *config, int64_t give_up_us,
                        struct error *error)
{
    const size_t count = (size_t)readers->count;
    readers->all = calloc(count, sizeof(*readers->all));
    readers->links = calloc(count, sizeof(*readers->links));
    if (readers->all == NULL || readers->links == NULL) {
        return out_of_memory(error);
    }
    for (int i = 0; i < readers->count; i++) {
        redis_reader_init(&readers->all[i], i, readers->count, config->redis.timeout_ms);
        readers->all[i].is_cluster = topology_is_cluster(readers->topology);
    }
    for (int i = 0; i < readers->count; i++) {
        struct redis_address address;
        if (await_address(readers, i, give_up_us, &address, error) != 0) {
            return -1;
        }
        readers->all[i].conn = conn_to(readers, &address, config, error);
        if (readers->all[i].conn == NULL) {
            return -1;
        }
    }
    return 0;
}

int redis_readers_open(struct redis_readers *readers, const struct config *config, struct error *error)
{
    const int64_t give_up_us = clock_monotonic_us() + (int64_t)TOPOLOGY_WAIT_MS * 1000;
    *readers = (struct redis_readers){.topology = topology_create_to_read(config, error)};
    if (readers->topology == NULL ||
        (readers->count = topology_await(readers->topology, TOPOLOGY_WAIT_MS, error)) == 0 ||
        open_readers(readers, config, give_up_us, error) != 0 || read_store_id(readers, error) != 0) {
        redis_readers_close(readers);
        return -1;
    }
    return 0;
}

void redis_readers_close(struct redis_readers *readers)
{
    for (int i = 0; readers->all != NULL && i < readers->count; i++) {
        redis_reader_done(&readers->all[i]);
    }
    for (size_t i = 0; i < readers->link_count; i++) {
        redis_conn_close(readers->links[i].conn);
    }
    free(readers->all);
    free(readers->links);
    topology_free(readers->topology);
    *readers = (struct redis_readers){.count = 0};
}

struct redis_reader *redis_readers_of(const struct redis_readers *readers, struct text resource_id)
{
    return &readers->all[redis_partition_of(resource_id, readers->count)];
}
