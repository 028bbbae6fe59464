#include "counter-service/repartition/repartition_site.h"

#include <stdlib.h>

#include "counter-service/redis/redis_address.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_error.h"
#include "counter-service/redis/redis_login.h"
#include "counter-service/redis/redis_store_id.h"
#include "counter-service/topology/cluster_member.h"
#include "counter-service/topology/cluster_slots.h"
#include "counter-service/topology/redis_slot.h"

/* ---- exchanges --------------------------------------------------------------------------------------------------- */

/* The requests are needed until the last reply was read: so they go when the next ones are made. */
int repartition_site_begin(struct repartition_site *site, struct redis_conn *conn, struct error *error)
{
    return redis_command_begin(conn, &site->requests, site->config.redis.timeout_ms, error);
}

int repartition_site_next(struct redis_conn *conn, struct redis_reply *ret_reply, struct error *error)
{
    if (redis_conn_next(conn, ret_reply) != 0) {
        error_set(error, "%s", redis_conn_error(conn));
        return -1;
    }
    return 0;
}

int repartition_site_ask(struct repartition_site *site, struct redis_conn *conn, const char *command, size_t replies,
                         struct redis_reply *ret_last, struct error *error)
{
    int result = repartition_site_begin(site, conn, error);
    for (size_t i = 0; result == 0 && i < replies; i++) {
        result = redis_command_expect(conn, command, ret_last, error);
    }
    buffer_clear(&site->requests, SIZE_MAX);
    return result;
}

/* ---- open -------------------------------------------------------------------------------------------------------- */

/* At the address of a cluster's node that is gone may be another Redis. */
static int check_member(struct repartition_site *site, size_t node, struct redis_conn *conn, struct error *error)
{
    struct error why;
    struct redis_reply slots;
    if (!site->is_cluster || (cluster_member_ask(conn, site->config.redis.timeout_ms, &slots, &why) == 0 &&
                              cluster_member_check(site->ids, &slots, &why) == 0)) {
        return 0;
    }
    error_set(error, "Redis at %s: %s", redis_address_write(&site->table->nodes[node]).text, why.message);
    return -1;
}

static struct redis_conn *log_in(struct repartition_site *site, size_t node, struct error *error)
{
    struct redis_conn *conn = redis_login(&site->table->nodes[node], &site->config, NULL, error);
    if (conn != NULL && check_member(site, node, conn, error) != 0) {
        redis_conn_close(conn);
        return NULL;
    }
    return conn;
}

static int open_link(struct repartition_site *site, uint16_t node, struct error *error)
{
    if (node == TOPOLOGY_NOWHERE) {
        error_set(error, "the Redis Cluster does not serve all slots, or has more than %d masters", TOPOLOGY_NODES_MAX);
        return -1;
    }
    if (site->links[node] == NULL) {
        site->links[node] = log_in(site, node, error);
    }
    return site->links[node] == NULL ? -1 : 0;
}

static int open_links(struct repartition_site *site, struct error *error)
{
    for (int i = 0; i < site->table->partitions; i++) {
        if (open_link(site, site->table->at[i], error) != 0) {
            return -1;
        }
    }
    return 0;
}

static int open_single(struct repartition_site *site, const struct redis_address *address, struct error *error)
{
    const uint16_t node = topology_table_node(site->table, address);
    for (int i = 0; i < site->table->partitions; i++) {
        site->table->at[i] = node;
    }
    if (open_links(site, error) != 0) {
        return -1;
    }
    site->meta = site->links[node];
    site->store = site->links[node];
    return 0;
}

static int open_cluster(struct repartition_site *site, const struct redis_address *asked,
                        const struct redis_reply *slots, struct error *error)
{
    struct redis_address meta;
    struct redis_address store;
    site->is_cluster = true;
    site->config.redis.db = 0;
    site->ids = malloc(sizeof(*site->ids));
    if (site->ids == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    cluster_ids_read(slots, site->ids);
    if (cluster_slots_read(slots, asked, site->table, error) != 0) {
        return -1;
    }
    uint16_t nodes[] = {TOPOLOGY_NOWHERE, TOPOLOGY_NOWHERE};
    if (cluster_slots_find(slots, asked, redis_slot_of(redis_meta_key), &meta)) {
        nodes[0] = topology_table_node(site->table, &meta);
    }
    if (cluster_slots_find(slots, asked, redis_slot_of(redis_store_id_key), &store)) {
        nodes[1] = topology_table_node(site->table, &store);
    }
    if (open_link(site, nodes[0], error) != 0 || open_link(site, nodes[1], error) != 0 ||
        open_links(site, error) != 0) {
        return -1;
    }
    site->meta = site->links[nodes[0]];
    site->store = site->links[nodes[1]];
    return 0;
}

/* Whether it is a node of a cluster says CLUSTER SLOTS: anything but a list is one Redis. */
static int open_at(struct repartition_site *site, const struct redis_address *address, struct error *error)
{
    struct redis_reply reply = {.type = REDIS_NIL};
    struct redis_conn *conn = redis_connect(address, &site->config, error);
    if (conn == NULL) {
        return -1;
    }
    redis_command_words(&site->requests, TEXT("CLUSTER"), TEXT("SLOTS"));
    int result = repartition_site_begin(site, conn, error);
    if (result == 0) {
        result = repartition_site_next(conn, &reply, error);
    }
    buffer_clear(&site->requests, SIZE_MAX);
    if (result == 0) {
        result = reply.type == REDIS_ARRAY && site->config.redis.mode != REDIS_MODE_SINGLE
                     ? open_cluster(site, address, &reply, error)
                     : open_single(site, address, error);
    }
    redis_conn_close(conn);
    return result;
}

int repartition_site_open(struct repartition_site *site, const struct config *config, char *const *addrs,
                          size_t addr_count, struct error *error)
{
    *site = (struct repartition_site){.config = *config};
    buffer_init(&site->requests);
    if (config->redis.mode == REDIS_MODE_SENTINEL || config->redis.sentinel_addr_count > 0) {
        error_set(error, "with redis.sentinel_addrs nothing is repartitioned: take it out, set redis.mode single, and "
                         "redis.addr to the master");
        return -1;
    }
    site->table = malloc(sizeof(*site->table));
    if (site->table == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    topology_table_init(site->table, PARTITIONS_MAX);
    for (size_t i = 0; i < addr_count; i++) {
        struct redis_address address;
        if (redis_address_parse(addrs[i], &address, error) != 0) {
            return -1;
        }
        if (open_at(site, &address, error) == 0) {
            return 0;
        }
        if (site->is_cluster) {
            return -1;
        }
    }
    return -1;
}

void repartition_site_close(struct repartition_site *site)
{
    for (size_t i = 0; i < TOPOLOGY_NODES_MAX; i++) {
        redis_conn_close(site->links[i]);
    }
    free(site->table);
    free(site->ids);
    buffer_done(&site->requests);
    *site = (struct repartition_site){.is_cluster = false};
}

static void replace_link(struct repartition_site *site, size_t node, struct redis_conn *conn)
{
    struct redis_conn *before = site->links[node];
    site->meta = site->meta == before ? conn : site->meta;
    site->store = site->store == before ? conn : site->store;
    site->links[node] = conn;
    redis_conn_close(before);
}

int repartition_site_reopen(struct repartition_site *site, struct error *error)
{
    for (size_t i = 0; i < repartition_site_links(site); i++) {
        if (site->links[i] == NULL) {
            continue;
        }
        struct redis_conn *conn = log_in(site, i, error);
        if (conn == NULL) {
            return -1;
        }
        replace_link(site, i, conn);
    }
    return 0;
}

/* ---- where ------------------------------------------------------------------------------------------------------- */

struct redis_conn *repartition_site_conn(const struct repartition_site *site, int partition)
{
    return site->links[site->table->at[partition]];
}

size_t repartition_site_links(const struct repartition_site *site)
{
    return site->table->node_count;
}
